//! Published alerts whose fate the broker has not told yet.

use std::collections::{BTreeMap, HashMap};

/// What became of an alert.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The broker is answerable for it.
    Taken,
    /// No queue takes it.
    Refused(String),
    /// It may be taken another time.
    Failed(String),
}

/// Alerts of one batch.
pub(super) struct Waiting {
    /// The place of each, by the number that the broker confirms.
    places: BTreeMap<u64, usize>,
    numbers: HashMap<String, u64>,
    /// Why some were given back. Their confirmation comes nevertheless.
    given_back: HashMap<u64, String>,
}

impl Waiting {
    /// Alerts with these ids, the first of which has this number.
    pub(super) fn new(first: u64, ids: impl ExactSizeIterator<Item = String>) -> Self {
        let places = (first..).zip(0..ids.len()).collect();
        Self { places, numbers: ids.zip(first..).collect(), given_back: HashMap::new() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn give_back(&mut self, id: &str, cause: String) {
        if let Some(number) = self.numbers.get(id) {
            self.given_back.insert(*number, cause);
        }
    }

    /// Tells the fate of the alert with a number, or of all that wait up to it.
    pub(super) fn settle(
        &mut self,
        number: u64,
        also_before: bool,
        is_taken: bool,
        settled: &mut impl FnMut(usize, Fate),
    ) {
        let over = if also_before {
            let rest = self.places.split_off(&number.saturating_add(1));
            std::mem::replace(&mut self.places, rest)
        } else {
            self.places.remove_entry(&number).into_iter().collect()
        };
        for (number, place) in over {
            let fate = match self.given_back.remove(&number) {
                Some(cause) => Fate::Refused(cause),
                None if is_taken => Fate::Taken,
                None => Fate::Failed(
                    "the broker does not take it now: its queue is full, or has failed".to_owned(),
                ),
            };
            settled(place, fate);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fate_is_of_one_alert_or_of_all_up_to_it() {
        let mut waiting = Waiting::new(7, ["a", "b", "c", "d"].map(str::to_owned).into_iter());
        let mut fates = Vec::new();
        waiting.give_back("b", "no".to_owned());
        waiting.give_back("z", "unknown".to_owned());
        waiting.settle(9, false, true, &mut |place, fate| fates.push((place, fate)));
        waiting.settle(8, true, true, &mut |place, fate| fates.push((place, fate)));
        waiting.settle(8, true, true, &mut |place, fate| fates.push((place, fate)));
        assert_eq!(fates, [(2, Fate::Taken), (0, Fate::Taken), (1, Fate::Refused("no".to_owned()))]);
        assert!(!waiting.is_over());
        waiting.settle(u64::MAX, true, false, &mut |place, fate| fates.push((place, fate)));
        assert!(waiting.is_over() && matches!(fates[3], (3, Fate::Failed(_))));
    }

    proptest! {
        #[test]
        fn each_alert_has_one_fate(answers: Vec<(u64, bool, bool)>, count in 0..20_usize) {
            let mut waiting = Waiting::new(1, vec![String::new(); count].into_iter());
            let mut fates = vec![0; count];
            for (number, also_before, is_taken) in answers {
                waiting.settle(number % 25, also_before, is_taken, &mut |place, _| fates[place] += 1);
            }
            waiting.settle(0, true, true, &mut |_, _| unreachable!("numbers begin with 1"));
            waiting.settle(25, true, true, &mut |place, _| fates[place] += 1);
            prop_assert!(waiting.is_over() && fates.iter().all(|known| *known == 1));
        }
    }
}
