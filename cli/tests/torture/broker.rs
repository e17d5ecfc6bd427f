//! A Kafka broker of the harness's own, which can be killed and held like everything else.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The longest that it may take to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// The broker.
pub(crate) struct Broker {
    pub(crate) port: u16,
    dir: PathBuf,
}

/// The script that starts one.
fn script() -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compat"));
    std::env::var_os("CADGE_COMPAT").map_or_else(beside, Into::into).join("kafka-start.sh")
}

/// Whether there can be one here. Says aloud where not.
pub(crate) fn is_possible() -> bool {
    let has =
        |name: &str| Command::new(name).arg("-version").output().is_ok_and(|output| output.status.success());
    let possible = script().exists() && has("java") && has("mvn");
    if !possible {
        eprintln!("SKIPPED torture (its Kafka log): it needs {}, java and mvn", script().display());
    }
    possible
}

impl Broker {
    pub(crate) fn start(dir: &Path) -> Self {
        fs::create_dir_all(dir).unwrap();
        // The jars are fetched once and kept outside of the checkout.
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), Into::into);
        let libs = cache.join("cadge-test/kafka/libs");
        fs::create_dir_all(&libs).unwrap();
        std::os::unix::fs::symlink(&libs, dir.join("libs")).unwrap();
        let broker = Self { port: free_pair(), dir: dir.to_owned() };
        broker.again();
        broker
    }

    /// Starts it once more, on what it had.
    pub(crate) fn again(&self) {
        let log = File::create(self.dir.join("start.log")).unwrap();
        let mut run = Command::new(script());
        run.arg("start").arg(&self.dir).env("KAFKA_PORT", self.port.to_string());
        // The broker keeps what it inherits.
        let status = run.stdout(log.try_clone().unwrap()).stderr(log).status().unwrap();
        assert!(status.success(), "{}", fs::read_to_string(self.dir.join("start.log")).unwrap_or_default());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(&self.dir, signal);
    }

    /// Waits for its end after a signal.
    pub(crate) fn end(&self, signal: Signal) {
        end(&self.dir, signal);
    }
}

/// The broker of a folder, while it runs: nothing else has that folder among its arguments, should the
/// number have become another process's.
fn pid(dir: &Path) -> Option<Pid> {
    let text = fs::read_to_string(dir.join("kafka.pid")).ok()?;
    let arguments = fs::read(format!("/proc/{}/cmdline", text.trim())).ok()?;
    let is_it = String::from_utf8_lossy(&arguments).contains(dir.to_str()?);
    text.trim().parse().ok().filter(|_| is_it).map(Pid::from_raw)
}

fn send(dir: &Path, signal: Signal) {
    if let Some(pid) = pid(dir) {
        let _ = kill(pid, signal);
    }
}

/// Sends a signal to the broker of a folder, and waits for its end.
pub(crate) fn end(dir: &Path, signal: Signal) {
    send(dir, signal);
    let deadline = Instant::now() + PATIENCE;
    while pid(dir).is_some() {
        if Instant::now() > deadline {
            send(dir, Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
        self.end(Signal::SIGKILL);
    }
}

/// A free port whose successor is free too: the controller takes that.
fn free_pair() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}
