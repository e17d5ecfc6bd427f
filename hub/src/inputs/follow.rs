//! Follows a file by name: through rename and create, through truncation, and from the place where it
//! was before a restart, even if the file has another name by then.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::place::Place;

/// Bytes that are read at once. A longer line is left out.
const CHUNK: usize = 1 << 20;

/// A file that has been renamed is given up after so many looks at it without anything new: its writer
/// may need a moment to notice.
const QUIET: u32 = 8;

/// Files beside it that are looked at for the place from before a restart.
const SIBLINGS_MAX: usize = 1000;

/// A file that is followed.
pub(super) struct Follower {
    path: PathBuf,
    /// The place from before a restart, until it has been looked for.
    before: Option<Place>,
    open: Option<Open>,
}

struct Open {
    file: File,
    place: Place,
    /// Within a line that is too long.
    skipping: bool,
    quiet: u32,
}

/// Whole lines.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) text: Vec<u8>,
    /// Lines that were too long.
    pub(super) too_long: u64,
    /// The place behind them; none if there is nothing new.
    pub(super) place: Option<Place>,
}

impl Follower {
    pub(super) fn new(path: &Path, before: Option<Place>) -> Self {
        Self { path: path.to_owned(), before, open: None }
    }

    /// The next lines. A file that is not there has none yet.
    pub(super) fn next(&mut self) -> io::Result<Lines> {
        if self.open.is_none() {
            self.open = self.first()?;
        }
        let Some(open) = &mut self.open else { return Ok(Lines::default()) };
        let lines = open.next()?;
        if lines.place.is_some() {
            open.quiet = 0;
            return Ok(lines);
        }
        let Some(next) = other(&self.path, &open.place)? else { return Ok(lines) };
        open.quiet += 1;
        if open.quiet < QUIET {
            return Ok(lines);
        }
        let lines = open.rest()?;
        self.open = Some(next);
        Ok(lines)
    }

    /// The file in which the old place is, or the one of that name from its start.
    fn first(&mut self) -> io::Result<Option<Open>> {
        if let Some(place) = self.before.take()
            && let Some(file) = self.holder(&place)?
        {
            return Ok(Some(Open { file, place, skipping: false, quiet: 0 }));
        }
        open(&self.path)
    }

    /// The file in which a place is: of this name, or of one that begins with it, as rotation gives them.
    fn holder(&self, place: &Place) -> io::Result<Option<File>> {
        let name = self.path.file_name().unwrap_or_default().as_encoded_bytes();
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else { return Ok(None) };
        let siblings = entries.take(SIBLINGS_MAX).filter_map(Result::ok);
        for entry in siblings.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(name)) {
            if let Some(found) = open(&entry.path())?
                && place.is_in(&found.file)?
            {
                return Ok(Some(found.file));
            }
        }
        Ok(None)
    }
}

impl Open {
    fn next(&mut self) -> io::Result<Lines> {
        let mut lines = Lines::default();
        if !self.place.is_in(&self.file)? {
            // It was cut, perhaps written again: it is a new one.
            (self.place, self.skipping) = (Place::new(&self.file, 0)?, false);
        }
        let mut text = self.read()?;
        let full = text.len() == CHUNK;
        let mut taken = match text.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if full => {
                lines.too_long += u64::from(!self.skipping);
                text.len()
            }
            None => 0,
        };
        let ends = text[..taken].ends_with(b"\n");
        if taken == 0 {
            return Ok(lines);
        }
        lines.place = Some(self.advance(taken)?);
        text.truncate(taken);
        if self.skipping || !ends {
            // What is left of the long line goes, too.
            taken = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
            text.drain(..taken);
        }
        self.skipping = !ends;
        lines.text = text;
        Ok(lines)
    }

    /// What is left of a file that is complete: its last line needs no end.
    fn rest(&mut self) -> io::Result<Lines> {
        let text = self.read()?;
        if text.is_empty() || self.skipping {
            return Ok(Lines::default());
        }
        let place = self.advance(text.len())?;
        Ok(Lines { text, too_long: 0, place: Some(place) })
    }

    fn advance(&mut self, bytes: usize) -> io::Result<Place> {
        self.place = Place::new(&self.file, self.place.offset + bytes as u64)?;
        Ok(self.place)
    }

    /// The bytes behind the place, a chunk of them at most.
    fn read(&self) -> io::Result<Vec<u8>> {
        let (mut text, mut end) = (vec![0; CHUNK], 0);
        while end < CHUNK {
            let count = self.file.read_at(&mut text[end..], self.place.offset + end as u64)?;
            if count == 0 {
                break;
            }
            end += count;
        }
        text.truncate(end);
        Ok(text)
    }
}

/// Opens a file from its start, if it is there.
fn open(path: &Path) -> io::Result<Option<Open>> {
    // What is no file, such as a pipe, must not hold this up.
    let file = match fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let place = Place::new(&file, 0)?;
    Ok(Some(Open { file, place, skipping: false, quiet: 0 }))
}

/// The file that has the name now, if it is another one.
fn other(path: &Path, place: &Place) -> io::Result<Option<Open>> {
    match fs::metadata(path) {
        Ok(metadata) if (metadata.dev(), metadata.ino()) != (place.device, place.inode) => open(path),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
