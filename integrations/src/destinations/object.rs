//! How an alert's object in a bucket is named.

use cadge_proto::Alert;
use cadge_proto::json;

use crate::format::uuid;

/// `PREFIX/2024-06-12/TIME-ID.json`, by the alert's own time and id: one that comes again is the same object.
pub(super) fn name(prefix: &str, alert: &Alert) -> String {
    let (prefix, time) = (prefix.trim_matches('/'), json::time(alert));
    let slash = if prefix.is_empty() { "" } else { "/" };
    let day = time.split('T').next().unwrap_or_default();
    format!("{prefix}{slash}{day}/{time}-{}.json", uuid(alert))
}
