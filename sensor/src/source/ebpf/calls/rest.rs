//! Every other system call that is a kind of event: that it was made and what it returned, no more. So no
//! rule waits in vain for a call that exists.

use std::slice::from_ref;
use std::sync::LazyLock;

use cadge_engine::EventType;

use super::{Call, FdOf, STAND_IN, Value, is_listed, is_listed_call, numbers};
use crate::source::answers;

/// The rows, each of a kind of event that no other file has and nothing speaks against.
pub(super) static ROWS: LazyLock<Vec<Call>> = LazyLock::new(|| {
    let is_left = |kind: &EventType| {
        numbers::native(kind.name()).is_some() && !is_listed(*kind) && answers::why_not_told(*kind).is_none()
    };
    EventType::all().filter(is_left).filter(|kind| !answers::is_of_process(*kind)).map(row).collect()
});

fn row(kind: EventType) -> Call {
    let info = kind.info();
    // The call may be another event in some cases, such as fcntl that duplicates.
    let flags = if is_listed_call(info.name) { STAND_IN } else { 0 };
    Call {
        event: info.name,
        calls: from_ref(&info.name),
        flags,
        takes: &[],
        args: args(info.args),
        fd: FdOf::None,
    }
}

/// Of the arguments the first one, which is what the call returned.
fn args(names: &[&str]) -> &'static [(&'static str, Value)] {
    match names.first() {
        Some(&"res") => &[("res", Value::Result)],
        Some(&"fd") => &[("fd", Value::ResultFd)],
        _ => &[],
    }
}
