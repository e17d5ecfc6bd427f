//! The sensors that are known, in memory. Knows no clock and no disk: it is told what time it is.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use cadge_proto::raw::v1::{Heartbeat, Hello, Sensor};

/// Bytes of a text that a sensor says of itself.
const TEXT_BYTES_MAX: usize = 256;

/// Sources of one sensor.
const SOURCES_MAX: usize = 16;

/// Counters of one sensor.
const COUNTERS_MAX: usize = 128;

/// Bytes of a counter's name.
const NAME_BYTES_MAX: usize = 128;

/// Now, on both clocks: one that never jumps, and the one that people read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) instant: Instant,
    pub(super) time: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { instant: Instant::now(), time: SystemTime::now() }
    }
}

/// A sensor, and when it was heard of.
#[derive(Debug)]
struct Known {
    sensor: Sensor,
    heard: Instant,
    links: u32,
    /// Whether it was heard of since it was announced as silent.
    is_back: bool,
}

/// All of them. Never more than `sensors_max`.
#[derive(Debug)]
pub(super) struct Roster {
    sensors: HashMap<String, Known>,
    sensors_max: usize,
    /// Grows with every change that is worth keeping.
    pub(super) version: u64,
    /// Sensors that were forgotten.
    pub(super) forgotten: u64,
    /// Counters that were not kept, for their number or the length of their names.
    pub(super) counters_refused: u64,
}

impl Roster {
    /// Those that were known before. Each has its time from now on: the hub may have been away for longer.
    pub(super) fn new(sensors: Vec<Sensor>, sensors_max: usize, now: Moment) -> Self {
        let known = |mut sensor: Sensor| {
            sensor.connected = false;
            sensor.batches = 0;
            (sensor.sensor.clone(), Known { sensor, heard: now.instant, links: 0, is_back: false })
        };
        let sensors_max = sensors_max.max(1);
        let sensors = sensors.into_iter().take(sensors_max).map(known).collect();
        Self { sensors, sensors_max, version: 0, forgotten: 0, counters_refused: 0 }
    }

    /// A sensor has connected.
    pub(super) fn connected(&mut self, hello: &Hello, acknowledged: u64, now: Moment) {
        let name = &hello.sensor;
        if !self.sensors.contains_key(name) {
            while self.sensors.len() >= self.sensors_max {
                self.forget_longest_silent();
            }
        }
        self.version += 1;
        let known = self.sensors.entry(name.clone()).or_insert_with(|| Known {
            sensor: Sensor::default(),
            heard: now.instant,
            links: 0,
            is_back: false,
        });
        known.links += 1;
        known.heard = now.instant;
        known.is_back = known.sensor.silent;
        known.sensor = Sensor {
            sensor: name.clone(),
            hostname: short(&hello.hostname),
            version: short(&hello.version),
            kernel: short(&hello.kernel),
            rules_digest: short(&hello.rules_digest),
            sources: hello.sources.iter().take(SOURCES_MAX).map(|source| short(source)).collect(),
            connected: true,
            since: Some(now.time.into()),
            last_seen: Some(now.time.into()),
            epoch: hello.epoch,
            acknowledged,
            ..std::mem::take(&mut known.sensor)
        };
    }

    fn forget_longest_silent(&mut self) {
        let longest = self.sensors.values().min_by_key(|known| (known.links > 0, known.heard));
        if let Some(name) = longest.map(|known| known.sensor.sensor.clone()) {
            tracing::warn!(sensor = name, "there are too many sensors: the longest silent one is forgotten");
            self.forget(&name);
        }
    }

    /// Forgets a sensor. Answers whether it was known.
    pub(super) fn forget(&mut self, name: &str) -> bool {
        let was_there = self.sensors.remove(name).is_some();
        self.forgotten += u64::from(was_there);
        self.version += u64::from(was_there);
        was_there
    }

    fn heard(&mut self, name: &str, now: Moment) -> Option<&mut Sensor> {
        let known = self.sensors.get_mut(name)?;
        known.heard = now.instant;
        known.is_back = known.sensor.silent;
        known.sensor.last_seen = Some(now.time.into());
        self.version += 1;
        Some(&mut known.sensor)
    }

    /// A heartbeat has come.
    pub(super) fn heartbeat(&mut self, name: &str, beat: Heartbeat, now: Moment) {
        let Some(sensor) = self.heard(name, now) else { return };
        let told = beat.counters.len();
        sensor.last_heartbeat = Some(now.time.into());
        sensor.spooled = beat.spooled;
        sensor.counters = beat
            .counters
            .into_iter()
            .filter(|(name, _)| name.len() <= NAME_BYTES_MAX)
            .take(COUNTERS_MAX)
            .collect();
        let refused = told - sensor.counters.len();
        self.counters_refused += refused as u64;
    }

    /// A batch has come.
    pub(super) fn batch(&mut self, name: &str, now: Moment) {
        if let Some(sensor) = self.heard(name, now) {
            sensor.batches += 1;
        }
    }

    /// Alerts are on disk.
    pub(super) fn acknowledged(&mut self, name: &str, sequence: u64) {
        if let Some(known) = self.sensors.get_mut(name) {
            known.sensor.acknowledged = sequence;
        }
    }

    /// A connection has ended.
    pub(super) fn gone(&mut self, name: &str, now: Moment) {
        let Some(known) = self.sensors.get_mut(name) else { return };
        known.links = known.links.saturating_sub(1);
        if known.links == 0 {
            known.sensor.connected = false;
            known.sensor.since = Some(now.time.into());
            self.version += 1;
        }
    }

    /// Those that were not heard of for `after`, and were not announced yet.
    pub(super) fn fallen_silent(&self, after: Duration, now: Moment) -> Vec<Sensor> {
        let is_late = |known: &&Known| {
            !known.sensor.silent && now.instant.saturating_duration_since(known.heard) >= after
        };
        self.sensors.values().filter(is_late).map(|known| known.sensor.clone()).collect()
    }

    /// Those that were announced as silent, and were heard of since.
    pub(super) fn back(&self) -> Vec<Sensor> {
        self.sensors.values().filter(|known| known.is_back).map(|known| known.sensor.clone()).collect()
    }

    /// Notes that a sensor was announced as silent, or as back.
    pub(super) fn set_silent(&mut self, name: &str, silent: bool) {
        if let Some(known) = self.sensors.get_mut(name) {
            known.sensor.silent = silent;
            known.is_back = false;
            self.version += 1;
        }
    }

    /// Forgets those that were not seen for `after`, by the clock that people read.
    pub(super) fn forget_old(&mut self, after: Duration, now: Moment) {
        let Some(oldest) = now.time.checked_sub(after) else { return };
        let is_old = |known: &&Known| {
            let seen = known.sensor.last_seen.and_then(|time| SystemTime::try_from(time).ok());
            known.links == 0 && seen.is_some_and(|seen| seen < oldest)
        };
        let old: Vec<String> =
            self.sensors.values().filter(is_old).map(|known| known.sensor.sensor.clone()).collect();
        for name in old {
            tracing::warn!(sensor = name, "the sensor was away for long: it is forgotten");
            self.forget(&name);
        }
    }

    /// All of them, sorted by name.
    pub(super) fn all(&self) -> Vec<Sensor> {
        let mut all: Vec<Sensor> = self.sensors.values().map(|known| known.sensor.clone()).collect();
        all.sort_unstable_by(|a, b| a.sensor.cmp(&b.sensor));
        all
    }
}

/// A text cut to its bound, between characters.
fn short(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests;
