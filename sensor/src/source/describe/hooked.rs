//! The paths that the kernel's own checks have seen, until the record of their call comes.

use std::collections::HashMap;

use super::super::ebpf::calls::{Call, Value};
use super::super::ebpf::hooks;
use super::super::ebpf::record::{CallPart, HookPart, Record, join_path, part};
use super::texts::Texts;

/// Threads that can be in a call at the same time, as far as they are remembered.
const THREADS_MAX: usize = 4096;

/// Which check it was, and the paths that it saw.
type Check = (u32, [Vec<u8>; 2]);

/// By thread the last check of the call that it is in.
#[derive(Default)]
pub(in crate::source) struct Hooked {
    threads: HashMap<u32, Check>,
    /// Checks whose call's record did not come before there was no more room.
    pub(in crate::source) forgotten: u64,
}

impl Hooked {
    /// Notes a check.
    pub(super) fn put(&mut self, record: &Record<'_>, hook: HookPart) {
        if self.threads.len() >= THREADS_MAX && !self.threads.contains_key(&record.header.tid) {
            self.forgotten += u64::try_from(self.threads.len()).unwrap_or(u64::MAX);
            self.threads.clear();
        }
        let mut paths = [Vec::new(), Vec::new()];
        for (at, path) in (0..).zip(&mut paths) {
            if let Some(part) = record.part_of(part::PATH, at) {
                join_path(part, path);
            }
        }
        self.threads.insert(record.header.tid, (hook.which, paths));
    }

    /// The check of the call that a thread is in.
    pub(super) fn take(&mut self, tid: u32) -> Option<Check> {
        self.threads.remove(&tid)
    }

    /// Lets a check be that of the call that a thread is in.
    pub(super) fn give(&mut self, tid: u32, check: Option<Check>) {
        if let Some(check) = check {
            self.threads.insert(tid, check);
        }
    }

    /// Whether a call's paths are known. A check is surely this call's own only if the call has succeeded.
    pub(super) fn knows(&self, tid: u32, call: &CallPart, row: &Call) -> bool {
        call.result == 0 && self.threads.get(&tid).is_some_and(|(which, _)| hooks::is_of(*which, row.event))
    }

    /// Puts the paths of the call's check in the place of those that the caller's memory had.
    pub(super) fn correct(&self, tid: u32, call: &CallPart, row: &Call, texts: &mut Texts) {
        let Some((_, paths)) = self.threads.get(&tid).filter(|_| self.knows(tid, call, row)) else { return };
        let args = row.args.iter().filter_map(|(_, value)| match value {
            Value::Path(at) => Some(*at),
            _ => None,
        });
        for (path, at) in paths.iter().zip(args) {
            if !path.is_empty() {
                texts.set_path(at, path);
            }
        }
    }

    /// Notes that a thread's call has been told.
    pub(super) fn end(&mut self, tid: u32) {
        self.threads.remove(&tid);
    }
}
