//! Real container runtimes, started for a test out of Debian's packages and ended with it.
//!
//! They are taken from the machine, else from where `make setup-test` unpacks them. Everything that they keep is
//! in one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::live::{PATIENCE, alone};
use super::programs::{Build, compiled};

/// Where `make setup-test` unpacks them.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/containers");

/// The name of the test's image.
pub(crate) const IMAGE: &str = "localhost/cadge-probe:7";

/// A daemon that ends with its owner.
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        self.signal(Signal::SIGCONT);
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder for runtimes, with the image that they run. Whoever has one is the only one that watches.
pub(crate) struct Place {
    dir: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Place {
    /// `Err` says what is missing.
    pub(crate) fn new(name: &str, programs: &[&str]) -> Result<Self, String> {
        let missing: Vec<&&str> = programs.iter().filter(|name| program(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(format!("{missing:?} are not here: make kernel-test"));
        }
        // Not below the checkout: Podman takes no folder of its run's with more than 50 bytes, and a socket has 108.
        let dir = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        // runc takes no root file system behind a link.
        let dir = dir.canonicalize().map_err(|error| error.to_string())?;
        let place = Self { dir, _alone: alone() };
        let probe = compiled("programs/call", Build::Bare)?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kernel/image.py");
        let mut python = Command::new("python3");
        // By itself it waits for ever: so it is the image of sandboxes too.
        let wait = format!("native {} 0 0 0 0 0", libc::SYS_ppoll);
        succeed(python.arg(script).arg(place.image()).arg(IMAGE).arg(probe).args(wait.split(' ')));
        Ok(place)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The archive of the image.
    pub(crate) fn image(&self) -> PathBuf {
        self.path("image.tar")
    }

    /// A command that finds what was unpacked.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name).unwrap());
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{UNPACKED}/usr/bin:{UNPACKED}/usr/sbin:{path}:/usr/sbin"));
        command.env("LD_LIBRARY_PATH", format!("{UNPACKED}/usr/lib/{}-linux-gnu", std::env::consts::ARCH));
        command.env("TMPDIR", &self.dir);
        command
    }

    /// Starts a daemon and waits for its socket.
    pub(crate) fn start(&self, name: &str, command: &mut Command, socket: &Path) -> Daemon {
        let log = fs::File::create(self.path(&format!("{name}.log"))).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut daemon = Daemon { child: command.spawn().unwrap() };
        let deadline = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(socket).is_err() {
            let ended = daemon.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
                panic!("{name} does not start: {log}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        daemon
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let below = |line: &str| {
            let at = PathBuf::from(line.split(' ').nth(1)?);
            at.starts_with(&self.dir).then_some(at)
        };
        let mut mounts: Vec<PathBuf> = mounts.lines().filter_map(below).collect();
        mounts.sort();
        for mount in mounts.iter().rev() {
            let _ = Command::new("umount").arg("-l").arg(mount).status();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// containerd with the Container Runtime Interface and the image.
pub(crate) fn containerd(place: &Place) -> (Daemon, PathBuf) {
    let socket = place.path("containerd.sock");
    let dir = place.dir.display();
    // Copies of files need nothing of the file system below; a lower `oom_score_adj` needs a capability that not
    // every machine gives.
    let config = format!(
        r#"
version = 2
root = "{dir}/containerd"
state = "{dir}/containerd-run"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{dir}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"#,
        socket = socket.display()
    );
    let file = place.path("containerd.toml");
    fs::write(&file, config).unwrap();
    let daemon = place.start("containerd", place.command("containerd").arg("-c").arg(file), &socket);
    let mut import = place.command("ctr");
    import.arg("-a").arg(&socket).args(["-n", "k8s.io", "images", "import", "--snapshotter", "native"]);
    succeed(import.arg(place.image()));
    (daemon, socket)
}

/// What came of a command that must succeed.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
    output
}

/// On this machine, or unpacked.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let unpacked = ["usr/bin", "usr/sbin"].map(|folder| Path::new(UNPACKED).join(folder));
    folders.chain(unpacked).map(|folder| folder.join(name)).find(|path| path.is_file())
}
