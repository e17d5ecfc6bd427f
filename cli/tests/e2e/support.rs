//! Starts `cadge` processes in a folder of their own, and stops each by its id.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest that anything here may take: generous, for a machine that does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The command itself.
pub(crate) fn cadge() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cadge"))
}

/// Runs `cadge` to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    cadge().args(args).output().unwrap()
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Says aloud that a test did nothing, past the test runner's capture.
pub(crate) fn skip(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

/// Whether eBPF can be used: by root. Says aloud where it can't.
pub(crate) fn is_root(test: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        skip(test, "kernel events need root");
    }
    root
}

/// Waits until `found` answers something.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "no {what} within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port that was free a moment ago, for a process that is started again on the same one.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The lines that a process has printed so far.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn collect(&self, from: impl std::io::Read + Send + 'static) {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                lines.0.lock().unwrap().push(line);
            }
        });
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Waits for one that contains `text`.
    pub(crate) fn wait(&self, text: &str) -> String {
        wait_for(&format!("line with `{text}`"), || self.all().into_iter().find(|line| line.contains(text)))
    }
}

/// A running process. It is killed when it goes out of scope.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
}

impl Process {
    /// Starts a command with both outputs collected.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (Lines::default(), Lines::default());
        stdout.collect(child.stdout.take().unwrap());
        stderr.collect(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What ctrl-C sends, and the wait for the end.
    pub(crate) fn interrupt(&mut self) -> std::process::ExitStatus {
        self.signal(nix::sys::signal::Signal::SIGINT);
        self.wait()
    }

    /// Sends a signal to this process alone.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        wait_for("end of the process", || self.child.try_wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A hub's folder: certificates, configuration and log.
pub(crate) struct Site {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) grpc: u16,
    pub(crate) http: u16,
}

impl Site {
    /// Makes certificates for every role, and a hub configuration with `extra` at its end.
    pub(crate) fn new(extra: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let site = Self { dir, grpc: free_port(), http: free_port() };
        let pki = site.path("pki");
        let pki = pki.to_str().unwrap();
        assert!(run(&["pki", "init", "--dir", pki]).status.success());
        for (role, name) in [("hub", "hub"), ("sensor", "sensor"), ("consumer", "consumer")] {
            let output = run(&[
                "pki",
                "issue",
                role,
                name,
                "--dir",
                pki,
                "--host",
                "localhost",
                "--host",
                "127.0.0.1",
            ]);
            assert!(output.status.success(), "{}", stderr(&output));
        }
        fs::write(site.path("hub.yaml"), site.hub_yaml() + extra).unwrap();
        fs::write(site.path("sensor.yaml"), site.sensor_yaml()).unwrap();
        site
    }

    fn hub_yaml(&self) -> String {
        format!(
            "grpc:\n  bind_address: 127.0.0.1:{}\n  unix_socket: {dir}/cadge.sock\n  cert_chain: {dir}/pki/hub.crt\n  \
             private_key: {dir}/pki/hub.key\n  root_certs: {dir}/pki/ca.crt\nwebserver:\n  listen_address: 127.0.0.1\n  \
             listen_port: {}\nlog:\n  path: {dir}/log.db\n",
            self.grpc,
            self.http,
            dir = self.dir.path().display()
        )
    }

    fn sensor_yaml(&self) -> String {
        format!(
            "name: sensor\nrules_files: [{dir}/rules.yaml]\nspool:\n  path: {dir}/spool\nhub:\n  \
             address: https://localhost:{}\n  cert_chain: {dir}/pki/sensor.crt\n  private_key: {dir}/pki/sensor.key\n  \
             root_certs: {dir}/pki/ca.crt\n",
            self.grpc,
            dir = self.dir.path().display()
        )
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the hub, and waits until it serves.
    pub(crate) fn hub(&self) -> Process {
        let process = Process::start(cadge().arg("hub").arg("--config").arg(self.path("hub.yaml")));
        process.stderr.wait("cadge hub:");
        process
    }

    /// Starts the sensor with rules, and waits until it sees events.
    pub(crate) fn sensor(&self, rules: &str) -> Process {
        fs::write(self.path("rules.yaml"), rules).unwrap();
        let process = Process::start(cadge().arg("sensor").arg("--config").arg(self.path("sensor.yaml")));
        process.stderr.wait("cadge sensor:");
        process
    }

    /// The flags for a client with the certificate `name`.
    pub(crate) fn client(&self, name: &str) -> Vec<String> {
        let file = |name: &str| self.path("pki").join(name).display().to_string();
        let mut flags = vec!["--hub".into(), format!("https://localhost:{}", self.grpc)];
        flags.extend(["--cert".into(), file(&format!("{name}.crt"))]);
        flags.extend(["--key".into(), file(&format!("{name}.key"))]);
        flags.extend(["--ca".into(), file("ca.crt")]);
        flags
    }

    /// The body of an HTTP page of the hub.
    pub(crate) fn page(&self, path: &str) -> String {
        use std::io::Read as _;
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// One rule that fires when `path` is opened.
pub(crate) fn rule_for(path: &Path) -> String {
    format!(
        "- rule: Watched file opened\n  desc: A test's file was opened.\n  condition: evt.type in (open, openat, openat2) and fd.name = {}\n  \
         output: Watched file opened (file=%fd.name result=%evt.res program=%proc.name command=%proc.cmdline parent=%proc.pname user=%user.name)\n  \
         priority: WARNING\n  tags: [test]\n",
        path.display()
    )
}
