//! Names of users and groups, from the host's `/etc/passwd` and `/etc/group`.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

/// The files are looked at again so often.
const REFRESH: Duration = Duration::from_secs(2);

/// Bytes that are read of either file.
const BYTES_MAX: u64 = 16 << 20;

/// Both tables.
#[derive(Debug)]
pub(crate) struct Names {
    users: Table,
    groups: Table,
    looked: Instant,
}

#[derive(Debug)]
struct Table {
    path: PathBuf,
    modified: Option<SystemTime>,
    entries: HashMap<u32, Entry>,
}

/// A line of either file.
#[derive(Clone, Debug, Default)]
struct Entry {
    name: Box<str>,
    /// A user's home folder and shell.
    home: Box<str>,
    shell: Box<str>,
}

impl Names {
    pub(crate) fn new() -> Self {
        let users = Table::new("/etc/passwd");
        let groups = Table::new("/etc/group");
        Self { users, groups, looked: Instant::now() }
    }

    /// The user's name; empty if it has none.
    pub(crate) fn user(&mut self, id: u32) -> Box<str> {
        self.refresh();
        self.users.entries.get(&id).map(|entry| entry.name.clone()).unwrap_or_default()
    }

    /// The user's home folder and shell; empty if it has none.
    pub(crate) fn home_and_shell(&mut self, id: u32) -> (Box<str>, Box<str>) {
        self.refresh();
        let entry = self.users.entries.get(&id);
        entry.map(|entry| (entry.home.clone(), entry.shell.clone())).unwrap_or_default()
    }

    /// The group's name; empty if it has none.
    pub(crate) fn group(&mut self, id: u32) -> Box<str> {
        self.refresh();
        self.groups.entries.get(&id).map(|entry| entry.name.clone()).unwrap_or_default()
    }

    fn refresh(&mut self) {
        if self.looked.elapsed() >= REFRESH {
            self.looked = Instant::now();
            self.users.refresh();
            self.groups.refresh();
        }
    }
}

impl Table {
    fn new(path: &str) -> Self {
        let mut table = Self { path: path.into(), modified: None, entries: HashMap::new() };
        table.refresh();
        table
    }

    fn refresh(&mut self) {
        let Ok(metadata) = fs::metadata(&self.path) else { return };
        let modified = metadata.modified().ok();
        if (modified.is_some() && modified == self.modified) || metadata.len() > BYTES_MAX {
            return;
        }
        if let Ok(text) = fs::read(&self.path) {
            self.entries = parse(&text);
            self.modified = modified;
        }
    }
}

/// `name:password:id:…`, one on each line, of users `…:group:comment:home:shell` behind. The first line of an
/// id counts.
fn parse(text: &[u8]) -> HashMap<u32, Entry> {
    let mut entries = HashMap::new();
    for line in String::from_utf8_lossy(text).lines() {
        let columns: Vec<&str> = line.split(':').collect();
        if let [name, _, id, ref more @ ..] = columns[..]
            && let Ok(id) = id.parse()
        {
            let column = |at: usize| more.get(at).copied().unwrap_or_default().into();
            entries.entry(id).or_insert_with(|| Entry {
                name: name.into(),
                home: column(2),
                shell: column(3),
            });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_an_id_counts() {
        let names = parse(b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0\n# a comment\nbad:x:y\n\xff:x:7:\n");
        let root = names.get(&0).unwrap();
        assert_eq!((&*root.name, &*root.home, &*root.shell), ("root", "/root", "/bin/sh"));
        assert_eq!(names.get(&7).map(|entry| &*entry.shell), Some(""));
        assert_eq!(names.len(), 2);
    }
}
