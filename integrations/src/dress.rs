//! What falcosidekick does to an event before it sends it: its settings `customfields`,
//! `templatedfields`, `customtags`, `bracketreplacer` and `outputfieldformat`, in that order, and the
//! cut of long fields.
//!
//! Unlike falcosidekick, whose maps have no order, fields are added sorted by name, so that a template
//! sees the custom fields and the templated ones before it; and a field is cut between characters.

mod output;
mod cut;

use std::borrow::Cow;
use std::collections::BTreeMap;

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;

use crate::settings::keys;
use crate::template::Template;

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
        cut::cut_long(&mut alert, kinds);
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
        output::shown(added.iter().map(|(name, value)| (*name, value)))
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
    use cadge_proto::json::FieldKind;
    use proptest::prelude::*;

    use super::*;

    pub(super) fn kinds(name: &str) -> FieldKind {
        if name == "evt.time" { FieldKind::Number } else { FieldKind::Text }
    }

    pub(super) fn alert(output: &str, fields: &[(&str, &str)]) -> Alert {
        Alert {
            priority: 4,
            rule: "r".into(),
            output: output.into(),
            tags: vec!["m".into()],
            output_fields: fields.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect(),
            ..Alert::default()
        }
    }

    pub(super) fn map(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
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
