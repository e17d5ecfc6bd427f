//! A selection: which alerts, by values and time; and how the index finds them.

use std::collections::HashSet;

use cadge_proto::Alert;
use cadge_proto::raw::v1;
use rusqlite::{Connection, params};

use super::dimensions::{self, DIMENSIONS, TIMES, time_of};
use super::tally::{Row, SECOND};
use super::terms::{NONE, other};

/// Values in all conditions together.
const VALUES_MAX: usize = 1000;

/// Terms whose postings are merged at most. Above that they are not what leads through the index.
const MERGED_MAX: usize = 100;

/// Which alerts: those that meet every condition.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// A dimension, and the values of which an alert has one.
    pub(super) conditions: Vec<(usize, HashSet<String>)>,
    /// Since the start, before the end, in nanoseconds.
    pub(super) times: std::ops::Range<i64>,
}

impl Selection {
    /// From the wire.
    pub(crate) fn new(asked: v1::Selection) -> Result<Self, String> {
        let mut conditions = Vec::new();
        let mut values = 0;
        for condition in asked.r#where {
            let number = condition.dimension;
            let kind = dimensions::from_wire(number)
                .ok_or_else(|| format!("`dimension: {number}` is none that this hub knows"))?;
            if condition.values.is_empty() {
                return Err(format!("the condition on `{}` has no values", DIMENSIONS[kind].name));
            }
            values += condition.values.len();
            conditions.push((kind, condition.values.into_iter().collect()));
        }
        if values > VALUES_MAX {
            return Err(format!("the selection has {values} values; {VALUES_MAX} are the most"));
        }
        let start = asked.since.as_ref().map_or(TIMES.start, dimensions::moment);
        let end = asked.until.as_ref().map_or(TIMES.end, dimensions::moment);
        Ok(Self { conditions, times: start..end })
    }

    /// Whether an alert is one of them.
    pub(crate) fn admits(&self, alert: &Alert) -> bool {
        self.times.contains(&time_of(alert))
            && self.conditions.iter().all(|(kind, values)| {
                let term = DIMENSIONS[*kind].term_of(alert);
                DIMENSIONS[*kind].values(&term).any(|value| values.contains(value))
            })
    }

    /// Finds out what the index has of it. With `others`, alerts under `other` are candidates too:
    /// whoever asks has to look at the alerts themselves.
    pub(super) fn plan(&self, index: &Connection, others: bool) -> rusqlite::Result<Plan> {
        let mut plan = Plan { terms: Vec::new(), times: self.times.clone(), positions: 0..0, leads: None };
        if self.times.is_empty() {
            return Ok(plan);
        }
        // Rounded outwards, so that no minute is missing.
        let minutes = [
            self.times.start.div_euclid(60 * SECOND),
            self.times.end.saturating_sub(1).div_euclid(60 * SECOND),
        ];
        let sql = "SELECT MIN(first), MAX(last) FROM minutes WHERE minute BETWEEN ? AND ?";
        let (first, last): (Option<i64>, Option<i64>) =
            index.prepare_cached(sql)?.query_row(minutes, |row| Ok((row.get(0)?, row.get(1)?)))?;
        plan.positions = first.unwrap_or(1)..last.unwrap_or(0).saturating_add(1);
        let mut fewest = i64::MAX;
        for (kind, values) in &self.conditions {
            let found = find(index, *kind, values, others)?;
            let alerts: i64 = found.iter().map(|(_, alerts)| *alerts).sum();
            let has_none = DIMENSIONS[*kind].values("").any(|value| values.contains(value));
            if !has_none && alerts < fewest && found.len() <= MERGED_MAX {
                fewest = alerts;
                plan.leads = Some(found.iter().map(|(term, _)| *term).collect());
            }
            let terms = found.into_iter().map(|(term, _)| term).chain(has_none.then_some(NONE)).collect();
            plan.terms.push((*kind, terms));
        }
        Ok(plan)
    }
}

/// The terms that stand for one of some values, and how many alerts each has.
fn find(
    index: &Connection,
    kind: usize,
    values: &HashSet<String>,
    others: bool,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    let wire = i64::try_from(kind).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    if DIMENSIONS[kind].is_set {
        let mut statement = index.prepare_cached("SELECT id, alerts, text FROM terms WHERE kind = ?")?;
        let mut rows = statement.query([wire])?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(2)?.as_str()?;
            if DIMENSIONS[kind].values(text).any(|value| values.contains(value)) {
                found.push((row.get(0)?, row.get(1)?));
            }
        }
    } else {
        let mut statement =
            index.prepare_cached("SELECT id, alerts FROM terms WHERE kind = ? AND text = ?")?;
        for value in values {
            let rows = statement.query_map(params![wire, value], |row| Ok((row.get(0)?, row.get(1)?)))?;
            for row in rows {
                found.push(row?);
            }
        }
    }
    if others {
        let mut statement = index.prepare_cached("SELECT id, alerts FROM terms WHERE id = ?")?;
        for row in statement.query_map([other(kind)], |row| Ok((row.get(0)?, row.get(1)?)))? {
            found.push(row?);
        }
    }
    Ok(found)
}

/// A selection in the index's numbers.
#[derive(Debug)]
pub(super) struct Plan {
    /// A dimension, and the terms of which an alert has one.
    terms: Vec<(usize, HashSet<i64>)>,
    times: std::ops::Range<i64>,
    /// Between these positions they all stand.
    positions: std::ops::Range<i64>,
    /// The terms of the rarest condition. Without, every alert is looked at.
    leads: Option<Vec<i64>>,
}

impl Plan {
    /// Whether an alert is one of the selection.
    pub(super) fn admits(&self, row: &Row) -> bool {
        self.times.contains(&row.time_ns) && self.admits_terms(row)
    }

    /// The same, whatever the time.
    pub(super) fn admits_terms(&self, row: &Row) -> bool {
        self.terms.iter().all(|(kind, terms)| terms.contains(&row.terms[*kind]))
    }

    /// The positions to look at, in order: those of the rarest condition's terms, merged, or all.
    pub(super) fn sql(&self, oldest_first: bool) -> String {
        let order = if oldest_first { "ASC" } else { "DESC" };
        let Some(leads) = &self.leads else {
            return format!(
                "SELECT position FROM alerts WHERE position BETWEEN ?1 AND ?2 ORDER BY 1 {order}"
            );
        };
        let select = |term: &i64| {
            format!("SELECT position FROM postings WHERE term = {term} AND position BETWEEN ?1 AND ?2")
        };
        let all = leads.iter().map(select).collect::<Vec<_>>().join(" UNION ALL ");
        if all.is_empty() { String::new() } else { format!("{all} ORDER BY 1 {order}") }
    }

    /// Between which positions to look for what stands beyond a place, in some order.
    pub(super) fn beyond(&self, place: Option<i64>, oldest_first: bool) -> [i64; 2] {
        let (first, last) = (self.positions.start, self.positions.end.saturating_sub(1));
        match place {
            None => [first, last],
            Some(place) if oldest_first => [first.max(place.saturating_add(1)), last],
            Some(place) => [first, last.min(place.saturating_sub(1))],
        }
    }
}
