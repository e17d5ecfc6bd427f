//! The list of system calls: of each its event, what the kernel program takes of it, and the event's
//! arguments. Nothing else in the sensor names a call.

pub(crate) mod compat;
mod contents;
mod descriptors;
mod kernel;
mod memory;
mod modes;
mod mounts;
mod names;
mod numbers;
mod open;
mod plain;
mod plans;
mod exec;
mod process;
mod others;
mod quota;
mod rest;
mod sockets;
pub(super) mod uring;

use std::sync::LazyLock;

use cadge_engine::flags::Names;
use cadge_engine::{ArgValue, EventType};

use crate::source::describe::Taken;
use crate::source::ebpf::record::{CallPart, arg};
pub(super) use plans::plans;

/// A system call, or several that have the same arguments and are one kind of event.
pub(crate) struct Call {
    /// The name of the event's type.
    pub(crate) event: &'static str,
    /// The names of the system calls. An architecture need not have all of them.
    pub(crate) calls: &'static [&'static str],
    /// `enum cadge_plan_flags`.
    pub(crate) flags: u32,
    /// What the kernel program takes, at most [`TAKES_MAX`].
    pub(crate) takes: &'static [Take],
    /// The event's arguments, in the order of the event table.
    pub(crate) args: &'static [(&'static str, Value)],
    /// What the event's descriptor is.
    pub(crate) fd: FdOf,
}

impl Call {
    /// Whether there are texts of which the kernel keeps nothing that could be looked at when the call is
    /// done: those of calls that open are not such.
    fn is_of_texts(&self) -> bool {
        self.takes.iter().any(|take| matches!(take, Take::String(_) | Take::Path(..)))
    }

    /// Whether one of the row's conditions is true, or it has none: what the kernel program asks too.
    pub(crate) fn admits(&self, call: &CallPart) -> bool {
        let mut conditions = self.takes.iter().filter_map(|take| match *take {
            Take::If(at, number) => Some(call.word(at) == u32::from(number)),
            Take::IfAny(at, bits) => Some(call.word(at) & u32::from(bits) != 0),
            Take::IfBit(at, bit) => Some(call.word(at) >> (bit & 31) & 1 == 1),
            _ => None,
        });
        conditions.clone().next().is_none() || conditions.any(|is_true| is_true)
    }
}

/// Of this call no record may be missed.
pub(crate) const CRITICAL: u32 = 1;
/// The process may be another one after it: its working directory, credentials, namespaces, ….
pub(crate) const CHANGES: u32 = 2;
/// Only failed ones are told by this row.
pub(crate) const FAILED: u32 = 4;
/// None is told: no rule asks.
const SILENT: u32 = 8;
/// Its texts are taken at the beginning too.
const ENTER: u32 = 16;
/// It sends, and the kernel notes where to: what it noted before is forgotten when the call begins.
pub(crate) const SENDS: u32 = 32;
/// Operations of `io_uring`s are looked at behind it.
pub(crate) const LOOKS: u32 = 64;
/// The calls have a row of their own: this one takes their place when no rule asks for that one's event.
pub(crate) const STAND_IN: u32 = 1 << 31;
/// If a rule asks for both events, the calls are told as both.
const ALSO: u32 = 1 << 30;

/// `CADGE_TAKES`.
const TAKES_MAX: usize = 7;

/// Bytes of `struct cadge_plan`.
pub(super) const PLAN_BYTES: usize = 4 + 4 * TAKES_MAX;

/// What to take of an argument: `enum cadge_take_what`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Take {
    /// A string of this argument's.
    String(u8),
    /// A path of the first argument's, relative to the second, a descriptor or `arg::NONE` for the
    /// working directory.
    Path(u8, u8),
    /// The same of a call that opens: what it is relative to only if it failed.
    Opened(u8, u8),
    /// What the descriptor of this argument refers to.
    Fd(u8),
    /// So many bytes.
    Bytes(u8, u8),
    /// As many bytes of the first argument's as the second says, at most 16 times the third number.
    Sized(u8, u8, u8),
    /// Nothing: the call is told only if this argument is the number. Conditions stand first, and one of them
    /// has to be true.
    If(u8, u16),
    /// The same if this argument has any of these bits.
    IfAny(u8, u16),
    /// The same if this argument has the bit of this number.
    IfBit(u8, u16),
    /// As many as stands where the second points to.
    SizedAt(u8, u8, u8),
    /// A socket's address of the first argument's, so long as the second says.
    Address(u8, u8),
    /// Where a datagram went to, or else such an address.
    Destination(u8, u8),
    /// So long as stands where the second points to.
    AddressAt(u8, u8),
    /// A `struct msghdr`, and at most 16 times the second number of its bytes. The last one of a row.
    Message(u8, u8),
    /// Several, each in a `struct mmsghdr`. The last one of a row.
    Messages(u8, u8),
    /// A `struct msghdr` that is sent.
    Sent(u8, u8),
    /// Several of them.
    SentAll(u8, u8),
    /// Two descriptors, and what they refer to: the second under `arg::SECOND`.
    Pair(u8),
}

impl Take {
    fn bytes(self) -> [u8; 4] {
        match self {
            Self::String(at) => [1, at, 0, 0],
            Self::Path(at, base) => [2, at, base, 0],
            Self::Opened(at, base) => [3, at, base, 0],
            Self::Fd(at) => [4, at, 0, 0],
            Self::Bytes(at, size) => [5, at, 0, size],
            Self::Sized(at, with, size) => [6, at, with, size],
            Self::If(at, number) => condition(7, at, number),
            Self::IfAny(at, bits) => condition(8, at, bits),
            Self::IfBit(at, bit) => condition(9, at, bit),
            Self::SizedAt(at, with, size) => [32, at, with, size],
            Self::Address(at, with) => [33, at, with, 0],
            Self::Destination(at, with) => [38, at, with, 0],
            Self::AddressAt(at, with) => [34, at, with, 0],
            Self::Message(at, size) => [35, at, 0, size],
            Self::Messages(at, size) => [36, at, 0, size],
            Self::Sent(at, size) => [35, at, 1, size],
            Self::SentAll(at, size) => [36, at, 1, size],
            Self::Pair(at) => [37, at, 0, 0],
        }
    }
}

/// A condition's number fills two bytes.
fn condition(what: u8, at: u8, number: u16) -> [u8; 4] {
    let [low, high] = number.to_le_bytes();
    [what, at, low, high]
}

/// What an argument of an event is made of. Numbers are those of the call's arguments.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    /// What the call returned, an error's name if negative.
    Result,
    /// The descriptor that the call returned.
    ResultFd,
    /// A descriptor.
    Fd(u8),
    /// A path that was taken.
    Path(u8),
    /// A string that was taken.
    Text(u8),
    /// A signed number of 32 bits.
    Int(u8),
    /// An unsigned number of 32 bits.
    Uint(u8),
    /// An unsigned number of 64 bits.
    Long(u8),
    /// Bits in a number of 32 bits.
    Flags(u8, &'static Names),
    /// Permissions.
    Mode(u8),
    /// Flags of open.
    OpenFlags(u8),
    /// A user.
    Uid(u8),
    /// A group.
    Gid(u8),
    /// A process.
    Pid(u8),
    /// A signal.
    Signal(u8),
    /// One of several numbers of 32 bits.
    Enum(u8, &'static Names),
    /// Anything else.
    Made(for<'a> fn(&Taken<'a>) -> ArgValue<'a>),
}

/// What the event's descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FdOf {
    /// It has none.
    None,
    /// That of an argument.
    Arg(u8),
    /// The one that the call returned; if it failed, the path of this argument names what it would have been.
    Opened(u8),
    /// The one that the call returned, if this argument is one of these numbers.
    OpenedBy(u8, &'static [u32]),
    /// What an argument refers to, by the number that the call returned.
    Copied(u8),
    /// The socket that the call returned; if it failed, the one of this argument says what it would have been.
    Accepted(u8),
}

impl FdOf {
    /// The argument whose descriptor it is.
    pub(crate) fn place(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::Arg(at) | Self::Copied(at) => Some(at),
            Self::Opened(_) | Self::OpenedBy(..) | Self::Accepted(_) => Some(arg::RESULT),
        }
    }
}

/// Every file's list.
const LISTS: &[&[Call]] = &[
    open::CALLS,
    names::CALLS,
    modes::CALLS,
    contents::CALLS,
    descriptors::CALLS,
    memory::CALLS,
    mounts::CALLS,
    exec::CALLS,
    process::CALLS,
    others::CALLS,
    sockets::CALLS,
    kernel::CALLS,
    kernel::BARE,
    plain::CALLS,
    quota::CALLS,
    uring::CALLS,
];

/// Every row. A row's number is its place here, from 1.
static ROWS: LazyLock<Vec<(&'static Call, EventType)>> = LazyLock::new(|| {
    let listed = LISTS.iter().copied().flatten().chain(rest::ROWS.iter());
    listed.filter_map(|call| Some((call, EventType::from_name(call.event)?))).collect()
});

/// The row of an event's own call.
pub(crate) fn of_event(kind: EventType) -> Option<&'static Call> {
    ROWS.iter().find(|(call, of)| *of == kind && call.flags & STAND_IN == 0).map(|(call, _)| *call)
}

/// What a row's call is told as beside its own event.
pub(crate) fn also(row: &Call) -> Option<(&'static Call, EventType)> {
    static ALL: LazyLock<Vec<(&Call, EventType)>> =
        LazyLock::new(|| ROWS.iter().filter(|(call, _)| call.flags & ALSO != 0).copied().collect());
    ALL.iter().find(|(call, _)| row.flags & ALSO == 0 && call.calls == row.calls).copied()
}

/// The row of a number, and its kind of event.
pub(crate) fn row(number: u16) -> Option<(&'static Call, EventType)> {
    ROWS.get(usize::from(number).checked_sub(1)?).copied()
}

/// Whether a row was written for a call.
fn is_listed_call(name: &str) -> bool {
    LISTS.iter().copied().flatten().any(|call| call.calls.contains(&name))
}

/// Whether a kind of event has a row that was written for it.
pub(crate) fn is_listed(kind: EventType) -> bool {
    LISTS.iter().copied().flatten().any(|call| call.event == kind.name())
}

/// Whether some row tells events of a kind.
pub(crate) fn is_told(kind: EventType) -> bool {
    ROWS.iter().any(|(_, of)| *of == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_events_whose_arguments_have_their_names() {
        let rows = LISTS.iter().copied().flatten().count() + rest::ROWS.len();
        assert_eq!(rows, ROWS.len(), "an event's name is not in the event table");
        assert!(rows < 1024, "the kernel's table has so many rows");
        for (call, kind) in ROWS.iter() {
            let names: Vec<&str> = call.args.iter().map(|(name, _)| *name).collect();
            let all = if is_listed(*kind) { kind.info().args.len() } else { names.len() };
            assert_eq!(Some(&names[..]), kind.info().args.get(..all), "{}", call.event);
            assert!(call.takes.len() <= TAKES_MAX, "{}", call.event);
            assert!(
                !numbers::all(call.calls, numbers::native).is_empty() || cfg!(not(target_arch = "x86_64")),
                "{}",
                call.event
            );
        }
    }

    #[test]
    fn no_call_is_in_two_rows() {
        let mut seen = std::collections::HashSet::new();
        for (call, _) in ROWS.iter().filter(|(call, _)| call.flags & STAND_IN == 0) {
            for number in numbers::all(call.calls, numbers::native) {
                assert!(seen.insert(("native", number)), "{}", call.event);
            }
            for number in compat::numbers(call.calls) {
                assert!(seen.insert(("32-bit", number)), "{}", call.event);
            }
        }
    }
}
