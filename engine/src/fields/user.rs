//! `user.*` and `group.*`: on whose behalf the process runs.

use super::row::{number, text};
use super::{Field, Type, Value};

/// What Falco prints for a user or group without a name: a value, not a missing one.
const NOBODY: &str = "<NA>";

/// Sorted by name.
pub(super) const USER: &[Field] = &[
    text("user.homedir", "the user's home folder, `<NA>` if it is not known", |e| {
        let process = e.process?;
        Some(Value::text(known(&process.user_home, if process.uid == 0 { "/root" } else { NOBODY })))
    }),
    text("user.loginname", "the name of the user who logged in", |e| {
        let process = e.process?;
        Some(Value::text(name(&process.login_name, process.loginuid)))
    }),
    number("user.loginuid", Type::Int64, "the id of the user who logged in; -1 if nobody did", |e| {
        let loginuid = e.process?.loginuid;
        Some(Value::number(if loginuid == u32::MAX { -1 } else { i64::from(loginuid) }))
    }),
    text("user.name", "the user's name, `<NA>` if it has none", |e| {
        let process = e.process?;
        Some(Value::text(name(&process.user_name, process.uid)))
    }),
    number("user.ns_uid", Type::Uint32, "Cadge's own: the user's id in its own user namespace", |e| {
        e.process?.ns_uid.map(Value::number)
    }),
    text("user.shell", "the user's shell, `<NA>` if it is not known", |e| {
        Some(Value::text(known(&e.process?.user_shell, NOBODY)))
    }),
    number("user.uid", Type::Uint32, "the user's id", |e| Some(Value::number(e.process?.uid))),
];

/// Sorted by name.
pub(super) const GROUP: &[Field] = &[
    number("group.gid", Type::Uint32, "the group's id", |e| Some(Value::number(e.process?.gid))),
    text("group.name", "the group's name, `<NA>` if it has none", |e| {
        let process = e.process?;
        Some(Value::text(name(&process.group_name, process.gid)))
    }),
];

fn name(name: &str, id: u32) -> &str {
    known(name, if id == 0 { "root" } else { NOBODY })
}

fn known<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
