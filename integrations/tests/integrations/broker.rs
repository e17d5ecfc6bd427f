//! A real Kafka broker for all tests of a binary. The hub's tests include this file too.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A broker in a folder of its own.
pub(crate) struct Broker {
    script: PathBuf,
    pub(crate) dir: PathBuf,
    port: u16,
    /// Stops the broker when this process is gone, however it ends: its standard input closes then.
    _watch: Child,
}

impl Broker {
    /// The broker, started by whoever asks first. `None`, said aloud, where there is no script or no
    /// Java.
    pub(crate) fn get(test: &str) -> Option<&'static Self> {
        static BROKER: OnceLock<Option<Broker>> = OnceLock::new();
        BROKER.get_or_init(|| Self::script().map(Self::start)).as_ref().or_else(|| skip(test))
    }

    /// A broker that only the caller has, to stop it and to start it again.
    #[allow(dead_code, reason = "not every binary that includes this file stops one")]
    pub(crate) fn own(test: &str) -> Option<Self> {
        Self::script().map(Self::start).or_else(|| skip(test))
    }

    fn script() -> Option<PathBuf> {
        let compat = std::env::var_os("CADGE_COMPAT").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compat")),
            Into::into,
        );
        let script = compat.join("kafka-start.sh");
        let has = |name: &str| {
            Command::new(name).arg("-version").output().is_ok_and(|output| output.status.success())
        };
        (script.exists() && has("java") && has("mvn")).then_some(script)
    }

    fn start(script: PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap().keep();
        // The jars are fetched once and kept outside of the checkout.
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), Into::into);
        let libs = cache.join("cadge-test/kafka/libs");
        std::fs::create_dir_all(&libs).unwrap();
        std::os::unix::fs::symlink(&libs, dir.join("libs")).unwrap();
        let watch = watch(&script, &dir);
        let broker = Self { script, dir, port: free_pair(), _watch: watch };
        broker.run("start");
        broker
    }

    /// Where it is.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `start` or `stop`: it keeps what it has.
    pub(crate) fn run(&self, command: &str) {
        let mut run = Command::new(&self.script);
        run.arg(command).arg(&self.dir).env("KAFKA_PORT", self.port.to_string());
        // The broker keeps what it inherits: not this test's pipes.
        let log = self.dir.join(format!("{command}.log"));
        let file = std::fs::File::create(&log).unwrap();
        let status = run.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
        assert!(status.success(), "{}", std::fs::read_to_string(log).unwrap());
    }
}

/// Says aloud that there is no broker.
fn skip<T>(test: &str) -> Option<T> {
    let why = "it needs shared/compat/kafka-start.sh (or CADGE_COMPAT), java and mvn";
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
    None
}

/// A process that outlives this one, for as long as it takes to stop the broker.
fn watch(script: &Path, dir: &Path) -> Child {
    let text = r#"read -r _; "$1" stop "$2"; sleep 2; rm -rf "$2""#;
    Command::new("sh")
        .args(["-c", text, "sh"])
        .args([script, dir])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A free port whose successor is free too: the controller takes that.
pub(crate) fn free_pair() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}
