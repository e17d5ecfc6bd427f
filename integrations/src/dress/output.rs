//! How the output reads: `outputfieldformat`.

use std::borrow::Cow;

use cadge_proto::{Alert, priority_name};

use super::Dress;
use crate::event;

impl Dress {
    /// An output that does not begin as Falco's is left alone.
    pub(super) fn format_output(&self, alert: &mut Cow<'_, Alert>, templated: &str) {
        if self.outputfieldformat.is_empty() {
            return;
        }
        let Some((timestamp, output)) = split_output(&alert.output) else { return };
        let tokens = [
            ("<timestamp>", timestamp),
            ("<priority>", priority_name(alert.priority)),
            ("<output>", output),
            ("<custom_fields>", &shown(self.customfields.iter())),
            ("<templated_fields>", templated),
            ("<tags>", &alert.tags.join(",")),
        ];
        let text = filled(&self.outputfieldformat, &tokens);
        // What stays of a format such as `<output> (<custom_fields> <templated_fields>)` without fields.
        let text = ["( )", "()"].iter().fold(text.strip_suffix(' ').unwrap_or(&text), |text, empty| {
            text.strip_suffix(empty).unwrap_or(text)
        });
        let text = text.strip_suffix(' ').unwrap_or(text).to_owned();
        alert.to_mut().output = text;
    }
}

/// `a=1 b=2`
pub(super) fn shown<'a>(fields: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// Puts values in the place of tokens, in one pass: a value that contains a token is left as it is,
/// since it may be what an attacker wrote.
fn filled(format: &str, tokens: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = tokens.iter().find_map(|(token, value)| Some((value, rest.strip_prefix(token)?)));
        if let Some((value, behind)) = found {
            out.push_str(value);
            rest = behind;
        } else {
            out.push('<');
            rest = &rest[1..];
        }
    }
    out + rest
}

/// Falco's `12:34:56.123456789: Warning the text`: the time, and the text behind the priority.
fn split_output(output: &str) -> Option<(&str, &str)> {
    let (time, rest) = output.split_once(": ")?;
    let (priority, text) = rest.split_once(' ')?;
    let is_time =
        time.split([':', '.']).all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let parts = (time.matches(':').count(), time.matches('.').count());
    (is_time && parts == (2, 1) && event::priority_number(priority).is_some()).then_some((time, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dress::tests::{alert, kinds, map};

    #[test]
    fn the_output_is_formatted() {
        let format = |format: &str, custom: &[(&str, &str)], output: &str| {
            let dress =
                Dress { customfields: map(custom), outputfieldformat: format.into(), ..Dress::default() };
            dress.dress(&alert(output, &[]), kinds).output.clone()
        };
        let output = "12:34:56.123456789: Warning A shell (user=root)";
        let all = "<timestamp>: <priority> <output> (<custom_fields> <templated_fields>)";
        assert_eq!(format(all, &[], output), output);
        assert_eq!(format(all, &[("b", "2"), ("a", "1")], output), format!("{output} (a=1 b=2 )"));
        assert_eq!(format("[<tags>] <output> <none> <", &[], output), "[m] A shell (user=root) <none> <");
        for other in [
            "A shell",
            "12:34:56.1: Loud a",
            "12:34:56: Warning a",
            "a:b:c.d: Warning a",
            "12:34:56.1: Warning",
        ] {
            assert_eq!(format("x <output>", &[], other), other);
        }
        assert_eq!(format("<output><priority>", &[], "1:2:3.4: Notice <priority>"), "<priority>Warning");
    }
}
