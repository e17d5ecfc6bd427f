//! What a consumer gets to see of the log: which alerts, and how much of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cadge_proto::raw::RawAlert;
use prost::Message as _;

use crate::filter::Filter;
use crate::log::Entry;

/// A look at the log. By default it shows everything, as the bytes that are there.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// All of them have to admit an alert.
    filters: Vec<Arc<Filter>>,
    /// The output fields to leave in.
    fields: Option<Arc<HashSet<String>>>,
    /// Counts what it shows.
    shown: Option<Arc<AtomicU64>>,
}

impl View {
    /// The same, but only alerts that a filter admits.
    pub(crate) fn only(mut self, filter: impl Into<Option<Arc<Filter>>>) -> Self {
        self.filters.extend(filter.into());
        self
    }

    /// The same, with only these output fields. None named are all.
    pub(crate) fn with_fields(mut self, fields: Vec<String>) -> Self {
        if !fields.is_empty() {
            self.fields = Some(Arc::new(fields.into_iter().collect()));
        }
        self
    }

    /// The same, and it counts there what it shows.
    pub(crate) fn counted(mut self, shown: Arc<AtomicU64>) -> Self {
        self.shown = Some(shown);
        self
    }

    /// Whether it shows everything.
    pub(crate) fn is_whole(&self) -> bool {
        self.filters.is_empty() && self.fields.is_none()
    }

    /// What it shows of entries.
    pub(crate) fn of(&self, entries: Vec<Entry>) -> Vec<Entry> {
        let entries = if self.is_whole() {
            entries
        } else {
            entries.into_iter().filter_map(|entry| self.show(entry)).collect()
        };
        self.count(&entries);
        entries
    }

    /// Counts what was shown.
    pub(crate) fn count(&self, shown: &[Entry]) {
        if let Some(count) = &self.shown {
            count.fetch_add(shown.len() as u64, Ordering::Relaxed);
        }
    }

    fn show(&self, entry: Entry) -> Option<Entry> {
        // Ingest has decoded it before.
        let mut alert = entry.alert.decode().ok()?;
        if !self.filters.iter().all(|filter| filter.admits(&alert)) {
            return None;
        }
        let Some(fields) = &self.fields else { return Some(entry) };
        alert.output_fields.retain(|name, _| fields.contains(name));
        Some(Entry { alert: RawAlert::new(alert.encode_to_vec()), ..entry })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(position: u64, rule: &str) -> Entry {
        let field = |name: &str| (name.to_owned(), "x".to_owned());
        let alert = cadge_proto::Alert {
            rule: rule.to_owned(),
            output_fields: [field("proc.name"), field("fd.name")].into(),
            ..Default::default()
        };
        Entry { position, alert: RawAlert::new(alert.encode_to_vec()) }
    }

    #[test]
    fn filters_add_up_and_fields_are_left_out() {
        let filter = |text: &str| Arc::new(Filter::new(text).unwrap());
        let view = View::default()
            .only(filter("alert.rule startswith A"))
            .only(filter("alert.rule endswith Z"))
            .with_fields(vec!["fd.name".to_owned(), "not.there".to_owned()]);
        let shown = view.of(vec![entry(1, "AZ"), entry(2, "AY"), entry(3, "BZ"), entry(4, "A-Z")]);
        assert_eq!(shown.iter().map(|entry| entry.position).collect::<Vec<_>>(), [1, 4]);
        let fields = shown[0].alert.decode().unwrap().output_fields;
        assert_eq!(fields.into_keys().collect::<Vec<_>>(), ["fd.name"]);
    }

    #[test]
    fn by_default_nothing_is_touched() {
        let entries = vec![Entry { position: 1, alert: RawAlert::new(vec![0xff; 3]) }];
        assert_eq!(View::default().of(entries.clone()), entries);
    }
}
