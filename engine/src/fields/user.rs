//! `user.*` and `group.*`: on whose behalf the process runs.

use super::{Field, Value, number, text};

/// What Falco prints for a user or group without a name: a value, not a missing one.
const NOBODY: &str = "<NA>";

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    number("group.gid", "the group's id", |e| Some(Value::number(e.process?.gid))),
    text("group.name", "the group's name, `<NA>` if it has none", |e| {
        let process = e.process?;
        Some(Value::text(name(&process.group_name, process.gid)))
    }),
    text("user.loginname", "the name of the user who logged in", |e| {
        let process = e.process?;
        Some(Value::text(name(&process.login_name, process.loginuid)))
    }),
    number("user.loginuid", "the id of the user who logged in; -1 if nobody did", |e| {
        let loginuid = e.process?.loginuid;
        Some(Value::number(if loginuid == u32::MAX { -1 } else { i64::from(loginuid) }))
    }),
    text("user.name", "the user's name, `<NA>` if it has none", |e| {
        let process = e.process?;
        Some(Value::text(name(&process.user_name, process.uid)))
    }),
    number("user.uid", "the user's id", |e| Some(Value::number(e.process?.uid))),
];

fn name(name: &str, id: u32) -> &str {
    match (name, id) {
        ("", 0) => "root",
        ("", _) => NOBODY,
        (name, _) => name,
    }
}
