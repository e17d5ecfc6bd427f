//! Goes through the index along a plan.

use std::ops::ControlFlow;

use rusqlite::Connection;

use super::schema::all_list;
use super::select::{Plan, Selection};
use super::tally::Row;

/// Which part of a selection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) oldest_first: bool,
    /// Beyond this position, in that order; 0 is from the start.
    pub(crate) page: u64,
    /// At most so many.
    pub(crate) count: usize,
}

/// A part of a selection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) positions: Vec<u64>,
    /// Where the next part begins; 0 is that this was the last.
    pub(crate) next: u64,
}

/// Finds the positions of alerts that may be of the selection: those under `other` have to be looked at.
/// At most `looks` alerts are looked at.
pub(super) fn find(
    index: &Connection,
    selection: &Selection,
    range: Range,
    looks: usize,
) -> rusqlite::Result<Found> {
    let plan = selection.plan(index, true)?;
    let (mut found, mut looked) = (Found::default(), 0);
    let page = (range.page > 0).then_some(range.page.cast_signed());
    walk(index, &plan, range.oldest_first, page, |row, is_wanted| {
        if is_wanted {
            found.positions.push(row.position.cast_unsigned());
        }
        looked += 1;
        if found.positions.len() >= range.count || looked >= looks {
            found.next = row.position.cast_unsigned();
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Looks at alerts along a plan, and says of each whether it is wanted, until there are no more or it is
/// told to stop.
pub(super) fn walk(
    index: &Connection,
    plan: &Plan,
    oldest_first: bool,
    page: Option<i64>,
    mut look: impl FnMut(&Row, bool) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let sql = plan.sql(oldest_first);
    if sql.is_empty() {
        return Ok(());
    }
    let mut positions = index.prepare(&sql)?;
    let mut rows = index.prepare_cached(&format!(
        "SELECT position, time_ns, {} FROM alerts WHERE position = ?",
        all_list()
    ))?;
    let mut places = positions.query(plan.beyond(page, oldest_first))?;
    while let Some(place) = places.next()? {
        let row = rows.query_row([place.get::<_, i64>(0)?], Row::read)?;
        if look(&row, plan.admits(&row)).is_break() {
            break;
        }
    }
    Ok(())
}
