//! Disks that can be full: file systems in memory, whose size is taken down to what they hold.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::statvfs::statvfs;

/// A disk of its own for a folder.
pub(crate) struct Disk {
    path: PathBuf,
    bytes: u64,
}

impl Disk {
    /// Mounts one. Says aloud where that is not possible.
    pub(crate) fn mount(path: &Path, bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let size = format!("size={bytes},mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { path: path.to_owned(), bytes });
        }
        eprintln!("SKIPPED torture (its full disks): mounting a file system needs root");
        None
    }

    /// Leaves room for so many bytes more than there are, or fewer than a page.
    pub(crate) fn fill(&self, room: u64) -> bool {
        // It grows while it is looked at: what is too small is refused, and tried again.
        (0..20).any(|_| {
            let Ok(now) = statvfs(&self.path) else { return false };
            let used = (now.blocks() - now.blocks_free()) * now.fragment_size();
            self.resize(used + room)
        })
    }

    /// Gives all of the room back.
    pub(crate) fn free(&self) {
        assert!(self.resize(self.bytes), "the disk {} can't be made larger again", self.path.display());
    }

    fn resize(&self, bytes: u64) -> bool {
        let size = format!("remount,size={}", bytes.max(1));
        let remounted = Command::new("mount").args(["-o", &size]).arg(&self.path).output();
        remounted.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(&self.path);
    }
}

/// Takes a disk away, even if somebody still uses it.
pub(crate) fn unmount(path: &Path) {
    let _ = Command::new("umount").arg("-l").arg(path).output();
}
