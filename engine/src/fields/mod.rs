//! The table of fields: one row each, one file for each namespace. Conditions, outputs and the manual
//! all read it.

mod accessor;
mod alert;
mod call;
mod container;
mod evt;
mod evt_arg;
mod fd;
mod fs_path;
mod json;
mod ka;
mod proc;
mod proc_env;
mod row;
mod thread;
mod user;
mod value;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(crate) use accessor::{Accessor, Scope, Statics};
pub(crate) use call::Data;
pub(crate) use row::{FieldArg, Get};
pub(crate) use value::{Owned, Value};

pub use row::{Argument, Field, Kind, Type};

/// The source of system calls.
pub const SYSCALL: &str = "syscall";
/// The source of the audit log of Kubernetes.
pub const K8S_AUDIT: &str = "k8s_audit";

/// A namespace of fields.
#[derive(Debug)]
pub struct Class {
    /// What it is called.
    pub name: &'static str,
    /// What its fields are about.
    pub doc: &'static str,
    /// The source whose events have them; empty for every source.
    pub source: &'static str,
    /// Its fields, sorted by name.
    pub fields: &'static [Field],
}

const fn class(
    name: &'static str,
    source: &'static str,
    doc: &'static str,
    fields: &'static [Field],
) -> Class {
    Class { name, doc, source, fields }
}

/// Every class.
pub const CLASSES: &[Class] = &[
    class("evt", "", "the event itself, whatever its source", evt::GENERIC),
    class("evt", SYSCALL, "the system call", evt::SYSCALL),
    class("process", SYSCALL, "the process that made the call, its parent and ancestors", proc::FIELDS),
    class("thread", SYSCALL, "the thread that made the call", thread::FIELDS),
    class("user", SYSCALL, "the user on whose behalf it runs", user::USER),
    class("group", SYSCALL, "the group on whose behalf it runs", user::GROUP),
    class("fd", SYSCALL, "the file descriptor that the call is about", fd::FIELDS),
    class("fs.path", SYSCALL, "the paths that the call is about", fs_path::FIELDS),
    class("fdlist", SYSCALL, "the file descriptors of a poll", fd::LIST),
    class("container", SYSCALL, "the container in which the process runs", container::FIELDS),
    class("k8s", SYSCALL, "the pod of the container", container::K8S),
    class("ka", K8S_AUDIT, "an event of the audit log of Kubernetes", ka::FIELDS),
    class("jevt", "", "an event that is a JSON object", json::JEVT),
    class("alert", alert::SOURCE, "an alert, in filters on alerts", alert::FIELDS),
    class("json", "", "an event that is a JSON object", json::JSON),
];

/// Whether a field has the names of an address.
pub(crate) fn is_host_name(name: &str) -> bool {
    find(name).is_some_and(|(field, _)| matches!(field.get, Get::Names(_)))
}

/// Every field, by class.
pub fn all() -> impl Iterator<Item = &'static Field> {
    CLASSES.iter().flat_map(|class| class.fields)
}

/// How JSON shows the field of an output, which may have an argument: `proc.aname[2]`. Text if the
/// field is not known.
pub fn kind(name: &str) -> Kind {
    let name = name.split_once('[').map_or(name, |(name, _)| name);
    find(name).map_or(Kind::Text, |(field, _)| field.kind())
}

static BY_NAME: LazyLock<HashMap<&str, (&Field, &str)>> = LazyLock::new(|| {
    CLASSES
        .iter()
        .flat_map(|class| class.fields.iter().map(|field| (field.name, (field, class.source))))
        .collect()
});

/// The fields whose argument may stand behind a dot too: `evt.arg.flags`.
const DOTTED: &[&str] = &["evt.arg", "evt.rawarg", "evt.abspath", "thread.cgroup"];

/// The field of a name in any source, and the argument if it is written with a dot.
pub(crate) fn find(name: &str) -> Option<(&'static Field, Option<&str>)> {
    find_in(name, None)
}

/// The field of a name in a source, and the argument if it is written with a dot.
pub(crate) fn find_in<'a>(name: &'a str, source: Option<&str>) -> Option<(&'static Field, Option<&'a str>)> {
    let exact = |name: &str| {
        let (field, of) = BY_NAME.get(name)?;
        source.is_none_or(|source| of.is_empty() || *of == source).then_some(*field)
    };
    if let Some(field) = exact(name) {
        return Some((field, None));
    }
    DOTTED.iter().find_map(|prefix| {
        let arg = name.strip_prefix(prefix)?.strip_prefix('.').filter(|arg| !arg.is_empty())?;
        Some((exact(prefix)?, Some(arg)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sorted() {
        for class in CLASSES {
            for pair in class.fields.windows(2) {
                assert!(pair[0].name < pair[1].name, "{} {}", pair[0].name, pair[1].name);
            }
        }
        assert_eq!(BY_NAME.len(), all().count());
    }

    #[test]
    fn kinds_are_found_with_and_without_arguments() {
        assert_eq!(kind("proc.aname[2]"), Kind::Text);
        assert_eq!(kind("proc.apid[2]"), Kind::Number);
        assert_eq!(kind("evt.arg.flags"), Kind::Text);
        assert_eq!(kind("evt.is_open_read"), Kind::Bool);
        assert_eq!(kind("who.knows"), Kind::Text);
    }
}
