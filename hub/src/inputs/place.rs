//! How far a file has been read, kept in a small file of its own below the log's folder.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::fnv::Fnv;

/// So many bytes at a file's start tell it from another one that has its number later.
const START: u64 = 256;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) offset: u64,
    /// A hash of the bytes in front of it, of the first [`START`] at most.
    start: u64,
}

impl Place {
    /// A place in an open file.
    pub(super) fn new(file: &File, offset: u64) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let (device, inode) = (metadata.dev(), metadata.ino());
        Ok(Self { device, inode, offset, start: start(file, offset)? })
    }

    /// Whether the file is the same, and still has what was in front of the place.
    pub(super) fn is_in(&self, file: &File) -> io::Result<bool> {
        let metadata = file.metadata()?;
        let same = (metadata.dev(), metadata.ino()) == (self.device, self.inode);
        Ok(same && metadata.len() >= self.offset && start(file, self.offset)? == self.start)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { device: next()?, inode: next()?, offset: next()?, start: next()? })
    }
}

fn start(file: &File, offset: u64) -> io::Result<u64> {
    let mut bytes = vec![0; usize::try_from(offset.min(START)).unwrap_or_default()];
    let mut hash = Fnv::new();
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => hash.bytes(&bytes),
        // It has just been cut: no hash is 0.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
        Err(error) => return Err(error),
    }
    Ok(hash.end().max(1))
}

/// Where a place is kept.
pub(super) struct PlaceFile(PathBuf);

impl PlaceFile {
    /// In a folder, under the file's whole name.
    pub(super) fn new(folder: &Path, file: &Path) -> Self {
        let name = file.display().to_string().replace('_', "__").replace('/', "_");
        Self(folder.join(name + ".place"))
    }

    /// The place; none if there is none, or it cannot be read: to begin again does no harm.
    pub(super) fn read(&self) -> Option<Place> {
        Place::parse(&fs::read_to_string(&self.0).ok()?)
    }

    pub(super) async fn write(&self, place: Place) -> io::Result<()> {
        let Place { device, inode, offset, start } = place;
        let new = self.0.with_extension("new");
        if let Some(folder) = self.0.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        tokio::fs::write(&new, format!("{device} {inode} {offset} {start}\n")).await?;
        tokio::fs::rename(&new, &self.0).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_found_again_unless_the_file_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a_b");
        fs::write(&path, "0123456789").unwrap();
        let place = Place::new(&File::open(&path).unwrap(), 5).unwrap();
        let kept = PlaceFile::new(&dir.path().join("inputs"), &path);
        assert_eq!(kept.read(), None);
        kept.write(place).await.unwrap();
        assert_eq!(kept.read(), Some(place));
        let is_in = || place.is_in(&File::open(&path).unwrap()).unwrap();
        assert!(is_in());
        fs::write(&path, "01234").unwrap();
        assert!(is_in());
        for other in ["0123", "", "01x3456789"] {
            fs::write(&path, other).unwrap();
            assert!(!is_in(), "{other}");
        }
        fs::write(&kept.0, "1 2 x").unwrap();
        assert_eq!(kept.read(), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_place_or_none(text in ".*") {
            let _ = Place::parse(&text);
        }
    }
}
