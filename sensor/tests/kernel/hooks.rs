//! The paths that the kernel's own checks know: through links and whatever the caller's memory says by now.
//! Where the kernel takes no programs there, paths are as the caller wrote them, and that is what is tested.

use std::io::Write as _;
use std::process::Command;

use super::cases::{case, expect_cases};
use super::live::absent;
use super::programs::{Build, compiled};
use super::watch::Watch;

/// Whether the kernel takes programs in its own checks, said aloud.
fn has_hooks() -> bool {
    let absent = absent("own checks");
    let from = absent.as_deref().unwrap_or("the kernel's own checks");
    let _ = writeln!(std::io::stderr(), "paths come from {from}");
    absent.is_none()
}

/// A directory by a link.
const LINK: &str = "symlinkat s:{dir}/sub -100 s:{dir}/through";
/// And a file in it.
const FILE: &str = "mknodat -100 s:{dir}/sub/made 0x8180 0";

#[test]
fn a_path_through_a_link_is_the_one_that_the_kernel_took() {
    let types = [
        "symlinkat",
        "mkdirat",
        "unlinkat",
        "linkat",
        "renameat2",
        "fchmodat",
        "fchownat",
        "truncate",
        "mknodat",
    ];
    let Some(watch) = Watch::on("paths through links", &types, &["fs.path.name", "fs.path.source"]) else {
        return;
    };
    let parent = if has_hooks() { "{dir}/sub" } else { "{dir}/through" };
    let made = format!("{parent}/made");
    let other = format!("{parent}/other");
    expect_cases(
        &watch,
        &[
            case(
                "symlinkat",
                &[LINK, "symlinkat s:x -100 s:{dir}/through/made"],
                &[("linkpath", &made), ("fs.path.source", &made)],
            ),
            case("mkdirat", &[LINK, "mkdirat -100 s:{dir}/through/made 448"], &[("fs.path.name", &made)]),
            case("mknodat", &[LINK, "mknodat -100 s:{dir}/through/made 0x8180 0"], &[("path", &made)]),
            case(
                "unlinkat",
                &[LINK, FILE, "unlinkat -100 s:{dir}/through/made 0"],
                &[("fs.path.name", &made)],
            ),
            case(
                "linkat",
                &[LINK, FILE, "linkat -100 s:{dir}/through/made -100 s:{dir}/through/other 0"],
                &[("oldpath", &made), ("newpath", &other)],
            ),
            case(
                "renameat2",
                &[LINK, FILE, "renameat2 -100 s:{dir}/through/made -100 s:{dir}/through/other 0"],
                &[("oldpath", &made), ("newpath", &other)],
            ),
            case("fchmodat", &[LINK, FILE, "fchmodat -100 s:{dir}/through/made 493"], &[("filename", &made)]),
            case(
                "fchownat",
                &[LINK, FILE, "fchownat -100 s:{dir}/through/made 1 1 0"],
                &[("pathname", "{dir}/*/made")],
            ),
            case("truncate", &[LINK, FILE, "truncate s:{dir}/through/made 1"], &[("path", &made)]),
        ],
    );
}

/// Removals, of which each must be told once.
const ROUNDS: usize = 300;

#[test]
fn a_name_that_is_changed_there_and_back_is_the_one_that_the_kernel_took() {
    let Some(watch) =
        Watch::on("changed there and back", &["unlinkat"], &["fs.path.name", "evt.arg_changed"])
    else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let program = compiled("programs/swap_back", Build::Native).unwrap();
    let output = Command::new(program).arg(&dir).arg(ROUNDS.to_string()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let pid: i64 = lines.next().unwrap().parse().unwrap();
    let gone: Vec<&str> = lines.collect();
    assert_eq!(gone.len(), ROUNDS, "{}", String::from_utf8_lossy(&output.stderr));
    // Without the kernel's checks nobody can know, and a name that was another one at the end is told by both.
    let has_hooks = has_hooks();
    let mut wrong = 0;
    for path in gone {
        let seen = watch.expect("a removal", |seen| seen.pid == pid && seen.kind == "unlinkat");
        wrong += usize::from(seen.field("fs.path.name") != path);
        if !has_hooks && seen.field("evt.arg_changed") == "true" {
            watch.expect("the other name", |seen| seen.pid == pid && seen.kind == "unlinkat");
        }
    }
    let _ = writeln!(std::io::stderr(), "{wrong} of {ROUNDS} removals under the other name");
    assert!(!has_hooks || wrong == 0, "{wrong} of {ROUNDS}");
}
