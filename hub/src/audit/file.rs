//! A file of lines with a bounded size: past it, it is renamed, and the oldest of those goes.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::config::AuditLog;

/// That it can't be written is said so often.
const SAID: Duration = Duration::from_mins(1);

/// The file.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    bytes_max: u64,
    files_max: u32,
    current: Option<fs::File>,
    bytes: u64,
    said: Option<Instant>,
}

impl File {
    /// Goes on with the file that is there.
    pub(super) fn open(path: &Path, config: &AuditLog) -> io::Result<Self> {
        let file = appending(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            bytes_max: config.bytes_max.max(1),
            files_max: config.files_max,
            current: Some(file),
            bytes,
            said: None,
        })
    }

    /// Writes lines. Answers how many it could not.
    pub(super) fn write(&mut self, lines: &[Vec<u8>]) -> u64 {
        let mut failed = 0;
        for line in lines {
            if let Err(error) = self.add(line) {
                failed += 1;
                self.say(&error);
            }
        }
        failed
    }

    fn add(&mut self, line: &[u8]) -> io::Result<()> {
        if self.bytes > 0 && self.bytes + line.len() as u64 > self.bytes_max {
            self.rotate()?;
        }
        if self.current.is_none() {
            let file = appending(&self.path)?;
            self.bytes = file.metadata()?.len();
            self.current = Some(file);
        }
        let Some(file) = &mut self.current else { return Ok(()) };
        if let Err(error) = file.write_all(line) {
            // No half line stays before the next one.
            let _ = file.set_len(self.bytes);
            return Err(error);
        }
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..self.files_max).rev() {
            if self.numbered(number).exists() {
                fs::rename(self.numbered(number), self.numbered(number + 1))?;
            }
        }
        match self.files_max {
            0 => fs::remove_file(&self.path)?,
            _ => fs::rename(&self.path, self.numbered(1))?,
        }
        (self.current, self.bytes) = (None, 0);
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    fn say(&mut self, error: &io::Error) {
        if self.said.is_none_or(|said| said.elapsed() >= SAID) {
            self.said = Some(Instant::now());
            tracing::error!(%error, path = %self.path.display(), "the audit log can't be written: lines are lost");
        }
    }
}

fn appending(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
        numbers.map(|number| format!("line {number:04}\n").into_bytes()).collect()
    }

    #[test]
    fn the_newest_lines_are_kept_in_bounded_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let config = AuditLog { path: None, bytes_max: 100, files_max: 2 };
        for range in [0..15, 15..95] {
            assert_eq!(File::open(&path, &config).unwrap().write(&lines(range)), 0);
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        let all = read("audit.jsonl.2") + &read("audit.jsonl.1") + &read("audit.jsonl");
        assert_eq!(all.into_bytes(), lines(70..95).concat());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn lines_that_have_no_room_are_counted_and_the_next_begin_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut file = File::open(&path, &AuditLog::default()).unwrap();
        assert_eq!(file.write(&lines(0..1)), 0);
        let good = file.current.replace(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        assert_eq!(file.write(&lines(1..4)), 3);
        file.current = good;
        assert_eq!(file.write(&lines(4..5)), 0);
        assert_eq!(fs::read(&path).unwrap(), [lines(0..1), lines(4..5)].concat().concat());
    }
}
