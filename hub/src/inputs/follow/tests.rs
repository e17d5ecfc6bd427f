//! Every way in which a log file comes and goes.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use super::{CHUNK, Follower, QUIET};
use crate::inputs::place::Place;

struct Folder {
    dir: tempfile::TempDir,
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("falco.json");
        Self { dir, path }
    }

    fn follow(&self, before: Option<Place>) -> Follower {
        Follower::new(&self.path, before)
    }

    fn append(&self, text: &str) {
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn rotate(&self) {
        fs::rename(&self.path, self.dir.path().join("falco.json.1")).unwrap();
    }
}

/// Everything there is, and the last place.
fn all(follower: &mut Follower) -> (String, Option<Place>) {
    let (mut text, mut place) = (Vec::new(), None);
    for _ in 0..=2 * QUIET {
        loop {
            let lines = follower.next().unwrap();
            text.extend(lines.text);
            let Some(next) = lines.place else { break };
            place = Some(next);
        }
    }
    (String::from_utf8(text).unwrap(), place)
}

fn text(follower: &mut Follower) -> String {
    all(follower).0
}

#[test]
fn waits_for_the_file_and_for_ends_of_lines() {
    let folder = Folder::new();
    let mut follower = folder.follow(None);
    assert_eq!(text(&mut follower), "");
    folder.append("a\nb");
    assert_eq!(text(&mut follower), "a\n");
    folder.append("c\nd\n");
    assert_eq!(text(&mut follower), "bc\nd\n");
}

#[test]
fn rotation_loses_nothing() {
    let folder = Folder::new();
    let mut follower = folder.follow(None);
    folder.append("a\nb\n");
    let mut old = OpenOptions::new().append(true).open(&folder.path).unwrap();
    assert_eq!(text(&mut follower), "a\nb\n");
    folder.rotate();
    assert_eq!(text(&mut follower), "");
    folder.append("d\n");
    // The writer goes on in the old file for a moment, and ends in the middle of a line.
    assert!(follower.next().unwrap().place.is_none());
    old.write_all(b"c\nlast").unwrap();
    assert_eq!(text(&mut follower), "c\nlastd\n");
    folder.append("e\n");
    assert_eq!(text(&mut follower), "e\n");
}

#[test]
fn a_cut_file_is_a_new_one() {
    let folder = Folder::new();
    let mut follower = folder.follow(None);
    folder.append("aaaa\n");
    assert_eq!(text(&mut follower), "aaaa\n");
    File::create(&folder.path).unwrap();
    assert_eq!(text(&mut follower), "");
    folder.append("b\n");
    assert_eq!(text(&mut follower), "b\n");
    // Cut and longer than before by the next look.
    fs::write(&folder.path, "cccc\ndddd\n").unwrap();
    assert_eq!(text(&mut follower), "cccc\ndddd\n");
}

#[test]
fn goes_on_after_a_restart_even_in_a_renamed_file() {
    let folder = Folder::new();
    folder.append("a\nb\n");
    let (_, place) = all(&mut folder.follow(None));
    folder.append("c\n");
    assert_eq!(text(&mut folder.follow(place)), "c\n");
    folder.rotate();
    folder.append("d\n");
    assert_eq!(text(&mut folder.follow(place)), "c\nd\n");
    // The old one has gone: the new one is read whole.
    fs::remove_file(folder.dir.path().join("falco.json.1")).unwrap();
    assert_eq!(text(&mut folder.follow(place)), "d\n");
}

#[test]
fn a_line_that_is_too_long_is_left_out_alone() {
    let folder = Folder::new();
    let long = "x".repeat(2 * CHUNK + 5);
    folder.append(&format!("a\n{long}\nb\n"));
    let (mut follower, mut text, mut too_long) = (folder.follow(None), Vec::new(), 0);
    for _ in 0..6 {
        let lines = follower.next().unwrap();
        text.extend(lines.text);
        too_long += lines.too_long;
    }
    assert_eq!((String::from_utf8(text).unwrap().as_str(), too_long), ("a\nb\n", 1));
}

#[test]
fn what_is_no_file_is_an_error() {
    let folder = Folder::new();
    fs::create_dir(&folder.path).unwrap();
    let error = folder.follow(None).next().err().unwrap();
    assert!(error.to_string().contains("regular file"), "{error}");
}
