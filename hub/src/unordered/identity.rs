//! What names an alert that came without a sequence number: when it was raised, and a hash over what it says.
//!
//! The upper 12 bits are its time in units of 16 seconds, which begin again after 18 hours; the lower 52 those of a
//! hash. So what comes together is together in the log's index, too, of which one page is written then and not one for
//! each alert. Two different alerts are no likelier to have one name than by 64 bits of a hash, as long as alerts come
//! about evenly; of 160,000 that one sender raises within 16 seconds, two have the same with a chance of 1 in 350,000.
//!
//! The hash is FNV-1a with 64 bits over each part behind its length (8 bytes, little endian), in this order:
//! host name, seconds and nanoseconds of the time, rule, output, source, then names and texts of
//! the output fields, sorted by name. The same on every machine and in every version, for the log
//! and the `uuid` of deliveries both rest on it.

use cadge_proto::Alert;

use crate::fnv::Fnv;

/// Bits of the hash.
const HASH_BITS: u32 = 52;

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
    let slot = (time.seconds >> 4).cast_unsigned() << HASH_BITS;
    (slot | hash.end() >> (u64::BITS - HASH_BITS)).max(1)
}
