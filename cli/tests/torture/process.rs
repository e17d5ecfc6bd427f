//! A process of the site: started, killed, held, started again.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The longest that a process may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a sensor or consumer is told by its environment.
pub(crate) struct Part {
    /// Its name, which its certificate has too.
    pub(crate) name: String,
    /// The site's folder.
    pub(crate) dir: PathBuf,
    /// Where it reaches a hub.
    pub(crate) port: u16,
    /// Events in a second.
    pub(crate) rate: u64,
}

impl Part {
    pub(crate) fn read() -> Self {
        let text = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("`{name}` is not set"));
        Self {
            name: text("TORTURE_NAME"),
            dir: text("TORTURE_DIR").into(),
            port: text("TORTURE_PORT").parse().unwrap(),
            rate: text("TORTURE_RATE").parse().unwrap(),
        }
    }

    /// The command that is this part.
    pub(crate) fn command(&self, part: &str) -> Command {
        let mut command = Command::new(self.dir.join("part"));
        command.env("TORTURE_PART", part).env("TORTURE_NAME", &self.name).env("TORTURE_DIR", &self.dir);
        command.env("TORTURE_PORT", self.port.to_string()).env("TORTURE_RATE", self.rate.to_string());
        command
    }

    /// Its certificate, its key and the authority's certificate, in PEM.
    pub(crate) fn pem(&self) -> [Vec<u8>; 3] {
        let file = |name: &str| std::fs::read(self.dir.join("pki").join(name)).unwrap();
        [file(&format!("{}.crt", self.name)), file(&format!("{}.key", self.name)), file("ca.crt")]
    }
}

/// A process that is to run.
pub(crate) struct Process {
    pub(crate) name: String,
    command: Command,
    child: Option<Child>,
    log: PathBuf,
    /// How often it was started.
    pub(crate) starts: u64,
    /// How often it ended although nobody had asked it to, and how the last time.
    pub(crate) failures: u64,
    pub(crate) failure: Option<ExitStatus>,
}

impl Process {
    pub(crate) fn new(name: &str, command: Command, dir: &Path) -> Self {
        let log = dir.join(format!("{name}.log"));
        Self { name: name.to_owned(), command, child: None, log, starts: 0, failures: 0, failure: None }
    }

    /// Starts it unless it runs, as an init system would.
    pub(crate) fn ensure(&mut self) {
        if let Some(child) = &mut self.child {
            let Some(status) = child.try_wait().unwrap() else { return };
            self.failures += 1;
            self.failure = Some(status);
        }
        let log = || OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        self.command.stdin(Stdio::null()).stdout(log()).stderr(log());
        self.child = Some(self.command.spawn().unwrap());
        self.starts += 1;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal);
        }
    }

    /// Waits for its end after a signal. `None`: it did not run.
    pub(crate) fn end(&mut self, signal: Signal) -> Option<ExitStatus> {
        self.signal(signal);
        let mut child = self.child.take()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() > deadline {
                eprintln!("torture: {} does not end after {signal}: it is killed", self.name);
                child.kill().unwrap();
                return Some(child.wait().unwrap());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Lines of its log that contain a text.
    pub(crate) fn lines(&self, text: &str) -> Vec<String> {
        use std::io::{BufRead as _, BufReader};
        let Ok(file) = File::open(&self.log) else { return Vec::new() };
        BufReader::new(file).lines().map_while(Result::ok).filter(|line| line.contains(text)).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
