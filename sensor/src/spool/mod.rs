//! Alerts on disk, until the hub has acknowledged them.
//!
//! A folder of segments. What is written is handed to the kernel at once, so that it survives the
//! sensor's end; the disk itself is told from time to time. What the end of the machine tore off is
//! found by checksum and cut away.

mod segment;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::error::Error;
use segment::Segment;

/// Bytes of alerts that are kept in memory too, for the uplink that keeps up.
const TAIL_BYTES_MAX: usize = 4 << 20;

/// Bounds of a spool.
#[derive(Clone, Copy, Debug)]
pub struct SpoolSettings {
    /// Bytes in all.
    pub bytes_max: u64,
    /// Bytes of one segment.
    pub segment_bytes: u64,
}

/// The spool. Shared by the thread that writes and the task that sends.
#[derive(Debug)]
pub struct Spool {
    inner: Mutex<Inner>,
    epoch: u64,
    written: watch::Sender<u64>,
    /// Held as long as the spool is in use.
    _lock: File,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    settings: SpoolSettings,
    /// Oldest first; the last is the one that is written to. Never empty.
    segments: VecDeque<Segment>,
    epoch: u64,
    /// The sequence number with which this use of the spool began.
    opened: u64,
    next: u64,
    tail: VecDeque<(u64, Bytes)>,
    tail_bytes: usize,
    acknowledged: u64,
    is_dirty: bool,
}

/// Consecutive alerts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The first one's sequence number.
    pub first: u64,
    /// Their bytes.
    pub alerts: Vec<Bytes>,
}

impl Spool {
    /// Opens or makes the spool in a folder. Nobody else may use it at the same time.
    pub fn open(dir: &Path, settings: SpoolSettings) -> Result<Self, Error> {
        let failed = |problem: String| Error::Spool { path: dir.to_owned(), problem };
        let io = |error: io::Error| failed(error.to_string());
        fs::create_dir_all(dir).map_err(io)?;
        let lock = File::create(dir.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(failed("another sensor uses it".to_owned())),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let mut segments = segment::open_all(dir).map_err(io)?;
        let epoch = segments.back().map_or_else(rand::random, Segment::epoch);
        if segments.is_empty() {
            segments.push_back(Segment::create(dir, epoch, 1).map_err(io)?);
        }
        let next = segments.back().map_or(1, Segment::next);
        let inner = Inner {
            dir: dir.to_owned(),
            settings,
            segments,
            epoch,
            opened: next,
            next,
            tail: VecDeque::new(),
            tail_bytes: 0,
            acknowledged: 0,
            is_dirty: false,
        };
        Ok(Self { inner: Mutex::new(inner), epoch, written: watch::Sender::new(next), _lock: lock })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names this life of the spool.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The lowest sequence number that is here, and the next one to be given.
    pub fn range(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.first(), inner.next)
    }

    /// Adds an alert, whose bytes `encode` makes of its sequence number. Answers how many old ones
    /// had to go for it.
    pub fn append(&self, encode: impl FnOnce(u64) -> Vec<u8>) -> io::Result<u64> {
        let mut inner = self.inner();
        let dropped = inner.append(encode)?;
        let next = inner.next;
        drop(inner);
        self.written.send_replace(next);
        Ok(dropped)
    }

    /// Tells the disk to keep what was written.
    pub fn sync(&self) -> io::Result<()> {
        let mut inner = self.inner();
        if std::mem::take(&mut inner.is_dirty) { inner.active().sync() } else { Ok(()) }
    }

    /// The alerts behind a sequence number: as many as follow without a gap, in the bounds.
    pub fn read(&self, after: u64, count: usize, bytes: usize) -> io::Result<Batch> {
        self.inner().read(after, count, bytes)
    }

    /// Gives the alerts of this use of the spool new sequence numbers if the hub knows theirs already.
    ///
    /// That is so after the machine has died: the hub had alerts that the disk did not keep, and
    /// their numbers were given a second time. `renumber` makes the bytes for a new number. To be
    /// called before anything of this use was sent.
    pub fn catch_up(&self, known: u64, renumber: impl Fn(&[u8], u64) -> Vec<u8>) -> io::Result<()> {
        let mut inner = self.inner();
        if known < inner.opened {
            return Ok(());
        }
        inner.catch_up(known, renumber)?;
        let next = inner.next;
        drop(inner);
        self.written.send_replace(next);
        Ok(())
    }

    /// Forgets the alerts up to a sequence number. Answers how many of them were new to this.
    pub fn acknowledge(&self, sequence: u64) -> u64 {
        self.inner().acknowledge(sequence)
    }

    /// Alerts that are not acknowledged.
    pub fn waiting(&self) -> u64 {
        let inner = self.inner();
        inner.next - 1 - inner.acknowledged.max(inner.first().saturating_sub(1)).min(inner.next - 1)
    }

    /// Changes with every alert.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }
}

impl Inner {
    fn active(&mut self) -> &mut Segment {
        self.segments.back_mut().expect("a spool has a segment from its making on")
    }

    fn first(&self) -> u64 {
        self.segments.front().map_or(self.next, Segment::first)
    }

    fn append(&mut self, encode: impl FnOnce(u64) -> Vec<u8>) -> io::Result<u64> {
        if self.active().bytes() >= self.settings.segment_bytes {
            self.active().sync()?;
            let segment = Segment::create(&self.dir, self.epoch, self.next)?;
            self.segments.push_back(segment);
        }
        let sequence = self.next;
        let bytes = Bytes::from(encode(sequence));
        self.active().append(sequence, &bytes)?;
        self.next += 1;
        self.is_dirty = true;
        self.tail_bytes += bytes.len();
        self.tail.push_back((sequence, bytes));
        while self.tail_bytes > TAIL_BYTES_MAX {
            self.pop_tail();
        }
        Ok(self.make_room())
    }

    fn pop_tail(&mut self) {
        if let Some((_, bytes)) = self.tail.pop_front() {
            self.tail_bytes -= bytes.len();
        }
    }

    /// Lets the oldest segments go while there are too many bytes; counts what nobody has had.
    fn make_room(&mut self) -> u64 {
        let mut dropped = 0;
        while self.segments.len() > 1
            && self.segments.iter().map(Segment::bytes).sum::<u64>() > self.settings.bytes_max
        {
            if let Some(segment) = self.segments.pop_front() {
                dropped += segment.next().saturating_sub(segment.first().max(self.acknowledged + 1));
                segment.delete();
            }
        }
        dropped
    }

    fn read(&mut self, after: u64, count: usize, bytes: usize) -> io::Result<Batch> {
        let from = (after + 1).max(self.first());
        if from >= self.next {
            return Ok(Batch::default());
        }
        if let Some((first, _)) = self.tail.front()
            && *first <= from
        {
            let skip = usize::try_from(from - first).unwrap_or(usize::MAX);
            return Ok(take(self.tail.iter().skip(skip).cloned(), count, bytes));
        }
        let index = self.segments.iter().position(|segment| segment.next() > from);
        match index {
            // Between two segments there is a gap where the end of the first was torn off.
            Some(index) => {
                let segment = &mut self.segments[index];
                let from = from.max(segment.first());
                Ok(take(segment.read(from)?.into_iter(), count, bytes))
            }
            None => Ok(Batch::default()),
        }
    }

    fn catch_up(&mut self, known: u64, renumber: impl Fn(&[u8], u64) -> Vec<u8>) -> io::Result<()> {
        let mut alerts = Vec::new();
        let mut after = self.opened - 1;
        loop {
            let batch = self.read(after, usize::MAX, usize::MAX)?;
            let Some(last) = (batch.alerts.len() as u64).checked_sub(1) else { break };
            after = batch.first + last;
            alerts.extend(batch.alerts);
        }
        tracing::warn!(
            known,
            alerts = alerts.len(),
            "the hub has more of this spool than its disk: numbers are skipped"
        );
        let segment = Segment::create(&self.dir, self.epoch, known + 1)?;
        let old: Vec<Segment> = self.segments.drain(..).collect();
        self.segments.push_back(segment);
        self.tail.clear();
        (self.tail_bytes, self.next, self.opened) = (0, known + 1, known + 1);
        for alert in alerts {
            self.append(|sequence| renumber(&alert, sequence))?;
        }
        self.active().sync()?;
        // Only now: until here the old ones are what a crash would find.
        old.into_iter().for_each(Segment::delete);
        Ok(())
    }

    fn acknowledge(&mut self, sequence: u64) -> u64 {
        let sequence = sequence.min(self.next - 1);
        let new = sequence.saturating_sub(self.acknowledged.max(self.first().saturating_sub(1)));
        self.acknowledged = self.acknowledged.max(sequence);
        while self.segments.len() > 1 && self.segments[0].next() <= sequence + 1 {
            if let Some(segment) = self.segments.pop_front() {
                segment.delete();
            }
        }
        while self.tail.front().is_some_and(|(first, _)| *first <= sequence) {
            self.pop_tail();
        }
        new
    }
}

/// The alerts up to the first gap or bound; at least one.
fn take(alerts: impl Iterator<Item = (u64, Bytes)>, count: usize, bytes: usize) -> Batch {
    let mut batch = Batch::default();
    let mut size = 0;
    for (sequence, alert) in alerts.take(count) {
        size += alert.len();
        let next = batch.first + batch.alerts.len() as u64;
        if batch.alerts.is_empty() {
            batch.first = sequence;
        } else if sequence != next || size > bytes {
            break;
        }
        batch.alerts.push(alert);
    }
    batch
}
