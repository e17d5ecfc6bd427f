//! What the formats of several destinations have in common, as falcosidekick's receivers know it.

use cadge_proto::Alert;
use cadge_proto::json;

/// The alert's time as Go prints one: `2024-06-12 13:46:40.5 +0000 UTC`, without zeros at the end.
pub(crate) fn go_time(alert: &Alert) -> String {
    let time = json::time(alert).replace('T', " ");
    let time = time.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    format!("{time} +0000 UTC")
}
