//! Reads both rings in the order of time, and sleeps when there is nothing.

use std::collections::VecDeque;
use std::os::fd::AsFd as _;
use std::time::Duration;

use aya::maps::{Array, MapData, RingBuf};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::time::{ClockId, clock_gettime};

use super::record::size_and_time;

/// After work, the reader looks again after so long without being woken: under load one wake-up in
/// a millisecond instead of one for each event.
const NAP: Duration = Duration::from_micros(500);

/// Records that one call hands out at most, so that the caller can look at the clock.
const RECORDS_MAX: usize = 65_536;

pub(super) struct Rings {
    critical: RingBuf<MapData>,
    bulk: RingBuf<MapData>,
    asleep: Array<MapData, u32>,
    /// Critical records that were read ahead while a bulk one was at hand.
    ahead: VecDeque<Vec<u8>>,
    was_busy: bool,
}

impl Rings {
    pub(super) fn new(
        critical: RingBuf<MapData>,
        bulk: RingBuf<MapData>,
        asleep: Array<MapData, u32>,
    ) -> Self {
        Self { critical, bulk, asleep, ahead: VecDeque::new(), was_busy: false }
    }

    /// Hands out what is there; else waits at most `timeout` for something.
    pub(super) fn poll(&mut self, timeout: Duration, take: &mut dyn FnMut(&[u8])) {
        if self.drain(take) {
            self.was_busy = true;
            return;
        }
        if std::mem::take(&mut self.was_busy) {
            self.wait(timeout.min(NAP));
            if self.drain(take) {
                self.was_busy = true;
                return;
            }
        }
        // From here on the next bulk event wakes this thread. One that came just before has not:
        // hence another look.
        let armed = self.asleep.set(0, 1, 0).is_ok();
        self.was_busy = self.drain(take);
        if !self.was_busy {
            // Without the flag nobody would wake us.
            self.wait(if armed { timeout } else { timeout.min(NAP) });
        }
        let _ = self.asleep.set(0, 0, 0);
        self.was_busy |= self.drain(take);
    }

    fn wait(&self, timeout: Duration) {
        let mut fds = [
            PollFd::new(self.critical.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.bulk.as_fd(), PollFlags::POLLIN),
        ];
        if timeout <= NAP {
            // poll(2) counts in milliseconds; the rings are looked at again anyway.
            std::thread::sleep(timeout);
            return;
        }
        // An error is a signal: the caller comes again.
        let _ = poll(&mut fds, PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX));
    }

    /// Before each bulk record every critical one that is older: so an exec is known before what the
    /// new program opens. A critical one that is younger than the look at an empty bulk ring waits for
    /// another look: what the old program opened may have come in between.
    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) -> bool {
        let mut count = 0;
        let mut waited = false;
        while count < RECORDS_MAX {
            let looked = if waited { u64::MAX } else { boot_ns() };
            let bulk = self.bulk.next();
            // Looked at behind the bulk record: what is older than that is complete by now.
            while let Some(record) = self.critical.next() {
                self.ahead.push_back(record.to_vec());
            }
            let until = bulk.as_deref().and_then(size_and_time).map_or(looked, |(_, time_ns)| time_ns);
            while let Some(record) = self.ahead.front() {
                if size_and_time(record).is_some_and(|(_, time_ns)| time_ns > until) {
                    break;
                }
                if let Some(record) = self.ahead.pop_front() {
                    take(&record);
                    count += 1;
                }
            }
            match bulk {
                Some(record) => {
                    take(&record);
                    waited = false;
                    count += 1;
                }
                None if self.ahead.is_empty() => break,
                None => waited = true,
            }
        }
        count > 0
    }
}

/// The clock of records.
fn boot_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default();
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
