//! The cut of long fields.

use std::borrow::Cow;

use cadge_proto::Alert;
use cadge_proto::json::{FieldKind, FieldKinds};

use crate::format;

/// An event whose JSON is longer than this, in bytes, has its long fields cut.
const EVENT_BYTES: usize = 4096;

/// A field that is longer than this, in bytes, is long.
const FIELD_BYTES: usize = 512;

/// What is left of a long field, in bytes, before [`CUT`].
const KEPT_BYTES: usize = 507;

/// Stands at the end of a field that was cut.
const CUT: &str = "[...]";

/// Cuts long fields of a long event, in the output too. Most events are short: of those, lengths are
/// all that is looked at.
pub(super) fn cut_long(alert: &mut Cow<'_, Alert>, kinds: FieldKinds) {
    let is_long =
        |(name, text): &(&String, &String)| text.len() > FIELD_BYTES && kinds(name) == FieldKind::Text;
    if !alert.output_fields.iter().any(|field| is_long(&field))
        || format::canonical(alert, kinds).trim_end().len() <= EVENT_BYTES
    {
        return;
    }
    let mut long: Vec<(String, String)> =
        alert.output_fields.iter().filter(is_long).map(|(name, text)| (name.clone(), text.clone())).collect();
    long.sort_unstable();
    let alert = alert.to_mut();
    for (name, text) in long {
        let cut = format!("{}{CUT}", &text[..text.floor_char_boundary(KEPT_BYTES)]);
        alert.output = alert.output.replace(&text, &cut);
        alert.output_fields.insert(name, cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dress::Dress;
    use crate::dress::tests::{alert, kinds};

    #[test]
    fn long_fields_of_a_long_event_are_cut() {
        let long = "ü".repeat(400);
        let digits = "9".repeat(600);
        let fields = [("a", long.as_str()), ("b", "short"), ("evt.time", digits.as_str())];
        let short = alert(&format!("{long}|"), &fields);
        assert!(matches!(Dress::default().dress(&short, kinds), Cow::Borrowed(_)), "below 4096 bytes");
        let alert = alert(&format!("{}|{long}|", "x".repeat(4000)), &fields);
        let dressed = Dress::default().dress(&alert, kinds);
        let cut = format!("{}[...]", "ü".repeat(253));
        assert_eq!(dressed.output_fields["a"], cut);
        assert_eq!(dressed.output_fields["b"], "short");
        assert_eq!(dressed.output_fields["evt.time"], digits);
        assert!(dressed.output.ends_with(&format!("x|{cut}|")));
    }
}
