//! Counts the alerts of a selection, in groups and over time: from the sums that are kept ready where
//! they know enough, and alert by alert for the rest.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::Hash;
use std::ops::{ControlFlow, Range};

use cadge_proto::Alert;
use rusqlite::{Connection, OptionalExtension as _};

use super::dimensions::{COUNT, DIMENSIONS, time_of};
use super::schema::counted_list;
use super::search::walk;
use super::select::Selection;
use super::tally::{Row, SECOND, UNITS};
use super::terms::NONE;

/// Groups of one answer.
const GROUPS_MAX: usize = 10_000;

/// Rows of one question that are looked at: some seconds.
const LOOKS_MAX: usize = 4_000_000;

/// What values past the most that the index tells apart are counted as.
const OTHER: &str = "(other)";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CountError {
    #[error("more than {GROUPS_MAX} groups; group by less, take a longer step, or a shorter time")]
    Groups,
    #[error("more than {0} alerts would have to be looked at; take a shorter time or fewer of them")]
    Looks(usize),
    #[error(transparent)]
    Index(#[from] rusqlite::Error),
}

/// What to count.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) selection: Selection,
    /// A group for each combination of values in these dimensions.
    pub(crate) group_by: Vec<usize>,
    /// And for each span of so many seconds; 0 is one for all.
    pub(crate) step: u32,
}

/// Counts by the beginning of a span in seconds, and values.
pub(crate) type Counts = BTreeMap<(i64, Vec<String>), u64>;

/// Groups and their counts.
struct Groups<T>(HashMap<(i64, Vec<T>), u64>);

impl<T: Hash + Eq> Groups<T> {
    fn add(&mut self, span: i64, values: Vec<T>, count: u64) -> Result<(), CountError> {
        let is_full = self.0.len() >= GROUPS_MAX;
        match self.0.entry((span, values)) {
            Entry::Occupied(mut sum) => *sum.get_mut() += count,
            Entry::Vacant(_) if is_full => return Err(CountError::Groups),
            Entry::Vacant(group) => {
                group.insert(count);
            }
        }
        Ok(())
    }
}

/// Counts from the index alone.
pub(super) fn count(index: &Connection, question: &Question) -> Result<Counts, CountError> {
    let mut counting = Counting { index, question, groups: Groups(HashMap::new()), looks: 0 };
    for (unit, span) in pieces(&question.selection.times, &question.units()) {
        match unit {
            Some(unit) => counting.sums(unit, &span)?,
            None => counting.alerts(&span)?,
        }
    }
    counting.groups.with_texts(index, &question.group_by)
}

impl Question {
    /// The units of the ready sums that can answer it, the longest first.
    fn units(&self) -> Vec<i64> {
        let conditions = self.selection.conditions.iter().map(|(kind, _)| kind);
        let mut kinds = conditions.chain(&self.group_by);
        if !kinds.all(|kind| DIMENSIONS[*kind].is_counted) {
            return Vec::new();
        }
        UNITS.into_iter().filter(|unit| i64::from(self.step) % unit == 0).collect()
    }

    /// The beginning of the span that a moment lies in, in seconds.
    fn span_of(&self, time_ns: i64) -> i64 {
        match i64::from(self.step) {
            0 => 0,
            step => time_ns.div_euclid(step * SECOND) * step,
        }
    }
}

/// Takes times apart into whole units, the longest first, and what is left at the edges.
fn pieces(times: &Range<i64>, units: &[i64]) -> Vec<(Option<i64>, Range<i64>)> {
    if times.is_empty() {
        return Vec::new();
    }
    let Some((unit, shorter)) = units.split_first() else { return vec![(None, times.clone())] };
    let ns = unit * SECOND;
    // Within `TIMES` nothing overflows.
    let whole = -(-times.start).div_euclid(ns) * ns..times.end.div_euclid(ns) * ns;
    if whole.is_empty() {
        return pieces(times, shorter);
    }
    let mut all = pieces(&(times.start..whole.start), shorter);
    all.push((Some(*unit), whole.clone()));
    all.extend(pieces(&(whole.end..times.end), shorter));
    all
}

struct Counting<'a> {
    index: &'a Connection,
    question: &'a Question,
    groups: Groups<i64>,
    looks: usize,
}

impl Counting<'_> {
    fn look(&mut self) -> Result<(), CountError> {
        self.looks += 1;
        if self.looks > LOOKS_MAX { Err(CountError::Looks(LOOKS_MAX)) } else { Ok(()) }
    }

    /// Adds the alerts of a span one by one.
    fn alerts(&mut self, span: &Range<i64>) -> Result<(), CountError> {
        let selection = Selection { times: span.clone(), ..self.question.selection.clone() };
        let plan = selection.plan(self.index, false)?;
        let mut outcome = Ok(());
        walk(self.index, &plan, true, None, |row, is_wanted| {
            outcome = self.look().and_then(|()| if is_wanted { self.add(row, 1) } else { Ok(()) });
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome
    }

    /// Adds the ready sums of a span.
    fn sums(&mut self, unit: i64, span: &Range<i64>) -> Result<(), CountError> {
        let plan = self.question.selection.plan(self.index, false)?;
        let sql = format!(
            "SELECT alerts, slot, {} FROM counts WHERE unit = ? AND slot >= ? AND slot < ?",
            counted_list()
        );
        let mut statement = self.index.prepare_cached(&sql)?;
        let mut sums = statement.query([unit, span.start / SECOND, span.end / SECOND])?;
        while let Some(sum) = sums.next()? {
            self.look()?;
            let mut row = Row { position: 0, time_ns: sum.get::<_, i64>(1)? * SECOND, terms: [NONE; COUNT] };
            let counted = (0..COUNT).filter(|kind| DIMENSIONS[*kind].is_counted);
            for (column, kind) in counted.enumerate() {
                row.terms[kind] = sum.get(column + 2)?;
            }
            if plan.admits_terms(&row) {
                self.add(&row, sum.get::<_, i64>(0)?.cast_unsigned())?;
            }
        }
        Ok(())
    }

    fn add(&mut self, row: &Row, count: u64) -> Result<(), CountError> {
        let terms = self.question.group_by.iter().map(|kind| row.terms[*kind]).collect();
        self.groups.add(self.question.span_of(row.time_ns), terms, count)
    }
}

impl Groups<i64> {
    fn with_texts(self, index: &Connection, group_by: &[usize]) -> Result<Counts, CountError> {
        let mut statement = index.prepare_cached("SELECT text FROM terms WHERE id = ?")?;
        let mut texts: HashMap<i64, String> = HashMap::new();
        let mut groups = Groups(HashMap::new());
        for ((span, terms), count) in self.0 {
            for term in &terms {
                if !texts.contains_key(term) {
                    let text = match *term {
                        NONE => Some(String::new()),
                        1.. => statement.query_row([term], |row| row.get(0)).optional()?,
                        _ => Some(OTHER.to_owned()),
                    };
                    texts.insert(*term, text.unwrap_or_default());
                }
            }
            groups.add_texts(span, group_by, terms.iter().map(|term| texts[term].as_str()), count)?;
        }
        Ok(groups.0.into_iter().collect())
    }
}

impl Groups<String> {
    /// Adds a count for each combination of values that the terms stand for.
    fn add_texts<'a>(
        &mut self,
        span: i64,
        group_by: &[usize],
        terms: impl Iterator<Item = &'a str>,
        count: u64,
    ) -> Result<(), CountError> {
        let mut combinations = vec![Vec::new()];
        for (kind, term) in group_by.iter().zip(terms) {
            let values: Vec<&str> = DIMENSIONS[*kind].values(term).collect();
            if combinations.len().saturating_mul(values.len()) > GROUPS_MAX {
                return Err(CountError::Groups);
            }
            combinations = combinations
                .iter()
                .flat_map(|start| {
                    values.iter().map(|value| [start.as_slice(), &[(*value).to_owned()]].concat())
                })
                .collect();
        }
        combinations.into_iter().try_for_each(|values| self.add(span, values, count))
    }
}

/// Counts alerts themselves, for what the index does not know.
pub(crate) struct ByHand(Question, Groups<String>);

impl ByHand {
    pub(crate) fn new(question: Question) -> Self {
        Self(question, Groups(HashMap::new()))
    }

    pub(crate) fn add(&mut self, alert: &Alert) -> Result<(), CountError> {
        let terms: Vec<_> = self.0.group_by.iter().map(|kind| DIMENSIONS[*kind].term_of(alert)).collect();
        let span = self.0.span_of(time_of(alert));
        self.1.add_texts(span, &self.0.group_by, terms.iter().map(AsRef::as_ref), 1)
    }

    pub(crate) fn counts(self) -> Counts {
        self.1.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::dimensions::TIMES;

    #[test]
    fn times_are_taken_apart_into_whole_units() {
        let minutes = |from: i64, to: i64| from * 60 * SECOND..to * 60 * SECOND;
        let half = 30 * SECOND;
        let times = 59 * 60 * SECOND - half..121 * 60 * SECOND + half;
        let expected = [
            (None, 59 * 60 * SECOND - half..59 * 60 * SECOND),
            (Some(60), minutes(59, 60)),
            (Some(3600), minutes(60, 120)),
            (Some(60), minutes(120, 121)),
            (None, 121 * 60 * SECOND..121 * 60 * SECOND + half),
        ];
        assert_eq!(pieces(&times, &UNITS), expected);
        assert_eq!(pieces(&TIMES, &UNITS), [(Some(3600), TIMES)]);
        assert_eq!(pieces(&(5..7), &UNITS), [(None, 5..7)]);
        assert_eq!(pieces(&(7..7), &UNITS), []);
        assert_eq!(pieces(&minutes(-3, -1), &UNITS), [(Some(60), minutes(-3, -1))]);
    }
}
