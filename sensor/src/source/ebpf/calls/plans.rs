//! Plans: what the kernel is told of the rows that somebody wants.

use std::collections::HashSet;

use cadge_engine::EventType;

use super::{
    CHANGES, ENTER, LOOKS, PLAN_BYTES, ROWS, SENDS, SILENT, STAND_IN, TAKES_MAX, Take, compat, numbers, uring,
};

/// What the kernel is to do about a call.
pub(in crate::source::ebpf) struct Plan {
    /// The row's number.
    pub(in crate::source::ebpf) row: u16,
    /// `struct cadge_plan`.
    pub(in crate::source::ebpf) bytes: [u8; PLAN_BYTES],
    /// Whether the call is looked at when it begins, too.
    pub(in crate::source::ebpf) at_enter: bool,
    /// The numbers of its system calls in this architecture.
    pub(in crate::source::ebpf) native: Vec<u32>,
    /// Those of its 32-bit ones.
    pub(in crate::source::ebpf) compat: Vec<u32>,
}

/// The plans for those rows that somebody wants, or that change a process.
pub(in crate::source::ebpf) fn plans(wanted: &[EventType]) -> Vec<Plan> {
    let rows = (1_u16..).zip(ROWS.iter());
    let (stand_ins, own): (Vec<_>, Vec<_>) = rows.partition(|(_, (call, _))| call.flags & STAND_IN != 0);
    let mut planned = HashSet::new();
    let mut plans = Vec::new();
    for (row, (call, kind)) in own.into_iter().chain(stand_ins) {
        let told = wanted.contains(kind);
        let free = |name: &&&str| call.flags & STAND_IN == 0 || !planned.contains(**name);
        let names: Vec<&str> = call.calls.iter().filter(free).copied().collect();
        if names.is_empty() || !told && call.flags & (CHANGES | LOOKS) == 0 {
            continue;
        }
        let flags = match (told, call.is_of_texts()) {
            (false, _) => call.flags | SILENT,
            (true, true) => call.flags & !STAND_IN | ENTER,
            (true, false) => call.flags & !STAND_IN,
        };
        plans.push(Plan {
            row,
            bytes: plan(flags, call.takes),
            at_enter: told && flags & (ENTER | SENDS) != 0,
            native: native_numbers(&names),
            compat: compat::numbers(&names),
        });
        planned.extend(names);
    }
    plans
}

/// Every number by which a native program makes one of the calls, and what else does their work.
fn native_numbers(names: &[&str]) -> Vec<u32> {
    let own = numbers::all(names, numbers::native).into_iter();
    own.chain(compat::x32_numbers(names)).chain(uring::numbers(names)).collect()
}

fn plan(flags: u32, takes: &[Take]) -> [u8; PLAN_BYTES] {
    let mut plan = [0; PLAN_BYTES];
    plan[..4].copy_from_slice(&flags.to_ne_bytes());
    for (take, at) in takes.iter().take(TAKES_MAX).zip(plan[4..].chunks_exact_mut(4)) {
        at.copy_from_slice(&take.bytes());
    }
    plan
}
