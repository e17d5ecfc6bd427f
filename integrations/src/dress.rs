//! What falcosidekick does to an event before it sends it: its settings `customfields`,
//! `templatedfields`, `customtags`, `bracketreplacer` and `outputfieldformat`, in that order, and the
//! cut of long fields.
//!
//! Unlike falcosidekick, whose maps have no order, fields are added sorted by name, so that a template
//! sees the custom fields and the templated ones before it; and a field is cut between characters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cadge_proto::json::{FieldKind, FieldKinds};
use cadge_proto::{Alert, priority_name};

use crate::event;
use crate::format;
use crate::settings::keys;
use crate::template::Template;

/// An event whose JSON is longer than this, in bytes, has its long fields cut.
const EVENT_BYTES: usize = 4096;

/// A field that is longer than this, in bytes, is long.
const FIELD_BYTES: usize = 512;

/// What is left of a long field, in bytes, before [`CUT`].
const KEPT_BYTES: usize = 507;

/// Stands at the end of a field that was cut.
const CUT: &str = "[...]";

keys! {
    /// The settings. Each is unused if it is empty. An output that does not begin as Falco's is left alone.
    pub(crate) struct Dress {
        /// Fields that every alert gets. In the environment's form, `a:x,b:%VAR`, a value may be a variable's.
        customfields: BTreeMap<String, String> = {},
        /// Fields that every alert gets, filled in from its output fields by Go templates, such as
        /// `{{ index . "k8s.ns.name" }}`.
        templatedfields: BTreeMap<String, Template> = {},
        /// Tags that every alert gets.
        customtags: Vec<String> = [],
        /// Stands for `[` in a field's name; `]` is left out. With `_`, `proc.aname[2]` is `proc.aname_2`.
        bracketreplacer: String = "",
        /// How the output reads: text with `<timestamp>`, `<priority>`, `<output>`, `<custom_fields>`,
        /// `<templated_fields>` and `<tags>`.
        outputfieldformat: String = "",
    }
}

impl Dress {
    /// The alert as it is sent. Costs nothing if there is nothing to do.
    pub(crate) fn dress<'a>(&self, alert: &'a Alert, kinds: FieldKinds) -> Cow<'a, Alert> {
        let mut alert = Cow::Borrowed(alert);
        self.add_custom(&mut alert);
        let templated = self.add_templated(&mut alert, kinds);
        self.add_tags(&mut alert);
        self.replace_brackets(&mut alert);
        self.format_output(&mut alert, &templated);
        cut_long(&mut alert, kinds);
        alert
    }

    /// The names of the fields that it adds, as an alert has them in the end.
    pub(crate) fn added_fields(&self) -> Vec<String> {
        let names = self.customfields.keys().chain(self.templatedfields.keys());
        let replaced = |name: &String| {
            if self.bracketreplacer.is_empty() { name.clone() } else { self.without_brackets(name) }
        };
        names.map(replaced).collect()
    }

    fn without_brackets(&self, name: &str) -> String {
        name.replace(']', "").replace('[', &self.bracketreplacer)
    }

    fn add_custom(&self, alert: &mut Cow<'_, Alert>) {
        for (name, value) in &self.customfields {
            alert.to_mut().output_fields.insert(name.clone(), value.clone());
        }
    }

    /// Returns them as `<templated_fields>` shows them.
    fn add_templated(&self, alert: &mut Cow<'_, Alert>, kinds: FieldKinds) -> String {
        let mut added = Vec::with_capacity(self.templatedfields.len());
        for (name, template) in &self.templatedfields {
            let value = template.render_fields(alert, kinds);
            alert.to_mut().output_fields.insert(name.clone(), value.clone());
            added.push((name, value));
        }
        shown(added.iter().map(|(name, value)| (*name, value)))
    }

    fn add_tags(&self, alert: &mut Cow<'_, Alert>) {
        if !self.customtags.is_empty() {
            let tags = &mut alert.to_mut().tags;
            tags.extend(self.customtags.iter().cloned());
            tags.sort_unstable();
        }
    }

    /// If two fields get the same name, the later one by its old name stays.
    fn replace_brackets(&self, alert: &mut Cow<'_, Alert>) {
        if self.bracketreplacer.is_empty() {
            return;
        }
        let mut names: Vec<String> =
            alert.output_fields.keys().filter(|name| name.contains('[')).cloned().collect();
        names.sort_unstable();
        for name in names {
            let fields = &mut alert.to_mut().output_fields;
            if let Some(value) = fields.remove(&name) {
                fields.insert(self.without_brackets(&name), value);
            }
        }
    }

    fn format_output(&self, alert: &mut Cow<'_, Alert>, templated: &str) {
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
fn shown<'a>(fields: impl Iterator<Item = (&'a String, &'a String)>) -> String {
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

/// Cuts long fields of a long event, in the output too. Most events are short: of those, lengths are
/// all that is looked at.
fn cut_long(alert: &mut Cow<'_, Alert>, kinds: FieldKinds) {
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

/// `customfields` as the environment has them: `name:value,name:value`. A value `%VAR` is that of the
/// variable `VAR`, for which `lookup` is asked. An entry without exactly one `:` is an error, where
/// falcosidekick leaves it out.
pub(crate) fn custom_fields_of(
    text: &str,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut fields = BTreeMap::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, value) = entry
            .split_once(':')
            .filter(|(name, value)| !name.is_empty() && !value.contains(':'))
            .ok_or_else(|| format!("`{entry}` is not `name:value`; write it into the file instead"))?;
        let value = match value.strip_prefix('%') {
            Some(variable) => lookup(variable)
                .ok_or_else(|| format!("`{entry}` asks for the variable `{variable}`, which is not set"))?,
            None => value.to_owned(),
        };
        fields.insert(name.to_owned(), value);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(name: &str) -> FieldKind {
        if name == "evt.time" { FieldKind::Number } else { FieldKind::Text }
    }

    fn alert(output: &str, fields: &[(&str, &str)]) -> Alert {
        Alert {
            priority: 4,
            rule: "r".into(),
            output: output.into(),
            tags: vec!["m".into()],
            output_fields: fields.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect(),
            ..Alert::default()
        }
    }

    fn map(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
        fields.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
    }

    fn fields(alert: &Alert) -> Vec<(&str, &str)> {
        let mut fields: Vec<_> = alert.output_fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn nothing_set_is_the_alert_itself() {
        let alert = alert("12:34:56.1: Warning a", &[("proc.aname[2]", "runc")]);
        assert!(matches!(Dress::default().dress(&alert, kinds), Cow::Borrowed(_)));
    }

    #[test]
    fn fields_and_tags_are_added() {
        let template = |text| Template::new(text).unwrap();
        let dress = Dress {
            customfields: map(&[("env", "prod"), ("a", "1")]),
            templatedfields: [
                ("t1", template("{{ .env }}-{{ or .no `bar` }}")),
                ("t2", template("{{ .t1 }}{{ index . `p[1]` }}")),
            ]
            .map(|(name, template)| (name.to_owned(), template))
            .into(),
            customtags: vec!["z".into(), "b".into()],
            bracketreplacer: "_".into(),
            ..Dress::default()
        };
        let alert = alert("", &[("p[1]", "x"), ("a", "old")]);
        let dressed = dress.dress(&alert, kinds);
        let expected = [("a", "1"), ("env", "prod"), ("p_1", "x"), ("t1", "prod-bar"), ("t2", "prod-barx")];
        assert_eq!(fields(&dressed), expected);
        assert_eq!(dressed.tags, ["b", "m", "z"]);
    }

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

    #[test]
    fn the_environment_form_is_read() {
        let lookup = |name: &str| (name == "HOST").then(|| "h:1".to_owned());
        assert_eq!(custom_fields_of("a:1, b:%HOST,", lookup), Ok(map(&[("a", "1"), ("b", "h:1")])));
        for (text, problem) in [("a", "`a` is not"), ("u:http://x", "`u:http://x` is not"), ("a:%NO", "`NO`")]
        {
            assert!(custom_fields_of(text, lookup).unwrap_err().contains(problem), "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_dressed(
            output in ".*",
            fields in prop::collection::hash_map(".*", "(.{0,20}|.{500,1500})", 0..6),
            bracketreplacer in ".?",
            outputfieldformat in ".*",
        ) {
            let dress = Dress { bracketreplacer, outputfieldformat, ..Dress::default() };
            let alert = Alert { output, output_fields: fields, ..Alert::default() };
            prop_assert!(dress.dress(&alert, kinds).output_fields.values().all(|text| text.len() <= 6000));
        }
    }
}
