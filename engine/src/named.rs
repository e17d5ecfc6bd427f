//! The files that rules name. A file may have other names too, and a source that knows what is behind a name
//! can look for them.

use std::collections::BTreeSet;

use crate::Ruleset;
use crate::condition::ast::{Op, Operand};

/// Fields that are the path of an open file.
const PATHS: &[&str] = &["fd.name", "fd.name_host", "fs.path.name"];
/// The same with an argument behind.
const PATH_ARGS: &[&str] = &["name", "filename", "path"];
/// Fields that are the path of its directory.
const DIRECTORIES: &[&str] = &["fd.directory"];

/// What rules name as a whole, not only as a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedFiles {
    /// Absolute paths of files.
    pub files: BTreeSet<Vec<u8>>,
    /// Absolute paths of directories, whose files are meant.
    pub directories: BTreeSet<Vec<u8>>,
}

impl NamedFiles {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.directories.is_empty()
    }
}

impl Ruleset {
    /// The files and directories that rules compare with, for events of system calls. Whether a rule wants
    /// them or wants anything but them makes no difference.
    pub fn named_files(&self) -> NamedFiles {
        let mut named = NamedFiles::default();
        for rule in self.rules().iter().filter(|rule| rule.is_evaluated && *rule.source == *"syscall") {
            rule.condition.checks(&mut |check| {
                let Operand::Field(field) = &check.left else { return };
                let is_arg = field.name == "evt.arg" && field.arg.as_deref().is_some_and(is_path_argument)
                    || field.name.strip_prefix("evt.arg.").is_some_and(is_path_argument);
                let to = match field.name.as_str() {
                    name if PATHS.contains(&name) || is_arg => &mut named.files,
                    name if DIRECTORIES.contains(&name) => &mut named.directories,
                    _ => return,
                };
                if matches!(check.op, Op::Eq | Op::In) {
                    let paths = check.values.iter().map(|literal| literal.bytes.clone());
                    to.extend(paths.filter(|path| path.len() > 1 && path.starts_with(b"/")));
                }
            });
        }
        named
    }
}

fn is_path_argument(name: &str) -> bool {
    PATH_ARGS.contains(&name)
}

#[cfg(test)]
mod tests {
    use crate::{RuleFile, Ruleset, Settings};

    #[test]
    fn whole_paths_are_found_and_patterns_are_not() {
        let text = r"
- list: secrets
  items: [/etc/shadow, /etc/sudoers]
- macro: secret
  condition: fd.name in (secrets) or fd.directory = /etc/pam.d
- rule: secrets
  desc: d
  condition: evt.type = openat and (secret or fd.name startswith /root/ or evt.arg.name = /etc/key) and not fd.name = a
  output: o
  priority: INFO
- rule: disabled
  desc: d
  condition: evt.type = openat and fd.name = /etc/other
  output: o
  priority: INFO
  enabled: false
";
        let report = Ruleset::load(&[RuleFile { name: "r", text }], &Settings::default());
        let named = report.ruleset.unwrap().named_files();
        let files: Vec<_> = named.files.iter().map(|path| String::from_utf8_lossy(path)).collect();
        assert_eq!(files, ["/etc/key", "/etc/shadow", "/etc/sudoers"]);
        assert_eq!(named.directories.iter().next().unwrap(), b"/etc/pam.d");
        assert!(!named.is_empty());
    }
}
