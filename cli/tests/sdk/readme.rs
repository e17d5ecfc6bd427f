//! Each SDK's own "five lines to the first alert", as its README has them: in an empty folder, with the SDK
//! installed from the tree.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::connection::Connection;
use crate::language::{Language, path};
use crate::program::Program;
use crate::stage::QUIET;
use crate::support::Site;
use crate::synthetic::{Sensor, expected};

/// The section that is tried.
const SECTION: &str = "## Five lines to the first alert\n";

/// Alerts in the log.
const ALERTS: u64 = 20;

/// The longest that setting up may take, and running: both may compile everything from nothing.
const LONGEST: Duration = Duration::from_mins(15);

/// A fenced block: what its first line calls it, and what it has.
type Block = (String, String);

/// The section's fenced blocks.
fn blocks(readme: &str) -> Vec<Block> {
    let section = readme.split_once(SECTION).expect("the README has the section").1;
    let section = section.split("\n## ").next().unwrap();
    let parts: Vec<&str> = section.split("```").collect();
    let fenced = parts.iter().skip(1).step_by(2);
    fenced.map(|part| part.split_once('\n').unwrap()).map(|(kind, text)| (kind.into(), text.into())).collect()
}

/// The checkout by a path with a space in it: people have such folders.
fn checkout() -> PathBuf {
    let link = path("target/sdk-fresh/a checkout");
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    let to = path(".").canonicalize().unwrap();
    if std::fs::read_link(&link).ok().as_ref() != Some(&to) {
        // Three tests want it at the same time: whichever comes first.
        let fresh = link.with_extension(format!("{:?}", std::thread::current().id()));
        std::os::unix::fs::symlink(&to, &fresh).unwrap();
        std::fs::rename(&fresh, &link).unwrap();
    }
    link
}

/// A shell's process and all that it started.
struct Shell {
    program: Program,
}

impl Shell {
    /// Runs a block in a folder.
    fn start(block: &str, folder: &Path, connection: &Connection) -> Self {
        let mut command = Command::new("bash");
        command.args(["-e", "-c", block]).current_dir(folder).process_group(0);
        connection.apply(&mut command);
        command.env("CADGE", checkout()).env("CARGO_TARGET_DIR", path("target/sdk-fresh/cargo"));
        Self { program: Program::start(&mut command) }
    }

    fn set_up(block: &str, folder: &Path, connection: &Connection) {
        let mut shell = Self::start(block, folder, connection);
        let ended = shell.program.ends_within(LONGEST);
        assert!(ended && shell.program.wait() == Some(0), "{block}\n{}", shell.program.stderr());
    }

    /// Waits until it has printed something that starts so.
    fn wait_for(&mut self, output: &str) {
        let deadline = Instant::now() + LONGEST;
        while self.program.stdout().len() < output.len() {
            self.program.is_up();
            assert!(Instant::now() < deadline, "nothing is printed: {}", self.program.stderr());
            std::thread::sleep(Duration::from_millis(50));
        }
        let stdout = self.program.stdout();
        assert!(stdout.starts_with(output), "{stdout}\ninstead of\n{output}");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.program.id()), Signal::SIGKILL);
    }
}

fn first_alert(test: &str, language: Language, kind: &str, file: &str) {
    if !language.is_here(test) {
        return;
    }
    let page = std::fs::read_to_string(language.folder().join("README.md")).unwrap();
    let blocks = blocks(&page);
    let kinds: Vec<&str> = blocks.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["sh", kind, "sh"]);
    let site = Site::new(QUIET);
    let _hub = site.hub();
    Sensor::connect(&site.path("cadge.sock")).send_up_to(ALERTS);
    let connection = Connection::socket(&site.path("cadge.sock"));
    let folder = tempfile::tempdir().unwrap();
    Shell::set_up(&blocks[0].1, folder.path(), &connection);
    std::fs::write(folder.path().join(file), &blocks[1].1).unwrap();
    let mut shell = Shell::start(&blocks[2].1, folder.path(), &connection);
    shell.wait_for(expected(1)["output"].as_str().unwrap());
}

#[test]
fn a_new_rust_project_prints_an_alert() {
    first_alert("a_new_rust_project_prints_an_alert", Language::Rust, "rust", "src/main.rs");
}

#[test]
fn a_new_python_environment_prints_an_alert() {
    first_alert("a_new_python_environment_prints_an_alert", Language::Python, "python", "first.py");
}

#[test]
fn a_new_go_module_prints_an_alert() {
    first_alert("a_new_go_module_prints_an_alert", Language::Go, "go", "main.go");
}
