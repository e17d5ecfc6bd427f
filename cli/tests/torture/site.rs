//! Everything that takes part: hubs, sensors, consumers, the networks between them, their disks.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::broker::{self, Broker};
use crate::disk::{self, Disk};
use crate::net::Net;
use crate::process::{Part, Process};
use crate::sink::Sink;

/// Sensors, by name.
pub(crate) const SENSORS: [&str; 3] = ["s1", "s2", "s3"];

/// Consumers that acknowledge.
pub(crate) const DURABLE: [&str; 2] = ["c1", "c2"];

/// Old clients, which can't: what they are is what they call.
pub(crate) const OLD: [&str; 2] = ["get", "sub"];

/// Whoever looks at the end.
pub(crate) const WITNESS: &str = "witness";

/// Events of one sensor in a second. With Kafka every alert that the webhook gets is a record of its
/// own in the topic of the cursors.
const RATE: u64 = 400;
const RATE_KAFKA: u64 = 100;

/// What is to come from a start surely comes within this.
const PATIENCE: Duration = Duration::from_mins(1);

/// Room on the disks, while they have any.
const LOG_BYTES: u64 = 2 << 30;
const SPOOL_BYTES: u64 = 256 << 20;

/// Where the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogKind {
    Sqlite,
    Kafka,
}

/// How long, which course, and with what.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) seed: u64,
    pub(crate) log: LogKind,
    pub(crate) hubs: usize,
}

/// A process with a network of its own to the hubs.
pub(crate) struct Party {
    pub(crate) process: Process,
    pub(crate) net: Net,
}

/// A hub.
pub(crate) struct Hub {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl Hub {
    /// Starts it, and waits until it takes connections or has ended.
    pub(crate) fn start(&mut self) {
        let failures = self.process.failures;
        let deadline = Instant::now() + PATIENCE;
        self.process.ensure();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the hub does not start within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
            if self.process.failures > failures + 20 {
                return;
            }
            self.process.ensure();
        }
    }
}

/// All of it. Processes end before their disks go, and those before the folder.
pub(crate) struct Site {
    pub(crate) plan: Plan,
    pub(crate) sensors: Vec<Party>,
    pub(crate) durable: Vec<Party>,
    pub(crate) old: Vec<Party>,
    pub(crate) hubs: Vec<Hub>,
    pub(crate) sink: Sink,
    pub(crate) broker: Option<Broker>,
    pub(crate) log_disk: Option<Disk>,
    pub(crate) spool_disk: Option<Disk>,
    pub(crate) dir: tempfile::TempDir,
}

/// A sensor's spool.
pub(crate) fn spool(dir: &Path, sensor: &str) -> PathBuf {
    dir.join(format!("disk-{sensor}")).join("spool")
}

/// The hub's log.
pub(crate) fn log(dir: &Path) -> PathBuf {
    dir.join("disk-hub").join("log.db")
}

/// A copy of a program: what is built in the meantime changes nothing here.
fn copy(program: &Path, dir: &Path, name: &str) {
    fs::copy(program, dir.join(name)).unwrap();
}

fn cadge(args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_cadge")).args(args).output().unwrap();
    assert!(output.status.success(), "cadge {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Certificates for everybody, by an authority that is in the folder or is made.
pub(crate) fn issue(pki: &Path) {
    let dir = pki.to_str().unwrap();
    if !pki.join("ca.crt").exists() {
        cadge(&["pki", "init", "--dir", dir]);
    }
    let hosts = ["--host", "localhost", "--host", "127.0.0.1"];
    let consumers = DURABLE.iter().chain(&OLD).chain([&WITNESS]).map(|name| ("consumer", *name));
    let sensors = SENSORS.iter().map(|name| ("sensor", *name));
    for (role, name) in sensors.chain(consumers).chain([("hub", "hub")]) {
        cadge(&[&["pki", "issue", role, name, "--dir", dir], &hosts[..]].concat());
    }
}

impl Site {
    /// To be called within a runtime.
    pub(crate) fn new(plan: Plan) -> Self {
        let mut dir = tempfile::Builder::new().prefix("cadge-torture-").tempdir().unwrap();
        if std::env::var_os("TORTURE_KEEP").is_some() {
            dir.disable_cleanup(true);
            eprintln!("torture: the folder is {}", dir.path().display());
        }
        let path = dir.path();
        copy(Path::new(env!("CARGO_BIN_EXE_cadge")), path, "cadge");
        copy(&std::env::current_exe().unwrap(), path, "part");
        issue(&path.join("pki"));
        let spool_disk = Disk::mount(&path.join(format!("disk-{}", SENSORS[0])), SPOOL_BYTES);
        let is_file = plan.log == LogKind::Sqlite;
        let log_disk = spool_disk
            .as_ref()
            .filter(|_| is_file)
            .and_then(|_| Disk::mount(&path.join("disk-hub"), LOG_BYTES));
        let broker = (!is_file).then(|| Broker::start(&path.join("kafka")));
        let log = match &broker {
            Some(broker) => format!("kind: kafka\n  kafka:\n    hostport: 127.0.0.1:{}", broker.port),
            None => format!("path: {}", log(path).display()),
        };
        let sink = Sink::new();
        let hubs: Vec<Hub> = (0..plan.hubs).map(|number| hub(path, number, sink.port, &log)).collect();
        let ports = Arc::new(hubs.iter().map(|hub| hub.port).collect::<Vec<_>>());
        let rate = if is_file { RATE } else { RATE_KAFKA };
        let party = |name: &str, part: &str| {
            let net = Net::new(Arc::clone(&ports));
            let settings = Part { name: name.to_owned(), dir: path.to_owned(), port: net.port, rate };
            Party { process: Process::new(name, settings.command(part), path), net }
        };
        let sensors = SENSORS.iter().map(|name| party(name, "sensor")).collect();
        let durable = DURABLE.iter().map(|name| party(name, "durable")).collect();
        let old = OLD.iter().map(|name| party(name, name)).collect();
        Self { plan, sensors, durable, old, hubs, sink, broker, log_disk, spool_disk, dir }
    }

    /// On ctrl-C: takes away what would outlive this process. The parts end with it by themselves, and
    /// hubs by the same signal.
    pub(crate) fn clean_up_when_interrupted(&self) {
        let dir = self.dir.path().to_owned();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                broker::end(&dir.join("kafka"), Signal::SIGKILL);
                disk::unmount(&dir.join("disk-hub"));
                for sensor in SENSORS {
                    disk::unmount(&dir.join(format!("disk-{sensor}")));
                }
                let _ = fs::remove_dir_all(&dir);
                std::process::exit(130);
            }
        });
    }

    /// Starts everything: whoever reads has its cursor before there is an alert.
    pub(crate) fn start(&mut self) {
        self.hubs.iter_mut().for_each(Hub::start);
        self.durable.iter_mut().chain(&mut self.old).for_each(|party| party.process.ensure());
        std::thread::sleep(Duration::from_secs(2));
        self.sensors.iter_mut().for_each(|party| party.process.ensure());
    }

    /// Every party.
    pub(crate) fn parties(&mut self) -> impl Iterator<Item = &mut Party> {
        self.sensors.iter_mut().chain(&mut self.durable).chain(&mut self.old)
    }

    /// Starts whatever does not run.
    pub(crate) fn ensure(&mut self) {
        self.hubs.iter_mut().for_each(Hub::start);
        self.parties().for_each(|party| party.process.ensure());
    }

    /// Every process.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        let parties = self.sensors.iter().chain(&self.durable).chain(&self.old);
        self.hubs.iter().map(|hub| &hub.process).chain(parties.map(|party| &party.process))
    }
}

fn hub(dir: &Path, number: usize, sink: u16, log: &str) -> Hub {
    // Free a moment ago, and fixed: the hub comes back where it was.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = dir.join(format!("hub{number}.yaml"));
    let text = format!(
        "grpc:\n  bind_address: 127.0.0.1:{port}\n  unix_socket: null\n  cert_chain: {dir}/pki/hub.crt\n  \
         private_key: {dir}/pki/hub.key\n  root_certs: {dir}/pki/ca.crt\nwebserver:\n  enabled: false\nlog:\n  \
         {log}\nintegrations:\n  webhook:\n    address: http://127.0.0.1:{sink}/\n",
        dir = dir.display(),
    );
    fs::write(&file, text).unwrap();
    let mut command = Command::new(dir.join("cadge"));
    command.arg("hub").arg("--config").arg(file);
    Hub { process: Process::new(&format!("hub{number}"), command, dir), port }
}
