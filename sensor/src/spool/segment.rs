//! One file of a spool: a head, then records.
//!
//! The head is 24 bytes: the magic text with the format's version, the epoch, the first sequence
//! number. A record is 16 bytes, then the alert: the alert's length, the CRC-32 of what follows it,
//! the sequence number. All numbers are little-endian.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cadge_proto::ALERT_BYTES_MAX;

/// What a segment begins with: name and version.
const MAGIC: &[u8; 8] = b"CADGEsp1";
const HEAD_BYTES: u64 = 24;
const RECORD_HEAD_BYTES: usize = 16;

/// Bytes that are read from the disk at once.
const READ_BYTES: usize = 4 << 20;

/// An open file.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    epoch: u64,
    first: u64,
    next: u64,
    /// Its length, up to the last whole record.
    bytes: u64,
    /// Where the record of a sequence number begins: where the last reading ended.
    hint: (u64, u64),
}

/// Opens every segment of a folder that belongs to the youngest one's epoch, oldest first.
pub(super) fn open_all(dir: &Path) -> io::Result<VecDeque<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "spool") {
            match Segment::open(&path) {
                Ok(segment) => segments.push(segment),
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "the segment can't be read: it is left out");
                }
            }
        }
    }
    segments.sort_by_key(Segment::first);
    let epoch = segments.last().map(Segment::epoch);
    segments.retain(|segment| Some(segment.epoch) == epoch);
    Ok(segments.into())
}

impl Segment {
    pub(super) fn create(dir: &Path, epoch: u64, first: u64) -> io::Result<Self> {
        let path = dir.join(format!("{epoch:016x}-{first:020}.spool"));
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        file.write_all(&[&MAGIC[..], &epoch.to_le_bytes(), &first.to_le_bytes()].concat())?;
        Ok(Self { path, file, epoch, first, next: first, bytes: HEAD_BYTES, hint: (first, HEAD_BYTES) })
    }

    /// Reads all of it, and cuts off what is not whole.
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let mut head = [0; 24];
        file.read_exact_at(&mut head, 0)?;
        let number = |at: usize| head[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if !head.starts_with(MAGIC) || number(16) == 0 {
            return Err(io::Error::other("it is no segment of this version"));
        }
        let (epoch, first) = (number(8), number(16));
        let hint = (first, HEAD_BYTES);
        let mut segment =
            Self { path: path.to_owned(), file, epoch, first, next: first, bytes: HEAD_BYTES, hint };
        let length = segment.file.metadata()?.len();
        segment.bytes = length;
        segment.next = u64::MAX;
        let (mut next, mut end) = hint;
        loop {
            let (records, after) = segment.records(end, next)?;
            next += records.len() as u64;
            if after == end {
                break;
            }
            end = after;
        }
        (segment.next, segment.bytes) = (next, end);
        if end < length {
            tracing::warn!(path = %path.display(), bytes = length - end, "the end of the segment is torn: it is cut off");
            segment.file.set_len(end)?;
        }
        Ok(segment)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The sequence number behind the last record's.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a record, or leaves the file as it was.
    pub(super) fn append(&mut self, sequence: u64, alert: &[u8]) -> io::Result<()> {
        let length = u32::try_from(alert.len()).map_err(io::Error::other)?;
        let mut record = Vec::with_capacity(RECORD_HEAD_BYTES + alert.len());
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&checksum(sequence, alert).to_le_bytes());
        record.extend_from_slice(&sequence.to_le_bytes());
        record.extend_from_slice(alert);
        if let Err(error) = self.file.write_all_at(&record, self.bytes) {
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        self.bytes += record.len() as u64;
        self.next = sequence + 1;
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Some records from a sequence number on.
    pub(super) fn read(&mut self, from: u64) -> io::Result<Vec<(u64, Bytes)>> {
        if self.hint.0 > from {
            self.hint = (self.first, HEAD_BYTES);
        }
        let (mut next, mut at) = self.hint;
        loop {
            let (mut records, end) = self.records(at, next)?;
            let skip = usize::try_from(from - next).unwrap_or(usize::MAX);
            if records.len() > skip {
                // The next reading begins where these records do; they may not all be taken.
                self.hint = (next, at);
                records.drain(..skip);
                return Ok(records);
            }
            if end == at {
                return Ok(Vec::new());
            }
            next += records.len() as u64;
            at = end;
            self.hint = (next, at);
        }
    }

    /// The whole records that begin at a place, which is that of a sequence number, and where they
    /// end.
    fn records(&self, at: u64, first: u64) -> io::Result<(Vec<(u64, Bytes)>, u64)> {
        let room = usize::try_from(self.bytes.saturating_sub(at)).unwrap_or(usize::MAX).min(READ_BYTES);
        let mut buffer = vec![0; room];
        let mut filled = 0;
        while filled < room {
            match self.file.read_at(&mut buffer[filled..], at + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        buffer.truncate(filled);
        let buffer = Bytes::from(buffer);
        let (mut records, mut offset) = (Vec::new(), 0);
        while let Some((alert, size)) = record(&buffer.slice(offset..), first + records.len() as u64) {
            records.push((first + records.len() as u64, alert));
            offset += size;
        }
        Ok((records, at + offset as u64))
    }

    pub(super) fn delete(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::error!(path = %self.path.display(), %error, "the segment can't be deleted");
        }
    }
}

/// The alert of the whole and sound record with this sequence number at the beginning of `bytes`,
/// and the record's size.
fn record(bytes: &Bytes, sequence: u64) -> Option<(Bytes, usize)> {
    let length = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    let expected = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    let found = u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    let end = RECORD_HEAD_BYTES + length;
    if length > ALERT_BYTES_MAX || found != sequence || bytes.len() < end {
        return None;
    }
    let alert = bytes.slice(RECORD_HEAD_BYTES..end);
    (checksum(sequence, &alert) == expected).then_some((alert, end))
}

fn checksum(sequence: u64, alert: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.to_le_bytes());
    hasher.update(alert);
    hasher.finalize()
}
