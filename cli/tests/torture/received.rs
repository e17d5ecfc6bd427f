//! The files in which consumers write down what they have received.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cadge_client::Alert;

/// What names an alert for ever: sensor, epoch, sequence number.
pub(crate) type Name = (String, u64, u64);

/// How often each alert was received.
pub(crate) type Received = HashMap<Name, u64>;

/// The line for a stream that ended with an error.
pub(crate) const BROKEN: &str = "broken\n";

/// A consumer's file.
pub(crate) fn path(dir: &Path, consumer: &str) -> PathBuf {
    dir.join(format!("{consumer}.received"))
}

/// An alert's line. Its last word shows that it is whole: a killed write may end anywhere.
pub(crate) fn line(alert: &Alert) -> String {
    format!("{} {} {} .\n", alert.sensor, alert.epoch, alert.sequence)
}

fn parse(line: &str) -> Option<Name> {
    let mut words = line.split(' ');
    let name = (words.next()?.to_owned(), words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (words.next() == Some(".") && words.next().is_none()).then_some(name)
}

/// Everything in a consumer's file.
pub(crate) fn read(dir: &Path, consumer: &str) -> Received {
    let text = std::fs::read_to_string(path(dir, consumer)).unwrap_or_default();
    let mut received = Received::new();
    for name in text.lines().filter_map(parse) {
        *received.entry(name).or_default() += 1;
    }
    received
}

/// How many streams of a consumer ended with an error, as it says itself.
pub(crate) fn broken(dir: &Path, consumer: &str) -> u64 {
    let text = std::fs::read_to_string(path(dir, consumer)).unwrap_or_default();
    text.lines().filter(|line| *line == BROKEN.trim_end()).count() as u64
}
