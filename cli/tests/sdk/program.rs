//! A program that runs: what it has printed so far, exactly, and how it ends.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::support::wait_for;

/// A running program. It is killed when it goes out of scope.
pub(crate) struct Program {
    child: Child,
    out: tempfile::NamedTempFile,
    err: tempfile::NamedTempFile,
}

/// Opens a file once more, at its own place.
fn again(file: &tempfile::NamedTempFile) -> File {
    File::options().append(true).open(file.path()).unwrap()
}

/// What is in a file. A program that is killed may leave half a letter.
fn text(file: &tempfile::NamedTempFile) -> String {
    String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned()
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let (out, err) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let child = command.stdin(Stdio::null()).stdout(again(&out)).stderr(again(&err)).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, out, err }
    }

    pub(crate) fn stdout(&self) -> String {
        text(&self.out)
    }

    pub(crate) fn stderr(&self) -> String {
        text(&self.err)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(Pid::from_raw(self.id()), signal).unwrap();
    }

    /// Asserts that it goes on.
    pub(crate) fn is_up(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("ended with {status}: {}", self.stderr());
        }
    }

    /// Waits for something while it goes on.
    pub(crate) fn wait_for<T>(&mut self, what: &str, mut found: impl FnMut(&Self) -> Option<T>) -> T {
        wait_for(what, || {
            let value = found(self);
            if value.is_none() {
                self.is_up();
            }
            value
        })
    }

    /// Waits for its end: its exit code, `None` after a signal.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        wait_for("end of the program", || self.child.try_wait().unwrap()).code()
    }

    /// Whether it ends by itself soon enough.
    pub(crate) fn ends_within(&mut self, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait();
    }

    /// Asks it to end, and asserts that it ends well.
    pub(crate) fn end(&mut self, signal: Signal) {
        self.is_up();
        self.signal(signal);
        assert_eq!(self.wait(), Some(0), "after {signal}: {}", self.stderr());
        assert_eq!(self.stderr(), "", "nothing goes wrong when it ends");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program that ends by itself, and well: what it printed.
pub(crate) fn output(command: &mut Command) -> String {
    let mut program = Program::start(command);
    assert_eq!((program.wait(), program.stderr().as_str()), (Some(0), ""), "{command:?}");
    program.stdout()
}

/// Asserts that two texts are the same, and shows the first line that is not.
pub(crate) fn assert_same(what: &str, text: &str, expected: &str) {
    let (mut lines, mut meant) = (text.split_inclusive('\n'), expected.split_inclusive('\n'));
    for number in 1.. {
        let (line, meant) = (lines.next(), meant.next());
        assert_eq!(line, meant, "{what}, line {number}");
        if line.is_none() {
            return;
        }
    }
}
