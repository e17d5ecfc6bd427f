//! What changes with a file.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A file's time, size and number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp(i64, i64, u64, u64);

impl Stamp {
    /// Of the file as it is now; `None` if there is none.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self(metadata.mtime(), metadata.mtime_nsec(), metadata.size(), metadata.ino()))
    }
}
