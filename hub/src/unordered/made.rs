//! Makes an alert of what somebody else says has happened: completed, checked, and named by what it says.

use cadge_proto::raw::RawAlert;
use cadge_proto::{ALERT_BYTES_MAX, Alert};
use prost::Message as _;

use super::identity;
use crate::log::UNORDERED;
use crate::readable::amend;

/// The most output fields of one alert.
pub(crate) const FIELDS_MAX: usize = 1024;

/// The most tags of one alert.
pub(crate) const TAGS_MAX: usize = 256;

/// What an alert says that leaves it out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults<'a> {
    pub(crate) hostname: &'a str,
    pub(crate) source: &'a str,
}

/// Why it can't be kept.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("the rule's name is empty")]
    Nameless,
    #[error("it has {0} bytes; {ALERT_BYTES_MAX} are allowed")]
    TooLarge(usize),
}

/// An alert as the hub keeps it, and its identity.
pub(crate) fn finish(mut alert: Alert) -> (u64, Alert) {
    amend(&mut alert);
    alert.epoch = UNORDERED;
    alert.sequence = identity::of(&alert);
    (alert.sequence, alert)
}

/// The same, encoded, of an alert that somebody has written.
pub(crate) fn make(mut alert: Alert, defaults: Defaults<'_>) -> Result<(u64, RawAlert), Unfit> {
    if alert.rule.is_empty() {
        return Err(Unfit::Nameless);
    }
    for (text, default) in [(&mut alert.hostname, defaults.hostname), (&mut alert.source, defaults.source)] {
        if text.is_empty() {
            default.clone_into(text);
        }
    }
    alert.tags.sort_unstable();
    let (identity, alert) = finish(alert);
    let encoded = alert.encode_to_vec();
    if encoded.len() > ALERT_BYTES_MAX {
        return Err(Unfit::TooLarge(encoded.len()));
    }
    Ok((identity, RawAlert::new(encoded)))
}
