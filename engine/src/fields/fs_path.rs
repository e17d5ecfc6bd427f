//! `fs.path.*`: the paths that a call is about.

use super::row::row;
use super::{Field, Get, Type, Value};
use crate::{ArgValue, Event, EventType};

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    row("fs.path.name", Type::Fspath, "the path of a call on one file", Get::One(|e| one(e, false))),
    row(
        "fs.path.nameraw",
        Type::Fspath,
        "the path of a call on one file, as the caller gave it",
        Get::One(|e| one(e, true)),
    ),
    row(
        "fs.path.source",
        Type::Fspath,
        "the path that a call moves, links or mounts",
        Get::One(|e| pair(e, 0, false)),
    ),
    row(
        "fs.path.sourceraw",
        Type::Fspath,
        "the path that a call moves, links or mounts, as the caller gave it",
        Get::One(|e| pair(e, 0, true)),
    ),
    row(
        "fs.path.target",
        Type::Fspath,
        "the path that a call moves, links or mounts it to",
        Get::One(|e| pair(e, 1, false)),
    ),
    row(
        "fs.path.targetraw",
        Type::Fspath,
        "the path that a call moves, links or mounts it to, as the caller gave it",
        Get::One(|e| pair(e, 1, true)),
    ),
];

/// The arguments that are the paths of a call: one, or source and target. Of hard links Falco takes the new
/// path for the source.
pub(super) fn paths(kind: EventType) -> Option<&'static [&'static str]> {
    Some(match kind.name() {
        "mkdir" | "mkdirat" | "rmdir" | "unlink" | "chown" | "lchown" => &["path"],
        "unlinkat" | "open" | "openat" | "openat2" | "umount" | "umount2" => &["name"],
        "chmod" | "fchmodat" => &["filename"],
        "fchownat" => &["pathname"],
        "quotactl" => &["special"],
        "rename" | "renameat" | "renameat2" => &["oldpath", "newpath"],
        "link" | "linkat" => &["newpath", "oldpath"],
        "symlink" | "symlinkat" => &["linkpath", "target"],
        "mount" => &["dev", "dir"],
        other => return beyond(other),
    })
}

/// Those of calls that Falco does not take apart.
fn beyond(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "access" => &["name"],
        "fspick" | "futimesat" | "inotify_add_watch" | "lremovexattr" | "lsetxattr" | "mknod" | "mknodat"
        | "mount_setattr" | "name_to_handle_at" | "open_tree" | "removexattr" | "setxattr" | "truncate"
        | "utime" | "utimensat" | "utimes" => &["path"],
        "move_mount" => &["from_path", "to_path"],
        _ => return None,
    })
}

/// A path argument.
pub(super) fn argument<'a>(event: &Event<'a>, name: &str, is_raw: bool) -> Option<Value<'a>> {
    match event.args.iter().find(|arg| arg.name == name)?.value {
        ArgValue::Path { raw, resolved } => {
            Some(Value::text(if is_raw || resolved.is_empty() { raw } else { resolved }))
        }
        ArgValue::Text(text) => Some(Value::text(text)),
        _ => None,
    }
}

/// Falco's test of success: an open call whose descriptor is not exactly -1, any other that did not fail.
fn succeeded(event: &Event<'_>) -> bool {
    if event.kind.name().starts_with("open") { event.result != Some(-1) } else { event.result >= Some(0) }
}

fn one<'a>(event: &Event<'a>, is_raw: bool) -> Option<Value<'a>> {
    if !succeeded(event) {
        return None;
    }
    if matches!(
        event.kind.name(),
        "fallocate" | "fchmod" | "fchown" | "fremovexattr" | "fsetxattr" | "ftruncate"
    ) {
        return Some(Value::text(if is_raw { event.fd?.name_raw } else { event.fd?.name }));
    }
    match paths(event.kind)? {
        [name] => argument(event, name, is_raw),
        _ => None,
    }
}

fn pair<'a>(event: &Event<'a>, which: usize, is_raw: bool) -> Option<Value<'a>> {
    match paths(event.kind)? {
        names @ [_, _] if succeeded(event) => argument(event, names[which], is_raw),
        _ => None,
    }
}
