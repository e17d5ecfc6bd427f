//! The numbers of events, as the log has them: between the first and the last one of each life of a
//! sensor none is missing and none comes out of its order, unless the sensor's disk had no room.

use std::collections::BTreeMap;

/// What is known of them.
#[derive(Default)]
pub(crate) struct Events {
    /// The last number of each sensor's life.
    last: BTreeMap<(String, u128), u64>,
    /// How many numbers were left out, by sensor.
    pub(crate) left_out: BTreeMap<String, u64>,
    /// How many came behind a greater one.
    pub(crate) disordered: u64,
}

/// The sensor, its life and the number in a name that a sensor has made.
fn parse(file: &str) -> Option<(String, u128, u64)> {
    let mut words = file.strip_prefix("/torture/")?.split('/');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

impl Events {
    /// Sees the next alert's file.
    pub(crate) fn see(&mut self, file: &str) {
        let Some((sensor, life, number)) = parse(file) else { return };
        let last = self.last.entry((sensor.clone(), life)).or_default();
        match number.checked_sub(*last + 1) {
            Some(left_out) => *self.left_out.entry(sensor).or_default() += left_out,
            None => self.disordered += 1,
        }
        *last = number.max(*last);
    }

    /// How many lives there were.
    pub(crate) fn lives(&self) -> usize {
        self.last.len()
    }
}
