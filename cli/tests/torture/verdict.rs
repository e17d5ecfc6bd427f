//! Compares sets, prints each comparison with its figures, and remembers whether all of them hold.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::consumer::WINDOW_BYTES;
use crate::events::Events;
use crate::received::{Name, Received};
use crate::sink;
use crate::site::{SENSORS, Site};

/// What can still come has come within this time without anything new.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Bytes in front of a message of gRPC.
const HEAD_BYTES: u64 = 5;

/// Bytes of one frame of HTTP/2: a client's decoder takes it whole.
const FRAME_BYTES: u64 = 16 << 10;

/// Bytes that the hub gives a connection at once: it gives the next ones when all of these were sent.
const PIECE_BYTES: u64 = 32 << 10;

/// Bytes of the smallest and the largest alert of the log, encoded.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) smallest: u64,
    pub(crate) largest: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { smallest: u64::MAX, largest: 0 }
    }
}

impl Sizes {
    pub(crate) fn see(&mut self, bytes: usize) {
        self.smallest = self.smallest.min(bytes as u64);
        self.largest = self.largest.max(bytes as u64);
    }

    /// The most alerts that the hub can have given to an old client's connection and the client has not
    /// written down: one piece that waits to be sent, all that may be sent ahead, a frame in the decoder, and
    /// a message whose end is in the next frame.
    fn in_a_connection(self) -> u64 {
        let bytes = PIECE_BYTES + u64::from(WINDOW_BYTES) + FRAME_BYTES + self.largest + HEAD_BYTES;
        bytes / (self.smallest + HEAD_BYTES)
    }
}

/// How an old client's streams were broken off.
#[derive(Clone, Copy)]
pub(crate) struct Breaks {
    pub(crate) kills: u64,
    pub(crate) errors: u64,
}

/// Whether everything has held so far.
pub(crate) struct Verdict {
    pub(crate) good: bool,
}

impl Verdict {
    pub(crate) fn hold(&mut self, holds: bool, what: &str) {
        if !holds {
            println!("torture: NOT SO: {what}");
            self.good = false;
        }
    }

    /// The log has what was raised, each once.
    pub(crate) fn log(&mut self, how: &str, names: &[Name], raised: &HashSet<Name>) {
        let own: Vec<&Name> = names.iter().filter(|name| SENSORS.contains(&name.0.as_str())).collect();
        let set: HashSet<&Name> = own.iter().copied().collect();
        let missing: Vec<&Name> = raised.iter().filter(|name| !set.contains(name)).collect();
        let strange: Vec<&&Name> = set.iter().filter(|name| !raised.contains(**name)).collect();
        let duplicates = own.len() - set.len();
        println!(
            "torture: log, {how}: {} of {} raised, missing {}, not raised {}, duplicates {duplicates}; {} of the hub's own",
            own.len(),
            raised.len(),
            missing.len(),
            strange.len(),
            names.len() - own.len()
        );
        self.hold(missing.is_empty(), &format!("the log has everything: {}", some(&missing)));
        self.hold(strange.is_empty(), &format!("the log has nothing else: {}", some(&strange)));
        self.hold(duplicates == 0, "the log has nothing twice");
    }

    /// What was made was raised in its order, and all of it but what a full disk did not take.
    pub(crate) fn events(&mut self, events: &Events, full: Option<&str>) {
        let lives = events.lives();
        println!(
            "torture: events of {lives} lives, numbers left out {:?}, disordered {}",
            events.left_out, events.disordered
        );
        let mut whole = events.left_out.iter().filter(|(sensor, _)| full != Some(sensor.as_str()));
        self.hold(whole.all(|(_, left_out)| *left_out == 0), "no event between others was lost");
        self.hold(events.disordered == 0, "events came in their order");
    }

    /// A consumer that acknowledges has exactly what the log has.
    pub(crate) fn exact(&mut self, consumer: &str, got: &Received, all: &HashSet<Name>) {
        let missing = self.compare(consumer, got, all);
        self.hold(missing.is_empty(), &format!("{consumer} has everything: {}", some(&missing)));
    }

    /// An old client has it too, but for what lay in connections that broke.
    pub(crate) fn nearly(
        &mut self,
        consumer: &str,
        got: &Received,
        all: &HashSet<Name>,
        breaks: Breaks,
        sizes: Sizes,
    ) {
        let missing = self.compare(consumer, got, all);
        let Breaks { kills, errors } = breaks;
        let each = sizes.in_a_connection();
        let most = (kills + errors) * each;
        println!(
            "torture: consumer {consumer}: {kills} kills and {errors} streams that ended with an error may cost up to {each} alerts each"
        );
        self.hold(
            missing.len() as u64 <= most,
            &format!("{consumer} has everything but {most} in broken connections: {}", some(&missing)),
        );
    }

    fn compare<'a>(&mut self, consumer: &str, got: &Received, all: &'a HashSet<Name>) -> Vec<&'a Name> {
        let missing: Vec<&Name> = all.iter().filter(|name| !got.contains_key(*name)).collect();
        let strange: Vec<&Name> = got.keys().filter(|name| !all.contains(*name)).collect();
        let repeated: u64 = got.values().map(|count| count - 1).sum();
        println!(
            "torture: consumer {consumer}: received {} of {}, missing {}, not in the log {}, repeated after a break {repeated}",
            got.len(),
            all.len(),
            missing.len(),
            strange.len()
        );
        self.hold(strange.is_empty(), &format!("{consumer} has nothing else: {}", some(&strange)));
        missing
    }

    pub(crate) fn webhook(&mut self, site: &Site, all: &HashSet<Name>) {
        let (mut before, mut moved) = (0, Instant::now());
        let posted = loop {
            let posted = site.sink.posted();
            if posted.len() != before {
                (before, moved) = (posted.len(), Instant::now());
            }
            if posted.len() >= all.len() || moved.elapsed() > PATIENCE {
                break posted;
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        let missing: Vec<&Name> = all.iter().filter(|name| !posted.contains_key(&sink::uuid(name))).collect();
        let repeated: u64 = posted.values().map(|count| count - 1).sum();
        println!(
            "torture: webhook: {} uuids of {}, missing {}, repeated after a break {repeated}",
            posted.len(),
            all.len(),
            missing.len()
        );
        self.hold(missing.is_empty(), &format!("the webhook has everything: {}", some(&missing)));
        self.hold(posted.len() == all.len(), "the webhook has nothing else");
    }
}

/// The first few, in order.
fn some<T: Ord + std::fmt::Debug>(names: &[T]) -> String {
    let mut sorted: Vec<&T> = names.iter().collect();
    sorted.sort();
    format!("{:?}", sorted.into_iter().take(8).collect::<Vec<_>>())
}
