//! Other names of the files that rules name: a hard link, a bind mount, another root, a symbolic link in a
//! directory. A rule compares texts, but what counts is the file.
//!
//! A thread of its own looks at what is behind each name every second, so that a file system that does not
//! answer stops nobody. A file that has just been replaced is therefore known by its new inode a second late, and
//! its old one is believed as long. Names are those of the host's own tree. What a container has of its own under such
//! a name has another inode: it is known from the first time that somebody opens it by the name, for as long as it
//! has more than one.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cadge_engine::NamedFiles;

/// What is behind the names is looked at so often.
const INTERVAL: Duration = Duration::from_secs(1);

/// The first look may take so long before the source goes on without it.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Names that are followed, and files of one directory.
const NAMES_MAX: usize = 4_096;
const FILES_OF_DIRECTORY_MAX: usize = 256;

/// Device and inode of a file, and a name that a rule has for it.
type Table = HashMap<(u32, u64), Arc<[u8]>>;

/// Files that were seen under such a name elsewhere, as many as are remembered.
const SEEN_MAX: usize = 4_096;

/// The names of files by what they are.
pub(crate) struct Aliases {
    named: NamedFiles,
    seen: Table,
    table: Arc<Mutex<Arc<Table>>>,
    /// The thread ends when it is dropped.
    _stop: Option<SyncSender<()>>,
}

impl Aliases {
    /// Begins to look. Without names there is no thread.
    pub(crate) fn new(named: &NamedFiles) -> Self {
        let table = Arc::new(Mutex::new(Arc::default()));
        if named.is_empty() {
            return Self { named: named.clone(), seen: Table::new(), table, _stop: None };
        }
        let (stop, stopped) = sync_channel::<()>(1);
        let (looked, first) = sync_channel(1);
        let (shared, followed) = (Arc::clone(&table), named.clone());
        let started = std::thread::Builder::new().name("cadge-aliases".to_owned()).spawn(move || {
            loop {
                let new = Arc::new(look(&followed));
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = new;
                let _ = looked.try_send(());
                if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        match started {
            Ok(_) if first.recv_timeout(FIRST_LOOK).is_ok() => {}
            Ok(_) => tracing::warn!("a file system does not answer: other names of files are not known yet"),
            Err(error) => {
                tracing::error!(%error, "the thread that follows the names of files can't be started");
            }
        }
        Self { named: named.clone(), seen: Table::new(), table, _stop: Some(stop) }
    }

    /// The name that rules have for a file, if that is not the one that it was opened by.
    pub(crate) fn name(&self, dev: u32, ino: u64, opened: &[u8]) -> Option<Arc<[u8]>> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.get(&(dev, ino)).filter(|name| ***name != *opened).cloned()
    }

    /// The same of a file that has several names and was seen by such a name before. One that is opened by it
    /// now is remembered.
    pub(crate) fn seen_name(&mut self, dev: u32, ino: u64, links: u32, opened: &[u8]) -> Option<Arc<[u8]>> {
        if self.is_named(opened) {
            if self.seen.len() >= SEEN_MAX {
                self.seen.clear();
            }
            self.seen.entry((dev, ino)).or_insert_with(|| opened.into());
            return None;
        }
        self.seen.get(&(dev, ino)).filter(|_| links > 1).cloned()
    }

    fn is_named(&self, path: &[u8]) -> bool {
        let directory = || path.iter().rposition(|byte| *byte == b'/').map(|end| &path[..end]);
        self.named.files.contains(path)
            || !self.named.directories.is_empty()
                && directory().is_some_and(|directory| self.named.directories.contains(directory))
    }
}

/// The host's own tree of mounts, wherever the sensor runs, and the list of it.
fn host() -> (&'static Path, &'static str) {
    if fs::metadata("/proc/1/root/proc").is_ok() {
        (Path::new("/proc/1/root"), "/proc/1/mountinfo")
    } else {
        (Path::new("/"), "/proc/self/mountinfo")
    }
}

/// What is behind the names now.
fn look(named: &NamedFiles) -> Table {
    let (root, mountinfo) = host();
    let devices = devices(&fs::read_to_string(mountinfo).unwrap_or_default());
    let mut paths: Vec<Vec<u8>> = named.files.iter().cloned().collect();
    for directory in &named.directories {
        let Ok(entries) = fs::read_dir(below(root, directory)) else { continue };
        for entry in entries.flatten().take(FILES_OF_DIRECTORY_MAX) {
            paths.push([directory, &b"/"[..], entry.file_name().as_bytes()].concat());
        }
    }
    let mut table = Table::new();
    for name in paths.into_iter().take(NAMES_MAX) {
        if let Some(file) = identity(&below(root, &name), &devices) {
            table.entry(file).or_insert_with(|| name.into());
        }
    }
    table
}

fn below(root: &Path, name: &[u8]) -> PathBuf {
    let name = name.strip_prefix(b"/").unwrap_or(name);
    root.join(Path::new(std::ffi::OsStr::from_bytes(name)))
}

/// A regular file's device as the kernel has it and its inode. What stat(2) says of the device is another one
/// on file systems of several.
fn identity(path: &Path, devices: &HashMap<u64, u32>) -> Option<(u32, u64)> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() {
        return None;
    }
    let device = mount_of(&file).and_then(|mount| devices.get(&mount).copied());
    let stat = || user_dev(nix::sys::stat::major(metadata.dev()), nix::sys::stat::minor(metadata.dev()));
    Some((device.unwrap_or_else(stat), metadata.ino()))
}

/// The number of the mount that an open file is on.
fn mount_of(file: &File) -> Option<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()
}

/// The device of each mount in a `mountinfo`.
fn devices(mountinfo: &str) -> HashMap<u64, u32> {
    let row = |line: &str| {
        let mut words = line.split(' ');
        let mount = words.next()?.parse().ok()?;
        let (major, minor) = words.nth(1)?.split_once(':')?;
        Some((mount, user_dev(major.parse().ok()?, minor.parse().ok()?)))
    };
    mountinfo.lines().filter_map(row).collect()
}

/// A device's number as records have it.
fn user_dev(major: u64, minor: u64) -> u32 {
    let number = (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12;
    u32::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_all_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let (secret, link) = (dir.join("secret"), dir.join("link"));
        fs::write(&secret, "x").unwrap();
        fs::hard_link(&secret, &link).unwrap();
        fs::create_dir(dir.join("d")).unwrap();
        fs::write(dir.join("d/one"), "x").unwrap();
        let mut named = NamedFiles::default();
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        named.files.extend([bytes(&secret), b"/no/such".to_vec(), bytes(&dir)]);
        named.directories.insert(bytes(&dir.join("d")));
        let aliases = Aliases::new(&named);
        let (dev, ino) =
            identity(&link, &devices(&fs::read_to_string("/proc/self/mountinfo").unwrap())).unwrap();
        assert_eq!(aliases.name(dev, ino, &bytes(&link)).as_deref(), Some(&bytes(&secret)[..]));
        assert_eq!(aliases.name(dev, ino, &bytes(&secret)), None);
        assert_eq!(aliases.name(dev, ino + 1, b"/x"), None);
        assert_eq!(aliases.table.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_file_that_was_seen_by_its_name_is_known_by_another() {
        let mut named = NamedFiles::default();
        named.files.insert(b"/etc/cadge-shadow".to_vec());
        named.directories.insert(b"/etc/cadge.d".to_vec());
        let mut aliases = Aliases::new(&named);
        assert_eq!(aliases.seen_name(1, 2, 2, b"/tmp/x"), None);
        assert_eq!(aliases.seen_name(1, 2, 1, b"/etc/cadge-shadow"), None);
        assert_eq!(aliases.seen_name(1, 2, 2, b"/tmp/x").as_deref(), Some(&b"/etc/cadge-shadow"[..]));
        // With one name it is another file by now: a number that is used again.
        assert_eq!(aliases.seen_name(1, 2, 1, b"/tmp/x"), None);
        assert_eq!(aliases.seen_name(1, 3, 2, b"/etc/cadge.d/y"), None);
        assert_eq!(aliases.seen_name(1, 3, 2, b"/y").as_deref(), Some(&b"/etc/cadge.d/y"[..]));
        for ino in 0..20_000 {
            aliases.seen_name(7, ino, 1, b"/etc/cadge-shadow");
            assert!(aliases.seen.len() <= SEEN_MAX);
        }
    }

    #[test]
    fn a_replaced_file_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().canonicalize().unwrap().join("secret");
        fs::write(&secret, "x").unwrap();
        let mut named = NamedFiles::default();
        named.files.insert(secret.as_os_str().as_bytes().to_vec());
        let aliases = Aliases::new(&named);
        fs::write(dir.path().join("new"), "y").unwrap();
        fs::rename(dir.path().join("new"), &secret).unwrap();
        let now = identity(&secret, &devices(&fs::read_to_string("/proc/self/mountinfo").unwrap())).unwrap();
        let begun = std::time::Instant::now();
        while aliases.name(now.0, now.1, b"/x").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "never seen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn devices_have_the_kernels_numbers() {
        let text =
            "25 1 254:3 / / rw - ext4 /dev/vda rw\n26 25 0:300 / /x rw shared:1 - tmpfs t rw\nodd\n1 2 x y\n";
        assert_eq!(devices(text), HashMap::from([(25, 0xfe03), (26, 0x10_002c)]));
    }
}
