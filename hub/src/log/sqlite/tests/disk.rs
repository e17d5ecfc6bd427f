//! A disk that is really full: a small file system in memory, mounted for the test.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::super::super::Log;
use super::{append, batch, open, positions};

/// A small file system. Unmounted at the end.
struct Small(tempfile::TempDir);

impl Small {
    fn mount(test: &str, bytes: u64) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={bytes}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "cadge-test"]).arg(dir.path()).output();
        let why = match mount {
            Ok(output) if output.status.success() => return Some(Self(dir)),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: a small disk needs root: {why}");
        None
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: the log's thread may just be closing its files.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Takes all the room but so many bytes.
fn fill(path: &Path, leave: u64) {
    let stat = nix::sys::statvfs::statvfs(path.parent().unwrap()).unwrap();
    let free = stat.blocks_available() * stat.fragment_size();
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(&vec![1; usize::try_from(free.saturating_sub(leave)).unwrap()]).unwrap();
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_loses_nothing() {
    let Some(disk) = Small::mount("a_full_disk_acknowledges_nothing_and_loses_nothing", 16 << 20) else {
        return;
    };
    let path = disk.path("log.db");
    let log = open(&path);
    append(&log, batch(1..=1000, 1000)).await.unwrap();
    fill(&disk.path("other"), 2 << 20);
    let mut acknowledged = 1000;
    let error = loop {
        match append(&log, batch(acknowledged + 1..=acknowledged + 100, 1000)).await {
            Ok(appended) => acknowledged = appended.high_water,
            Err(error) => break error.to_string(),
        }
        assert!(acknowledged < 20_000, "the disk is never full");
    };
    assert!(error.contains("full") && error.contains("make room on its disk"), "{error}");
    // Readers go on, from memory and from the disk, and see only what was acknowledged.
    assert_eq!(*log.head().borrow(), acknowledged);
    assert_eq!(positions(&log).await.len() as u64, acknowledged);
    assert_eq!(log.high_water("a", 1).await.unwrap(), acknowledged);
    assert!(append(&log, batch(acknowledged + 1..=acknowledged + 1000, 1000)).await.is_err());
    // A hub that dies now has everything after its next start.
    let copy = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal"] {
        std::fs::copy(super::beside(&path, suffix), super::beside(&copy.path().join("log.db"), suffix))
            .unwrap();
    }
    let after: Arc<dyn Log> = open(&copy.path().join("log.db"));
    assert_eq!(positions(&after).await.len() as u64, acknowledged);
    // With room again, the same log takes the same alerts.
    std::fs::remove_file(disk.path("other")).unwrap();
    let appended = append(&log, batch(acknowledged + 1..=acknowledged + 100, 1000)).await.unwrap();
    assert_eq!(appended.high_water, acknowledged + 100);
    assert_eq!(positions(&log).await.len() as u64, acknowledged + 100);
    drop(log);
    assert_eq!(positions(&open(&path)).await.len() as u64, acknowledged + 100);
}
