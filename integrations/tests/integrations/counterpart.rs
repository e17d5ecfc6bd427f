//! A real server that a test starts for itself and stops when it ends: a database, a broker, a mail server.

use std::fs::File;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where `make setup-test` unpacks servers, so that none is installed and started as a service.
pub(crate) const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/counterparts");

/// Runs a server, and listens to what a test wants of it.
const WATCH: &str = r#"
"$@" & server=$!
while read -r wanted; do
    if [ "$wanted" = stop ]; then kill $server; wait $server; else "$@" & server=$!; fi
done
kill $server; wait $server"#;

/// A running server in a folder of its own.
pub(crate) struct Counterpart {
    /// Its folder, gone with it.
    pub(crate) dir: tempfile::TempDir,
    /// Where it listens, on loopback.
    pub(crate) port: u16,
    program: String,
    /// Stops and starts the server as it is told by its standard input, and stops it when this process closes that,
    /// however it ends.
    watch: Child,
}

impl Counterpart {
    /// Starts a program and waits until it listens. `arrange` gives its arguments for a folder and a port. `None`, said
    /// aloud, where there is no such program.
    pub(crate) fn start(
        test: &str,
        program: &str,
        arrange: impl FnOnce(&mut Command, &Path, u16),
    ) -> Option<Self> {
        let Some(path) = find(program) else { return skip(test, program) };
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "sh"]).arg(path).env("LD_LIBRARY_PATH", libraries());
        arrange(&mut command, dir.path(), port);
        let log = File::options().create(true).append(true).open(dir.path().join("counterpart.log")).unwrap();
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        let server = Self { watch: command.spawn().unwrap(), program: program.to_owned(), dir, port };
        server.wait_until(true);
        Some(server)
    }

    /// Stops the server. What it keeps is still there when it is started again.
    pub(crate) fn stop(&mut self) {
        self.tell("stop");
        self.wait_until(false);
    }

    /// Starts it again, where it was.
    pub(crate) fn start_again(&mut self) {
        self.tell("start");
        self.wait_until(true);
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What the server has printed.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("counterpart.log")).unwrap_or_default()
    }

    fn tell(&mut self, what: &str) {
        writeln!(self.watch.stdin.as_mut().unwrap(), "{what}").unwrap();
    }

    fn wait_until(&self, listens: bool) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() != listens {
            let wanted = if listens { "does not listen" } else { "does not stop" };
            assert!(Instant::now() < deadline, "{} {wanted}: {}", self.program, self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Counterpart {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

/// A program of this machine's, or one that was unpacked.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for root in ["", UNPACKED] {
        folders.extend(["usr/sbin", "usr/bin"].map(|folder| Path::new(root).join(folder)));
    }
    folders.iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The libraries of what was unpacked.
pub(crate) fn libraries() -> PathBuf {
    Path::new(UNPACKED).join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH))
}

/// Says aloud that a server is not there.
pub(crate) fn skip<T>(test: &str, program: &str) -> Option<T> {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: it needs {program}: `make setup-test` fetches it");
    None
}

/// A port of loopback that nobody uses.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs a test of this program's once more with variables of the environment, which no running one can change.
pub(crate) fn again(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("integrations::{test}"), "--nocapture"]);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}
