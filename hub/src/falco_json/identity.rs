//! What names an alert that came without a sequence number: a hash over what it says.
//!
//! FNV-1a with 64 bits over each part behind its length (8 bytes, little endian), in this order:
//! host name, seconds and nanoseconds of the time, rule, output, source, then names and texts of
//! the output fields, sorted by name. The same on every machine and in every version, for the log
//! and the `uuid` of deliveries both rest on it.

use cadge_proto::Alert;

use crate::fnv::Fnv;

/// The identity; never 0.
pub(super) fn of(alert: &Alert) -> u64 {
    let time = alert.time.unwrap_or_default();
    let mut fields: Vec<_> = alert.output_fields.iter().collect();
    fields.sort_unstable();
    let mut hash = Fnv::new();
    hash.part(alert.hostname.as_bytes());
    hash.part(&time.seconds.to_le_bytes());
    hash.part(&time.nanos.to_le_bytes());
    hash.part(alert.rule.as_bytes());
    hash.part(alert.output.as_bytes());
    hash.part(alert.source.as_bytes());
    for (name, text) in fields {
        hash.part(name.as_bytes());
        hash.part(text.as_bytes());
    }
    hash.end().max(1)
}
