//! The index against what a plain look at every alert finds.

mod plain;

use std::collections::HashSet;

use cadge_proto::Alert;
use cadge_proto::raw::{RawAlert, v1};
use proptest::prelude::*;
use prost::Message as _;

use super::count::{ByHand, CountError, Counts, Question, count};
use super::index::Index;
use super::search::{Found, Range, find};
use super::select::Selection;
use crate::log::Entry;
use plain::{alerts, counts_of, entries, is_selected, position, selections};

/// An index of alerts that came in batches, and of which the first so many are gone.
fn index(alerts: &[Alert], batch: usize, expired: usize) -> Index {
    let mut index = Index::in_memory();
    for batch in entries(alerts).chunks(batch) {
        index.add(batch).unwrap();
    }
    while index.expire(position(expired)).unwrap() {}
    index
}

/// Everything of a selection, by pages.
fn search(
    index: &Index,
    selection: &v1::Selection,
    oldest_first: bool,
    count: usize,
    looks: usize,
) -> Vec<u64> {
    let selection = Selection::new(selection.clone()).unwrap();
    let (mut all, mut page) = (Vec::new(), 0);
    loop {
        let range = Range { oldest_first, page, count };
        let Found { positions, next } = find(index.connection(), &selection, range, looks).unwrap();
        assert!(positions.len() <= count);
        all.extend(positions);
        if next == 0 {
            return all;
        }
        page = next;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn search_finds_what_a_look_at_every_alert_finds(
        alerts in alerts(),
        selection in selections(),
        (batch, expired, count, looks) in (1..20usize, 0..20usize, 1..20usize, 1..20usize),
        oldest_first: bool,
    ) {
        let index = index(&alerts, batch, expired);
        let mut expected: Vec<u64> = (expired..alerts.len())
            .filter(|at| is_selected(&alerts[*at], &selection))
            .map(position)
            .collect();
        if !oldest_first {
            expected.reverse();
        }
        prop_assert_eq!(search(&index, &selection, oldest_first, count, looks), expected);
    }

    #[test]
    fn counts_are_those_of_every_alert(
        alerts in alerts(),
        selection in selections(),
        (batch, expired) in (1..20usize, 0..20usize),
        group_by in proptest::sample::subsequence((1..=8i32).collect::<Vec<_>>(), 0..3),
        step in prop_oneof![Just(0u32), Just(60), Just(300), Just(3600), Just(7)],
    ) {
        let index = index(&alerts, batch, expired);
        let left = alerts.iter().skip(expired);
        let selected = || left.clone().filter(|alert| is_selected(alert, &selection));
        let expected = counts_of(selected(), &group_by, step);
        let kinds = group_by.iter().map(|number| super::from_wire(*number).unwrap()).collect();
        let question = Question { selection: Selection::new(selection.clone()).unwrap(), group_by: kinds, step };
        prop_assert_eq!(count(index.connection(), &question).unwrap(), expected.clone());
        let mut by_hand = ByHand::new(question.clone());
        for alert in left.clone().filter(|alert| question.selection.admits(alert)) {
            by_hand.add(alert).unwrap();
        }
        prop_assert_eq!(by_hand.counts(), expected);
    }

    #[test]
    fn what_is_gone_leaves_nothing_behind(alerts in alerts(), batch in 1..20usize) {
        let index = index(&alerts, batch, alerts.len());
        for table in ["alerts", "postings", "minutes", "counts", "terms"] {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            let rows: i64 = index.connection().query_row(&sql, [], |row| row.get(0)).unwrap();
            prop_assert_eq!(rows, 0, "in {}", table);
        }
    }
}

fn selection(dimension: v1::Dimension, values: &[&str]) -> v1::Selection {
    let values = values.iter().map(ToString::to_string).collect();
    let r#where = vec![v1::Where { dimension: dimension.into(), values }];
    v1::Selection { r#where, ..v1::Selection::default() }
}

#[test]
fn terms_lead_through_the_index_and_nothing_is_sorted() {
    let alert = |at: u64| Alert {
        rule: if at.is_multiple_of(50) { "rare" } else { "usual" }.to_owned(),
        hostname: format!("host-{}", at % 3),
        ..Alert::default()
    };
    let index = index(&(0..200).map(alert).collect::<Vec<_>>(), 64, 0);
    let explain = |asked: v1::Selection| {
        let plan = Selection::new(asked).unwrap().plan(index.connection(), true).unwrap();
        let sql = plan.sql(false);
        let mut statement = index.connection().prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map([1, 1000], |row| row.get(3)).unwrap();
        (sql, rows.map(|row| row.unwrap()).collect::<Vec<String>>().join("\n"))
    };
    for hosts in [&["host-0"][..], &["host-0", "host-1", "host-2", "none"]] {
        let (sql, steps) = explain(selection(v1::Dimension::Host, hosts));
        let led = steps.matches("SEARCH postings USING PRIMARY KEY (term=? AND position>? AND position<?)");
        assert_eq!(led.count(), hosts.len().min(3), "{sql}\n{steps}");
        assert!(!steps.contains("SCAN") && !steps.contains("TEMP B-TREE"), "{sql}\n{steps}");
    }
    let mut both = selection(v1::Dimension::Host, &["host-0"]);
    both.r#where.extend(selection(v1::Dimension::Rule, &["rare"]).r#where);
    let (sql, _) = explain(both.clone());
    assert_eq!(sql.matches("term =").count(), 1, "{sql}");
    // Of four rare ones two are on that host: no more are looked at than those four.
    assert_eq!(search(&index, &both, false, 10, 4), [position(150), position(0)]);
}

#[test]
fn names_without_end_fill_one_term_and_are_found_all_the_same() {
    let alert =
        |at: usize| Alert { source: format!("source-{at}"), rule: "R".repeat(1 + at), ..Alert::default() };
    let alerts: Vec<Alert> = (0..700).map(alert).collect();
    let mut index = Index::in_memory();
    let added = index.add(&entries(&alerts)).unwrap();
    // A hundred sources are told apart, and names of rules up to 512 bytes.
    assert_eq!((added.alerts, added.others), (700, 600 + (700 - 512)));
    for at in [0, 99, 100, 699] {
        let asked = selection(v1::Dimension::Source, &[&format!("source-{at}")]);
        let picked = Selection::new(asked.clone()).unwrap();
        let found: HashSet<u64> = search(&index, &asked, true, 1000, 1000)
            .into_iter()
            .filter(|found| (0..700).any(|at| position(at) == *found && picked.admits(&alerts[at])))
            .collect();
        assert_eq!(found, HashSet::from([position(at)]), "source-{at}");
    }
    let everything = Selection::new(v1::Selection::default()).unwrap();
    let question = Question { selection: everything, group_by: vec![super::from_wire(5).unwrap()], step: 0 };
    let counts = count(index.connection(), &question).unwrap();
    assert_eq!((counts.len(), counts[&(0, vec!["(other)".to_owned()])]), (101, 600));
    assert_eq!(super::overflowed(index.connection()).unwrap(), [0, 4]);
    // When old ones go there is room for new ones.
    while index.expire(position(650)).unwrap() {}
    let more = Entry { position: 10_000, alert: RawAlert::new(alert(1000).encode_to_vec()) };
    assert_eq!(index.add(&[Entry { alert: entries(&alerts)[1].alert.clone(), ..more }]).unwrap().others, 0);
}

#[test]
fn too_many_groups_are_refused() {
    let alert = |at: u64| Alert { hostname: format!("h{at}"), ..Alert::default() };
    let index = index(&(0..10_001).map(alert).collect::<Vec<_>>(), 5000, 0);
    let everything = Selection::new(v1::Selection::default()).unwrap();
    let mut question =
        Question { selection: everything, group_by: vec![super::from_wire(4).unwrap()], step: 0 };
    assert!(matches!(count(index.connection(), &question), Err(CountError::Groups)));
    question.group_by.clear();
    assert_eq!(count(index.connection(), &question).unwrap(), Counts::from([((0, vec![]), 10_001)]));
}

#[test]
fn a_selection_that_makes_no_sense_is_refused() {
    let refused = |asked| Selection::new(asked).unwrap_err();
    assert!(refused(selection(v1::Dimension::Unspecified, &["x"])).contains("`dimension: 0`"));
    assert!(refused(selection(v1::Dimension::Host, &[])).contains("`host` has no values"));
    assert!(refused(selection(v1::Dimension::Host, &["x"; 1001])).contains("1000"));
}

#[test]
fn a_file_is_used_again_unless_it_is_damaged_or_of_another_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    let fill = || {
        let mut index = Index::open(&path).unwrap();
        if index.cursor().unwrap().0 == 0 {
            index.add(&entries(&vec![Alert::default(); 10])).unwrap();
            return "made";
        }
        assert_eq!(index.cursor().unwrap().0, position(9));
        "used"
    };
    assert_eq!((fill(), fill()), ("made", "used"));
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert_eq!((fill(), fill()), ("made", "used"));
    let execute = |sql| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    execute("ALTER TABLE alerts ADD COLUMN further INTEGER");
    assert_eq!((fill(), fill()), ("made", "used"));
    std::fs::write(&path, "no database at all, but long enough to be taken for one".repeat(100)).unwrap();
    assert_eq!((fill(), fill()), ("made", "used"));
    std::fs::write(&path, "").unwrap();
    assert_eq!((fill(), fill()), ("made", "used"));
}
