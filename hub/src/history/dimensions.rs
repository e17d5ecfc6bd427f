//! By what history is searched and counted: one list.

use std::borrow::Cow;

use cadge_proto::raw::v1;
use cadge_proto::{Alert, priority_name};

use crate::time::time_ns;

/// Between the values of a dimension of which an alert has many.
const SEPARATOR: char = '\u{1f}';

/// A property of alerts that the index knows.
pub(crate) struct Dimension {
    /// Its name: its column's in the file, too.
    pub(crate) name: &'static str,
    /// Its name on the wire.
    pub(crate) on_wire: v1::Dimension,
    /// So many different values are told apart; alerts with further ones are indexed as `other`.
    pub(super) terms_max: usize,
    /// Whether it has part in the counts that are kept ready for graphs.
    pub(super) is_counted: bool,
    /// Whether an alert has a set of values, which is indexed as one term.
    pub(super) is_set: bool,
    /// An alert's value; empty if it has none.
    of: fn(&Alert) -> Cow<'_, str>,
}

/// How many there are.
pub(super) const COUNT: usize = 8;

/// To add a dimension: its row here, and its number in `Dimension` of `history.proto`. Files with other
/// columns are made anew.
pub(crate) const DIMENSIONS: [Dimension; COUNT] = [
    dimension("rule", v1::Dimension::Rule, 10_000, true, |alert| (&alert.rule).into()),
    dimension("priority", v1::Dimension::Priority, 8, true, |alert| priority_name(alert.priority).into()),
    dimension("sensor", v1::Dimension::Sensor, 20_000, false, |alert| (&alert.sensor).into()),
    dimension("host", v1::Dimension::Host, 20_000, true, |alert| (&alert.hostname).into()),
    dimension("source", v1::Dimension::Source, 100, false, |alert| (&alert.source).into()),
    dimension("namespace", v1::Dimension::Namespace, 10_000, true, |alert| {
        field(alert, &["k8s.ns.name", "ka.target.namespace"])
    }),
    dimension("pod", v1::Dimension::Pod, 50_000, false, |alert| {
        field(alert, &["k8s.pod.name", "ka.target.pod.name"])
    }),
    Dimension {
        is_set: true,
        ..dimension("tag", v1::Dimension::Tag, 1_000, false, |alert| {
            alert.tags.join(SEPARATOR.encode_utf8(&mut [0; 4])).into()
        })
    },
];

const fn dimension(
    name: &'static str,
    on_wire: v1::Dimension,
    terms_max: usize,
    is_counted: bool,
    of: fn(&Alert) -> Cow<'_, str>,
) -> Dimension {
    Dimension { name, on_wire, terms_max, is_counted, is_set: false, of }
}

/// The first of some output fields that an alert has.
fn field<'a>(alert: &'a Alert, names: &[&str]) -> Cow<'a, str> {
    let mut texts = names.iter().filter_map(|name| alert.output_fields.get(*name));
    texts.find(|text| *text != cadge_proto::json::MISSING).map_or("", String::as_str).into()
}

impl Dimension {
    /// What an alert is indexed under; empty is nothing.
    pub(super) fn term_of<'a>(&self, alert: &'a Alert) -> Cow<'a, str> {
        (self.of)(alert)
    }

    /// The values that a term stands for.
    pub(super) fn values<'a>(&self, term: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let is_set = self.is_set;
        term.split(move |c| is_set && c == SEPARATOR)
    }
}

/// Which dimension a number on the wire means.
pub(crate) fn from_wire(number: i32) -> Option<usize> {
    DIMENSIONS.iter().position(|dimension| i32::from(dimension.on_wire) == number)
}

/// The earliest and the latest moment that are told apart, in nanoseconds since 1970: whole hours, and
/// far enough from what fits a number.
pub(super) const TIMES: std::ops::Range<i64> = -9_000_000_000_000_000_000..9_000_000_000_000_000_000;

/// A moment within [`TIMES`].
pub(crate) fn moment(time: &prost_types::Timestamp) -> i64 {
    time_ns(time).clamp(TIMES.start, TIMES.end)
}

/// When an alert was raised. What no calendar has counts as the first or last moment.
pub(super) fn time_of(alert: &Alert) -> i64 {
    moment(&alert.time.unwrap_or_default()).min(TIMES.end - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_on_the_wire_is_a_dimension_and_every_dimension_has_one() {
        for number in 1..=8 {
            let at = from_wire(number).unwrap();
            assert_eq!(v1::Dimension::try_from(number), Ok(DIMENSIONS[at].on_wire));
            let wire = DIMENSIONS[at].on_wire.as_str_name();
            assert_eq!(wire, format!("DIMENSION_{}", DIMENSIONS[at].name.to_uppercase()));
        }
        assert!(v1::Dimension::try_from(9).is_err(), "a dimension of the wire has no row");
        assert_eq!(from_wire(0), None);
    }

    #[test]
    fn missing_fields_are_no_values() {
        let field = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let mut alert = Alert {
            output_fields: [field("k8s.ns.name", "<NA>"), field("ka.target.namespace", "shop")].into(),
            tags: vec!["a".to_owned(), "b".to_owned()],
            ..Alert::default()
        };
        let term = |alert: &Alert, name: &str| {
            let dimension = DIMENSIONS.iter().find(|dimension| dimension.name == name).unwrap();
            let term = dimension.term_of(alert).into_owned();
            dimension.values(&term).map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(term(&alert, "namespace"), ["shop"]);
        assert_eq!(term(&alert, "pod"), [""]);
        assert_eq!(term(&alert, "tag"), ["a", "b"]);
        alert.tags.clear();
        assert_eq!(term(&alert, "tag"), [""]);
    }
}
