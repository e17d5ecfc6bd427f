//! How rules are loaded and evaluated.

use std::collections::BTreeMap;

use crate::{Priority, fields};

/// How to load.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Leave out rules that are less urgent than this. Default: leave out none.
    pub priority: Priority,
    /// The sources whose rules are taken. Default: `syscall` and `k8s_audit`.
    pub sources: Vec<String>,
    /// The plugins that the engine answers for. Default: `container`, `k8saudit` and `json`.
    pub plugins: Vec<Plugin>,
    /// Rules to switch on or off, in this order.
    pub rules: Vec<Selection>,
    /// How many rules may match an event.
    pub rule_matching: RuleMatching,
    /// What is added to outputs.
    pub append_output: Vec<AppendOutput>,
    /// Go on after the first rule that has an error, to find those of others. Falco does not. Default: no.
    pub every_error: bool,
    /// The values of `static.*`.
    pub static_fields: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        let plugin = |name: &str| Plugin { name: name.to_owned(), version: PLUGIN_VERSION };
        Self {
            priority: Priority::Debug,
            sources: vec![fields::SYSCALL.to_owned(), fields::K8S_AUDIT.to_owned()],
            plugins: vec![plugin("container"), plugin("k8saudit"), plugin("json")],
            rules: Vec::new(),
            rule_matching: RuleMatching::First,
            append_output: Vec::new(),
            every_error: false,
            static_fields: BTreeMap::new(),
        }
    }
}

/// The version as which the engine answers for plugins: no rule file asks for a newer one.
const PLUGIN_VERSION: (u32, u32, u32) = (0, 99, 0);

/// A plugin that rule files may require.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
}

/// Rules to switch on or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// On, or off.
    pub enable: bool,
    /// Which.
    pub by: Selector,
}

/// Which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Those whose name fits; `*` stands for any text.
    Rule(String),
    /// Those that have the tag.
    Tag(String),
}

/// How many rules may match an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuleMatching {
    /// The first that does raises the only alert.
    #[default]
    First,
    /// Each that does raises an alert.
    All,
}

/// What is added to the outputs of some rules. Every entry that fits counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendOutput {
    /// Only of rules of this source; empty for all.
    pub source: String,
    /// Only of rules with all of these tags.
    pub tags: Vec<String>,
    /// Only of the rule of this name; empty for all.
    pub rule: String,
    /// Text with fields.
    pub extra_output: String,
    /// Further entries of `output_fields`: a key and a template.
    pub extra_fields: Vec<(String, String)>,
    /// Whether to add the fields that every output should have.
    pub suggested_output: bool,
}
