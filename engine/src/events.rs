//! The event table: one row for each kind of event, with Falco's names.

use crate::EventType;

/// A row of the event table.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo {
    /// The name that `evt.type` gives.
    pub name: &'static str,
    /// The names of the arguments, in order.
    pub args: &'static [&'static str],
}

const fn event(name: &'static str, args: &'static [&'static str]) -> EventInfo {
    EventInfo { name, args }
}

/// Every kind of event. [`EventType`] is an index into it.
pub const EVENTS: &[EventInfo] = &[
    event("execve", &["res", "exe", "args", "tid", "pid", "ptid", "cwd", "filename"]),
    event("execveat", &["res", "exe", "args", "tid", "pid", "ptid", "cwd"]),
    event("clone", &["res", "exe", "args", "tid", "pid", "ptid", "cwd"]),
    event("procexit", &["status", "ret", "sig", "core", "reaper_tid"]),
    event("open", &["fd", "name", "flags", "mode", "dev", "ino"]),
    event("openat", &["fd", "dirfd", "name", "flags", "mode", "dev", "ino"]),
    event("openat2", &["fd", "dirfd", "name", "flags", "mode", "resolve", "dev", "ino"]),
    event("creat", &["fd", "name", "mode", "dev", "ino", "creat_flags"]),
    event("open_by_handle_at", &["fd", "mountfd", "flags", "path", "dev", "ino"]),
    event("connect", &["res", "tuple", "fd", "addr"]),
];

/// The constants that sources use. A test compares each with its row.
impl EventType {
    /// A program was executed.
    pub const EXECVE: Self = Self(0);
    /// A program was executed, by descriptor or relative to one.
    pub const EXECVEAT: Self = Self(1);
    /// A process was created.
    pub const CLONE: Self = Self(2);
    /// A process ended.
    pub const PROCEXIT: Self = Self(3);
    /// `open`.
    pub const OPEN: Self = Self(4);
    /// `openat`.
    pub const OPENAT: Self = Self(5);
    /// `openat2`.
    pub const OPENAT2: Self = Self(6);
    /// `creat`.
    pub const CREAT: Self = Self(7);
    /// `open_by_handle_at`.
    pub const OPEN_BY_HANDLE_AT: Self = Self(8);
    /// `connect`.
    pub const CONNECT: Self = Self(9);

    /// Its row.
    pub fn info(self) -> &'static EventInfo {
        &EVENTS[usize::from(self.0)]
    }

    /// Its name, as `evt.type` gives it.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The kind of event with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let index = EVENTS.iter().position(|event| event.name == name)?;
        u16::try_from(index).ok().map(Self)
    }
}
