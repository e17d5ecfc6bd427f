//! Appends each alert to a file, as a line of JSON. A file that is full gets another name.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::Section;
use crate::format::canonical;
use crate::settings::{Common, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Alerts that are written, and put on disk, together.
const BATCH: usize = 1000;

keys! {
    /// The section `file`.
    pub(crate) struct Config {
        /// The file.
        path: String = "",
        /// Past so many bytes it is renamed to `PATH.1`, that one to `PATH.2` and so on. 0: never.
        bytes_max: u64 = 104_857_600,
        /// So many renamed files are kept; the oldest goes.
        files_max: u32 = 5,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "file";
    const ABOUT: &'static str = "Appends each alert to a file, a line of falcosidekick's JSON each. It counts as delivered once it is on disk.";
    const EXAMPLE: &'static str = "file:\n  path: FOLDER/alerts.json\n";

    fn is_on(&self) -> bool {
        !self.path.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let path = PathBuf::from(&self.path);
        if !folder(&path).is_dir() {
            return Err(format!("`path`: there is no folder {}", folder(&path).display()));
        }
        let turning = Turning { path, bytes_max: self.bytes_max, files_max: self.files_max };
        Ok(Box::new(Lines { file: Arc::new(Mutex::new(turning)), kinds: setup.kinds }))
    }
}

struct Lines {
    file: Arc<Mutex<Turning>>,
    kinds: FieldKinds,
}

impl Integration for Lines {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let text: String = alerts.iter().map(|delivery| canonical(&delivery.alert, self.kinds)).collect();
            // Before the thread: a disk that stands still costs one, not one for each attempt.
            let file = Arc::clone(&self.file).lock_owned().await;
            let write = move || {
                let written = file.write(text.as_bytes());
                written.map_err(|error| format!("writing {}: {error}", file.path.display()))
            };
            match tokio::task::spawn_blocking(write).await {
                Ok(Ok(size)) => Ok(Answer(format!("written: the file has {size} bytes"))),
                Ok(Err(problem)) => Err(SendError::Unreachable(problem)),
                Err(_) => Err(SendError::Unreachable("the write was broken off".to_owned())),
            }
        })
    }
}

/// A file that makes room for the next one when it is full.
struct Turning {
    path: PathBuf,
    bytes_max: u64,
    files_max: u32,
}

impl Turning {
    /// Puts whole lines on disk. Answers the file's size.
    fn write(&self, lines: &[u8]) -> io::Result<u64> {
        // Anew each time: somebody else may have moved or deleted it.
        let (mut file, mut size) = open(&self.path)?;
        let length = lines.len() as u64;
        if self.bytes_max > 0 && size > 0 && size + length > self.bytes_max {
            drop(file);
            self.turn()?;
            (file, size) = open(&self.path)?;
        }
        file.write_all(lines).and_then(|()| file.sync_data()).inspect_err(|_| {
            // A line that is half there would spoil the next: the file ends where it was.
            let _ = file.set_len(size);
        })?;
        if size == 0 {
            // Its name has to last, too.
            File::open(folder(&self.path))?.sync_all()?;
        }
        Ok(size + length)
    }

    /// Gives every file the next number.
    fn turn(&self) -> io::Result<()> {
        let named = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            if number > 0 {
                name.push(format!(".{number}"));
            }
            PathBuf::from(name)
        };
        if self.files_max == 0 {
            return std::fs::remove_file(&self.path);
        }
        for number in (0..self.files_max).rev() {
            match std::fs::rename(named(number), named(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Opens a file at its end. A last line that is not whole, of a hub that died, is ended.
fn open(path: &Path) -> io::Result<(File, u64)> {
    use std::os::unix::fs::FileExt as _;
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut size = file.metadata()?.len();
    let mut last = [b'\n'];
    if size > 0 {
        file.read_exact_at(&mut last, size - 1)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
        size += 1;
    }
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turning(path: &Path) -> Turning {
        Turning { path: path.to_owned(), bytes_max: 10, files_max: 2 }
    }

    fn read(path: &Path, suffix: &str) -> String {
        std::fs::read_to_string(format!("{}{suffix}", path.display())).unwrap_or_default()
    }

    #[test]
    fn a_full_file_gets_a_number_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts.json");
        let file = turning(&path);
        for line in ["one\n", "two\n", "three\n", "four, which is long\n", "five\n"] {
            file.write(line.as_bytes()).unwrap();
        }
        assert_eq!(read(&path, ""), "five\n");
        assert_eq!(
            (read(&path, ".1"), read(&path, ".2")),
            ("four, which is long\n".into(), "three\n".into())
        );
        assert_eq!(read(&path, ".3"), "");
    }

    #[test]
    fn a_file_that_somebody_moves_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("alerts.json"), dir.path().join("moved"));
        let file = turning(&path);
        file.write(b"one\n").unwrap();
        std::fs::rename(&path, &moved).unwrap();
        file.write(b"two\n").unwrap();
        assert_eq!((read(&path, ""), read(&moved, "")), ("two\n".into(), "one\n".into()));
    }

    #[test]
    fn a_half_line_of_before_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts.json");
        std::fs::write(&path, "hal").unwrap();
        turning(&path).write(b"one\n").unwrap();
        assert_eq!(read(&path, ""), "hal\none\n");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error_and_works_again_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts.json");
        std::fs::create_dir(&path).unwrap();
        let file = turning(&path);
        assert!(file.write(b"one\n").is_err());
        std::fs::remove_dir(&path).unwrap();
        assert_eq!(file.write(b"one\n").unwrap(), 4);
    }
}
