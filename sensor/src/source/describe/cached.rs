//! Follows symbolic links for an open whose file nothing tells: one that an `io_uring` has made elsewhere and
//! does not answer. Only what the kernel has at hand is looked at, so that nobody makes the sensor wait.

use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt};
use std::path::Path;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2, readlink};
use nix::sys::stat::Mode;

use cadge_engine::Processes as _;

use super::super::ebpf::calls::{self, Call, FdOf};
use super::super::ebpf::record::{Body, Part, Record, append, arg, join_path, part};
use super::Describer;
use super::path::resolve;

/// `RESOLVE_CACHED` of `linux/openat2.h`: refuse rather than wait. Since 5.12.
const RESOLVE_CACHED: u64 = 0x20;

/// What the kernel writes behind the name of a file that has none any more.
const DELETED: &[u8] = b" (deleted)";

/// The process whose root is the host's; where nobody may look at it, the sensor's own is taken for that.
const HOST: u32 = 1;

impl Describer {
    /// Adds the path of the file that an operation has opened, if nothing has told it.
    pub(super) fn add_meant(&mut self, bytes: &mut Vec<u8>) {
        let Ok(record) = Record::read(bytes) else { return };
        let Body::Call(call) = record.body else { return };
        let Some((Call { fd: FdOf::Opened(at), .. }, _)) = calls::row(call.call) else { return };
        if record.part_of(part::PATH, arg::RESULT).is_some() {
            return;
        }
        let Some(raw) = record.part_of(part::STRING, *at) else { return };
        let mut base = Vec::new();
        if let Some(part) = record.part_of(part::BASE, *at) {
            join_path(part, &mut base);
        }
        resolve(Some(&base), raw.bytes, &mut self.path);
        // A program of the host's may be gone by now; the host's files are not.
        let process = self.table.process(record.header.pid.into());
        let is_on_host = process.is_some_and(|process| process.container_id.is_empty());
        let others: &[u32] = if is_on_host { &[HOST, std::process::id()] } else { &[] };
        let roots = std::iter::once(&record.header.pid).chain(others);
        let meant = roots.copied().find_map(|pid| meant_by(pid, &self.path));
        let Some(meant) = meant else { return };
        let names = meant.rsplit(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let names: Vec<u8> = names.flat_map(|name| [name, b"\0"].concat()).collect();
        append(bytes, Part { kind: part::PATH, flags: 0, arg: arg::RESULT, bytes: &names });
    }
}

/// The path of the file that a process means by an absolute path, as that process sees it. `None` if it is
/// not at hand. It is that of now: somebody may have changed a link since.
fn meant_by(pid: u32, path: &[u8]) -> Option<Vec<u8>> {
    let inside = path.strip_prefix(b"/")?;
    let root =
        open(format!("/proc/{pid}/root").as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::from_bits_retain(RESOLVE_CACHED));
    let file = openat2(root.as_fd(), Path::new(std::ffi::OsStr::from_bytes(inside)), how).ok()?;
    let (root, file) = (name_of(&root)?, name_of(&file)?);
    let file = if root == b"/" { &file[..] } else { file.strip_prefix(root.as_slice())? };
    (file.starts_with(b"/") && !file.ends_with(DELETED)).then(|| file.to_vec())
}

fn name_of(file: &OwnedFd) -> Option<Vec<u8>> {
    readlink(format!("/proc/self/fd/{}", file.as_raw_fd()).as_str()).ok().map(OsStringExt::into_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_and_what_is_not_there_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        std::fs::write(dir.join("file"), "x").unwrap();
        std::os::unix::fs::symlink(dir.join("file"), dir.join("link")).unwrap();
        // To follow a link may be to note when that was, and for that the kernel would have to wait: not once it was
        // followed at a later moment, by the kernel's coarse clock, than it was made.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let _ = std::fs::read(dir.join("link")).unwrap();
        let meant = |name: &str| meant_by(std::process::id(), dir.join(name).as_os_str().as_bytes());
        assert_eq!(meant("link").unwrap(), dir.join("file").as_os_str().as_bytes());
        assert_eq!(meant("nothing"), None);
        assert_eq!(meant_by(u32::MAX, b"/etc"), None);
    }
}
