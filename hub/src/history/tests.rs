//! The index against what a plain look at every alert finds.

use std::collections::{BTreeMap, HashSet};

use cadge_proto::raw::{RawAlert, v1};
use cadge_proto::{Alert, priority_name};
use proptest::prelude::*;
use prost::Message as _;

use super::count::{ByHand, CountError, Counts, Question, count};
use super::index::Index;
use super::search::{Found, Range, find};
use super::select::Selection;
use crate::log::Entry;

/// Some alerts differ in every dimension, and their times are not in the log's order.
fn alerts() -> impl Strategy<Value = Vec<Alert>> {
    let name = || prop_oneof![Just(""), Just("a"), Just("b"), Just("c")];
    let time = prop_oneof![0..200_000i64, 3590..3610i64, Just(i64::MIN), Just(i64::MAX)];
    let alert = (time, 0..8i32, name(), name(), name(), name(), proptest::collection::vec("[xyz]", 0..3));
    let alert = alert.prop_map(|(seconds, priority, rule, host, namespace, pod, tags)| Alert {
        time: Some(prost_types::Timestamp { seconds, nanos: 500_000_000 }),
        priority,
        rule: rule.to_owned(),
        hostname: host.to_owned(),
        sensor: format!("sensor-{host}"),
        source: "syscall".to_owned(),
        output_fields: [("k8s.ns.name".to_owned(), namespace), ("k8s.pod.name".to_owned(), pod)]
            .map(|(name, text)| (name, if text == "c" { "<NA>".to_owned() } else { text.to_owned() }))
            .into(),
        tags: tags.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect(),
        ..Alert::default()
    });
    proptest::collection::vec(alert, 0..60)
}

fn selections() -> impl Strategy<Value = v1::Selection> {
    let value = || prop_oneof!["[abcxyz]", Just(String::new()), "sensor-[ab]", Just("Critical".to_owned())];
    let condition = (1..=8i32, proptest::collection::vec(value(), 1..4))
        .prop_map(|(dimension, values)| v1::Where { dimension, values });
    let time = || {
        proptest::option::of(prop_oneof![0..200_000i64, 3590..3610i64])
            .prop_map(|time| time.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }))
    };
    (proptest::collection::vec(condition, 0..4), time(), time())
        .prop_map(|(r#where, since, until)| v1::Selection { r#where, since, until })
}

/// The values of an alert, said once more without the code under test.
fn values(alert: &Alert, dimension: i32) -> Vec<String> {
    let field = |name: &str| match alert.output_fields.get(name).map(String::as_str) {
        None | Some("<NA>") => String::new(),
        Some(text) => text.to_owned(),
    };
    match dimension {
        1 => vec![alert.rule.clone()],
        2 => vec![priority_name(alert.priority).to_owned()],
        3 => vec![alert.sensor.clone()],
        4 => vec![alert.hostname.clone()],
        5 => vec![alert.source.clone()],
        6 => vec![field("k8s.ns.name")],
        7 => vec![field("k8s.pod.name")],
        _ if alert.tags.is_empty() => vec![String::new()],
        _ => alert.tags.clone(),
    }
}

fn is_selected(alert: &Alert, selection: &v1::Selection) -> bool {
    let time = alert.time.unwrap();
    let time = (time.seconds, time.nanos);
    selection.since.is_none_or(|since| time >= (since.seconds, since.nanos))
        && selection.until.is_none_or(|until| time < (until.seconds, until.nanos))
        && selection.r#where.iter().all(|condition| {
            values(alert, condition.dimension).iter().any(|value| condition.values.contains(value))
        })
}

fn entries(alerts: &[Alert]) -> Vec<Entry> {
    let entry = |(at, alert): (usize, &Alert)| Entry {
        position: position(at),
        alert: RawAlert::new(alert.encode_to_vec()),
    };
    alerts.iter().enumerate().map(entry).collect()
}

/// Positions grow, not always by one.
fn position(at: usize) -> u64 {
    at as u64 * 3 + 1
}

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

fn counts_of<'a>(alerts: impl Iterator<Item = &'a Alert>, group_by: &[i32], step: u32) -> Counts {
    let mut counts = BTreeMap::new();
    for alert in alerts {
        let span = match step {
            0 => 0,
            step => {
                super::dimensions::time_of(alert).div_euclid(1_000_000_000).div_euclid(step.into())
                    * i64::from(step)
            }
        };
        let mut groups = vec![Vec::new()];
        for dimension in group_by {
            let values = values(alert, *dimension);
            groups = groups
                .into_iter()
                .flat_map(|group: Vec<String>| {
                    values
                        .iter()
                        .map(move |value| [group.clone(), vec![value.clone()]].concat())
                        .collect::<Vec<_>>()
                })
                .collect();
        }
        for group in groups {
            *counts.entry((span, group)).or_default() += 1;
        }
    }
    counts
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
