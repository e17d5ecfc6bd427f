//! The hub as a process of its own, and the processes that talk to it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use cadge_hub::Hub;

use crate::receive::{Api, From};
use crate::secured::{Pki, config};
use crate::way::{self, Way};

/// Whoever posts shows this.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A page of memory, as `/proc` counts.
const PAGE: u64 = 4096;

/// Runs a hub until its standard input ends.
pub(crate) fn run(dir: &Path, group_wait_ms: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pki = Pki::new("Cadge");
        let mut config = config(dir, &pki);
        config.grpc.requests_per_second = 0;
        config.webserver.listen("127.0.0.1:0");
        config.webserver.token_file = Some(dir.join("tokens"));
        std::fs::write(dir.join("tokens"), format!("bench:{TOKEN}\n")).unwrap();
        // Its sensors send no heartbeats: they would be announced, and counted.
        config.fleet.silent_after_ms = 0;
        config.log.bytes_max = 64 << 30;
        config.log.group_wait_ms = group_wait_ms;
        let hub = Hub::start(config).await.unwrap();
        way::prepare(dir, &pki, hub.grpc_address().unwrap());
        std::fs::write(dir.join("http"), hub.http_address().unwrap().to_string()).unwrap();
        println!("ready");
        let ended = || drop(std::io::stdin().read_to_end(&mut Vec::new()));
        tokio::task::spawn_blocking(ended).await.unwrap();
        hub.stop().await;
    });
}

/// A running hub. It and its folder go at the end.
pub(crate) struct HubProcess {
    dir: tempfile::TempDir,
    way: Way,
    process: Process,
    rounds: std::cell::Cell<u64>,
}

impl HubProcess {
    pub(crate) fn start(way: Way, group_wait_ms: u64) -> Self {
        let dir = tempfile::Builder::new().prefix("cadge-bench-").tempdir_in(target()).unwrap();
        let mut process =
            Process::start(&["serve", dir.path().to_str().unwrap(), &group_wait_ms.to_string()]);
        process.wait("ready");
        Self { dir, way, process, rounds: std::cell::Cell::new(0) }
    }

    fn socket(&self) -> PathBuf {
        self.way.path(self.dir.path())
    }

    /// What a figure begins with.
    pub(crate) fn name(&self) -> &'static str {
        match self.way {
            Way::Socket => "hub",
            Way::Tls => "hub by mTLS",
        }
    }

    /// Has its log copied, again and again.
    pub(crate) fn backups(&self) -> Process {
        let (socket, to) = (self.socket(), self.dir.path().join("copy.db"));
        let mut process = Process::start(&["backup", socket.to_str().unwrap(), to.to_str().unwrap()]);
        process.wait("ready");
        process
    }

    /// Has sensors send so many alerts in all.
    pub(crate) fn send(&self, sensors: u64, alerts: u64) -> Process {
        self.rounds.set(self.rounds.get() + 1);
        let (sensors, alerts) = (sensors.to_string(), alerts.to_string());
        Process::start(&["send", self.socket().to_str().unwrap(), &sensors, &alerts])
    }

    /// Has alerts posted by HTTP, so many in a request.
    pub(crate) fn post(&self, batch: u64, alerts: u64) -> Process {
        let address = std::fs::read_to_string(self.dir.path().join("http")).unwrap();
        Process::start(&["post", &address, &batch.to_string(), &alerts.to_string()])
    }

    /// Has subscribers receive so many alerts each. Returns once they are subscribed.
    pub(crate) fn receive(&self, api: Api, from: From, subscribers: u64, alerts: u64) -> Process {
        let (subscribers, alerts) = (subscribers.to_string(), alerts.to_string());
        let socket = self.socket();
        let args = ["receive", socket.to_str().unwrap(), api.name(), from.name(), &subscribers, &alerts];
        let mut process = Process::start(&args);
        process.wait("ready");
        process
    }

    /// How late alerts are.
    pub(crate) fn late(&self, rate: u64) -> String {
        let rate = rate.to_string();
        Process::start(&["late", self.socket().to_str().unwrap(), &rate]).last_line()
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
        let second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).unwrap().unwrap();
        (ticks(11) + ticks(12)) / second as f64
    }

    pub(crate) fn resident_mib(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.process.child.id())).unwrap();
        (statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * PAGE) >> 20
    }

    pub(crate) fn disk_mib(&self) -> u64 {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>() >> 20
    }
}

/// The build's folder: on a disk, where the system's temporary one may be memory.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// A process of this benchmark.
pub(crate) struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn wait(&mut self, for_line: &str) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), for_line, "the process has failed");
    }

    fn last_line(mut self) -> String {
        let mut lines = String::new();
        self.lines.read_to_string(&mut lines).unwrap();
        assert!(self.child.wait().unwrap().success());
        lines.lines().last().unwrap().to_owned()
    }

    /// Waits for its end, and answers how long it says that it took.
    pub(crate) fn seconds(self) -> f64 {
        self.last_line().parse().unwrap()
    }

    /// Ends it, and answers what it says at the end.
    pub(crate) fn ended_line(&mut self) -> String {
        drop(self.child.stdin.take());
        let mut lines = String::new();
        self.lines.read_to_string(&mut lines).unwrap();
        lines.lines().last().unwrap().to_owned()
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            std::thread::sleep(std::time::Duration::from_millis(500));
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
