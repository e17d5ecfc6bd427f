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
    names: HashMap<u32, Box<str>>,
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
        self.users.names.get(&id).cloned().unwrap_or_default()
    }

    /// The group's name; empty if it has none.
    pub(crate) fn group(&mut self, id: u32) -> Box<str> {
        self.refresh();
        self.groups.names.get(&id).cloned().unwrap_or_default()
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
        let mut table = Self { path: path.into(), modified: None, names: HashMap::new() };
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
            self.names = parse(&text);
            self.modified = modified;
        }
    }
}

/// `name:password:id:…`, one on each line. The first name of an id counts.
fn parse(text: &[u8]) -> HashMap<u32, Box<str>> {
    let mut names = HashMap::new();
    for line in String::from_utf8_lossy(text).lines() {
        let mut columns = line.split(':');
        if let (Some(name), Some(_), Some(Ok(id))) =
            (columns.next(), columns.next(), columns.next().map(str::parse))
        {
            names.entry(id).or_insert_with(|| name.into());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_an_id_counts() {
        let names = parse(b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0\n# a comment\nbad:x:y\n\xff:x:7:\n");
        assert_eq!(names.get(&0).map(AsRef::as_ref), Some("root"));
        assert_eq!(names.len(), 2);
    }
}
