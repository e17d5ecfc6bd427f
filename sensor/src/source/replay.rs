//! Events from a recording: the kernel's records, as they came.
//!
//! A recording is 16 bytes of head (the magic text, then the time of the boot in nanoseconds since
//! 1970), then each record behind its length in four bytes. Numbers are little-endian but for those
//! within a record, which are the recording machine's.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use cadge_engine::Event;

use super::describe::{self, Describer};
use super::ebpf::record;
use super::{Source, SourceError, SourceSettings};

/// What a recording begins with: name and version.
const MAGIC: &[u8; 8] = b"CADGEv01";

/// Records that one poll hands out.
const BATCH: usize = 1024;

/// A recording, read once from beginning to end.
pub struct Replay {
    reader: BufReader<File>,
    describer: Describer,
    record: Vec<u8>,
    records: u64,
}

fn failed(problem: String, advice: &str) -> SourceError {
    SourceError { source_name: "replay", problem, advice: advice.to_owned() }
}

impl Replay {
    /// Opens the recording that the settings name.
    pub fn open(settings: &SourceSettings) -> Result<Self, SourceError> {
        let Some(path) = &settings.recording else {
            return Err(failed("no recording is named".to_owned(), "name a file that `cadge record` wrote"));
        };
        let file = File::open(path).map_err(|error| {
            failed(format!("{}: {error}", path.display()), "name a file that `cadge record` wrote")
        })?;
        let mut reader = BufReader::new(file);
        let mut head = [0; 16];
        if reader.read_exact(&mut head).is_err() || !head.starts_with(MAGIC) {
            let problem = format!("{} is no recording of this version", path.display());
            return Err(failed(problem, "name a file that `cadge record` wrote"));
        }
        let mut describer = Describer::new(settings);
        let boot = head.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        describer.fix_clock(boot);
        Ok(Self { reader, describer, record: Vec::new(), records: 0 })
    }

    /// Reads the next record; `false` at the end, and where the file is cut short.
    fn next(&mut self) -> io::Result<bool> {
        let mut size = [0; 4];
        if let Err(error) = self.reader.read_exact(&mut size) {
            return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(false) } else { Err(error) };
        }
        let size = usize::try_from(u32::from_le_bytes(size)).unwrap_or(usize::MAX);
        if size > record::BYTES_MAX {
            return Err(io::Error::other(format!("a record of {size} bytes")));
        }
        self.record.resize(size, 0);
        match self.reader.read_exact(&mut self.record) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Source for Replay {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn poll(&mut self, _: Duration, sink: &mut dyn FnMut(&Event<'_>)) -> Result<bool, SourceError> {
        for _ in 0..BATCH {
            let more = self.next().map_err(|error| {
                failed(format!("the recording can't be read: {error}"), "record again; the file is damaged")
            })?;
            if !more {
                self.describer.expire(u64::MAX, sink);
                return Ok(false);
            }
            self.records += 1;
            self.describer.take(&self.record, sink);
        }
        Ok(true)
    }

    fn counters(&self) -> Vec<(String, u64)> {
        vec![
            ("events_total{class=\"recorded\"}".to_owned(), self.records),
            ("dropped_total{class=\"any\",cause=\"malformed\"}".to_owned(), self.describer.malformed),
        ]
    }
}

/// Begins a recording.
pub(super) fn create(path: &Path) -> Result<BufWriter<File>, SourceError> {
    let begin = || {
        let mut writer = BufWriter::new(File::create(path)?);
        writer.write_all(MAGIC)?;
        writer.write_all(&describe::boot_unix_ns().to_le_bytes())?;
        Ok::<_, io::Error>(writer)
    };
    begin().map_err(|error| failed(format!("{}: {error}", path.display()), "name a file that can be written"))
}

/// Adds a record.
pub(super) fn append(writer: &mut impl io::Write, record: &[u8]) -> io::Result<()> {
    let size = u32::try_from(record.len()).map_err(io::Error::other)?;
    writer.write_all(&size.to_le_bytes())?;
    writer.write_all(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_file_is_replayed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), headed in any::<bool>()) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            if headed {
                file.write_all(MAGIC).unwrap();
                file.write_all(&[0; 8]).unwrap();
                append(&mut file, &bytes).unwrap();
            }
            file.write_all(&bytes).unwrap();
            file.flush().unwrap();
            let settings = SourceSettings { recording: Some(file.path().to_owned()), ..SourceSettings::default() };
            if let Ok(mut replay) = Replay::open(&settings) {
                while let Ok(true) = replay.poll(Duration::ZERO, &mut |_| {}) {}
            }
        }
    }
}
