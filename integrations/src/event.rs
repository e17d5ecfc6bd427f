//! What destinations ask of an alert: its fields that are text, its priority.

use cadge_proto::json::{self, FieldKinds};
use cadge_proto::{Alert, priority_name};

/// An alert's fields that are text, by name: chats show no numbers.
pub(crate) fn text_fields(alert: &Alert, kinds: FieldKinds) -> Vec<(&str, &str)> {
    let fields = alert.output_fields.iter().filter(|(name, text)| {
        kinds(name) == json::FieldKind::Text && *text != json::MISSING && *name != "evt.time"
    });
    let mut fields: Vec<_> = fields.map(|(name, text)| (name.as_str(), text.as_str())).collect();
    fields.sort_unstable();
    fields
}

/// The number of a priority that a configuration names; `None` if it is no priority.
pub(crate) fn priority_number(name: &str) -> Option<i32> {
    if name.eq_ignore_ascii_case("info") {
        return Some(6);
    }
    (0..8).find(|number| priority_name(*number).eq_ignore_ascii_case(name))
}
