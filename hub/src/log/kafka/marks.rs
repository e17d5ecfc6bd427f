//! What the log's order says: how far each sensor has come, which alerts are there twice.
//!
//! Two hubs may write the same alert, when a sensor goes from one to the other with alerts on their
//! way. So every hub reads the topic, and leaves out each record that repeats an earlier one. That
//! follows from the records alone, so all hubs agree. A checkpoint saves a start the way from the
//! beginning; at the same offset it is the same bytes, whichever hub made it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use prost::Message as _;

use super::super::{IDENTITIES, UNORDERED};
use super::record::Number;
use crate::fnv::Fnv;

/// Epochs of a sensor that are remembered: a new spool begins a new one.
const EPOCHS_MAX: usize = 8;

/// Sensors that are remembered.
const SENSORS_MAX: usize = 100_000;

/// Stretches of records that are left out. Past that the oldest are served once more.
const LEFT_OUT_MAX: usize = 100_000;

/// How far a sensor's epoch has come, and at which offset it last did.
#[derive(Clone, PartialEq, prost::Message)]
struct Mark {
    #[prost(uint64, tag = "1")]
    epoch: u64,
    #[prost(uint64, tag = "2")]
    sequence: u64,
    #[prost(uint64, tag = "3")]
    offset: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SavedSensor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    marks: Vec<Mark>,
}

/// A checkpoint.
#[derive(Clone, PartialEq, prost::Message)]
struct Saved {
    #[prost(uint64, tag = "1")]
    next: u64,
    #[prost(uint64, tag = "2")]
    head: u64,
    #[prost(message, repeated, tag = "3")]
    sensors: Vec<SavedSensor>,
    #[prost(fixed64, repeated, tag = "4")]
    identities: Vec<u64>,
    /// Pairs: the first offset, and the one behind the last.
    #[prost(uint64, repeated, tag = "5")]
    left_out: Vec<u64>,
}

/// What is known of the records up to an offset.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Marks {
    next: u64,
    head: u64,
    sensors: HashMap<String, Vec<Mark>>,
    identities: HashSet<u64>,
    identities_in_order: VecDeque<u64>,
    left_out: BTreeMap<u64, u64>,
}

impl Marks {
    /// The offset of the next record.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The position of the last alert that is not left out.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    pub(super) fn high_water(&self, sensor: &str, epoch: u64) -> u64 {
        let marks = self.sensors.get(sensor);
        let mark = marks.and_then(|marks| marks.iter().find(|mark| mark.epoch == epoch));
        mark.map_or(0, |mark| mark.sequence)
    }

    /// Whether an identity is among those that are remembered.
    pub(super) fn has(&self, identity: u64) -> bool {
        self.identities.contains(&identity)
    }

    /// Takes the next record. Answers whether it is an alert that the log did not have.
    pub(super) fn take(
        &mut self,
        offset: u64,
        sensor: &str,
        number: Option<Number>,
        has_alert: bool,
    ) -> bool {
        self.next = offset + 1;
        let is_new = match number {
            None => false,
            Some(Number { epoch: UNORDERED, sequence }) => self.remember(identity(sensor, sequence)),
            Some(number) => self.raise(offset, sensor, number),
        };
        let is_served = is_new && has_alert;
        if is_served {
            self.head = offset + 1;
        } else {
            self.leave_out(offset);
        }
        is_served
    }

    fn raise(&mut self, offset: u64, sensor: &str, number: Number) -> bool {
        let Number { epoch, sequence } = number;
        if !self.sensors.contains_key(sensor) {
            self.make_room();
            self.sensors.insert(sensor.to_owned(), Vec::new());
        }
        let Some(marks) = self.sensors.get_mut(sensor) else { return false };
        if let Some(mark) = marks.iter_mut().find(|mark| mark.epoch == epoch) {
            if sequence <= mark.sequence {
                return false;
            }
            (mark.sequence, mark.offset) = (sequence, offset);
            return true;
        }
        if marks.len() == EPOCHS_MAX
            && let Some(oldest) = (0..marks.len()).min_by_key(|index| marks[*index].offset)
        {
            marks.remove(oldest);
        }
        marks.push(Mark { epoch, sequence, offset });
        true
    }

    /// Forgets the sensors that were silent for the longest.
    fn make_room(&mut self) {
        if self.sensors.len() < SENSORS_MAX {
            return;
        }
        let last = |marks: &[Mark]| marks.iter().map(|mark| mark.offset).max().unwrap_or(0);
        let mut offsets: Vec<u64> = self.sensors.values().map(|marks| last(marks)).collect();
        let (_, bound, _) = offsets.select_nth_unstable(SENSORS_MAX / 100);
        self.sensors.retain(|_, marks| last(marks) > *bound);
    }

    fn remember(&mut self, identity: u64) -> bool {
        if !self.identities.insert(identity) {
            return false;
        }
        self.identities_in_order.push_back(identity);
        if self.identities_in_order.len() as u64 > IDENTITIES
            && let Some(oldest) = self.identities_in_order.pop_front()
        {
            self.identities.remove(&oldest);
        }
        true
    }

    fn leave_out(&mut self, offset: u64) {
        if let Some(mut last) = self.left_out.last_entry()
            && *last.get() == offset
        {
            *last.get_mut() = offset + 1;
            return;
        }
        self.left_out.insert(offset, offset + 1);
        if self.left_out.len() > LEFT_OUT_MAX {
            self.left_out.pop_first();
        }
    }

    /// Whether a record is no alert, or a repeated one.
    pub(super) fn leaves_out(&self, offset: u64) -> bool {
        self.left_out.range(..=offset).next_back().is_some_and(|(_, end)| offset < *end)
    }

    /// Notes that the topic begins with an offset now.
    pub(super) fn begin_at(&mut self, first: u64) {
        if self.next < first {
            self.next = first;
            // What was there is gone: nobody is to wait for it.
            self.head = self.head.max(first);
        }
    }

    /// A checkpoint.
    pub(super) fn save(&self) -> Vec<u8> {
        let saved = |(name, marks): (&String, &Vec<Mark>)| {
            let mut marks = marks.clone();
            marks.sort_unstable_by_key(|mark| mark.epoch);
            SavedSensor { name: name.clone(), marks }
        };
        let mut sensors: Vec<SavedSensor> = self.sensors.iter().map(saved).collect();
        sensors.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let saved = Saved {
            next: self.next,
            head: self.head,
            sensors,
            identities: self.identities_in_order.iter().copied().collect(),
            left_out: self.left_out.iter().flat_map(|(start, end)| [*start, *end]).collect(),
        };
        saved.encode_to_vec()
    }

    /// Reads a checkpoint.
    pub(super) fn restore(saved: &[u8]) -> Result<Self, prost::DecodeError> {
        let saved = Saved::decode(saved)?;
        Ok(Self {
            next: saved.next,
            head: saved.head,
            sensors: saved.sensors.into_iter().map(|sensor| (sensor.name, sensor.marks)).collect(),
            identities: saved.identities.iter().copied().collect(),
            identities_in_order: saved.identities.into(),
            left_out: saved.left_out.as_chunks().0.iter().map(|[start, end]| (*start, *end)).collect(),
        })
    }
}

/// One number for what a sensor sent without an order: FNV-1a over its name, and the identity.
pub(super) fn identity(sensor: &str, identity: u64) -> u64 {
    let mut hash = Fnv::new();
    hash.bytes(sensor.as_bytes());
    hash.bytes(&identity.to_le_bytes());
    hash.end()
}
