//! The sensor's configuration. Names are Falco's where Falco has the thing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cadge_engine::{AppendOutput, Priority, RuleMatching, Selection, Selector, Settings};
use serde::Deserialize;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The sensor's name. It must be the one in its certificate.
    pub name: String,
    /// The host's name in alerts. Default: what the kernel says.
    pub hostname: Option<String>,
    /// Rule files, or folders of them, in order. Default: Cadge's own rules.
    pub rules_files: Vec<PathBuf>,
    /// Rules less urgent than this are left out.
    pub priority: String,
    /// Rules to switch on or off, in this order.
    pub rules: Vec<RuleSelection>,
    /// How many rules may match an event: `first` or `all`.
    pub rule_matching: String,
    /// What is added to outputs. Every entry that fits a rule counts.
    pub append_output: Vec<AppendOutputConfig>,
    /// The values of the fields `static.*`.
    pub static_fields: BTreeMap<String, String>,
    /// Where events come from: `ebpf`.
    pub sources: Vec<String>,
    /// Container runtimes, and events that wait for what they say.
    pub container_engines: ContainerEngines,
    /// The queue between the rules and the disk.
    pub outputs_queue: OutputsQueue,
    /// Alerts on disk until the hub has them.
    pub spool: SpoolConfig,
    /// Where alerts go.
    pub hub: HubConfig,
}

/// Rules to switch on or off: exactly one of the two is there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSelection {
    /// Switch these on.
    pub enable: Option<RuleSelector>,
    /// Switch these off.
    pub disable: Option<RuleSelector>,
}

/// Which rules: exactly one of the two is there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSelector {
    /// Those whose name fits; `*` stands for any text.
    pub rule: Option<String>,
    /// Those that have the tag.
    pub tag: Option<String>,
}

/// What is added to the outputs of some rules.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppendOutputConfig {
    /// Which rules; all of them without it.
    #[serde(rename = "match")]
    pub matches: OutputMatch,
    /// Text with fields.
    pub extra_output: String,
    /// Further entries of `output_fields`: the name of a field, or a key and a template.
    pub extra_fields: Vec<ExtraField>,
    /// Whether to add the fields that every output should have, such as `container.id`.
    pub suggested_output: bool,
}

/// The rules whose outputs are added to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutputMatch {
    /// Only those of this source.
    pub source: String,
    /// Only those with all of these tags.
    pub tags: Vec<String>,
    /// Only the one of this name.
    pub rule: String,
}

/// An entry of `output_fields`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ExtraField {
    /// A field, under its own name.
    Field(String),
    /// A template, under a key.
    Keyed(BTreeMap<String, String>),
}

/// Container runtimes, and events that wait for what they say.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContainerEngines {
    /// containerd and CRI-O: the Container Runtime Interface of Kubernetes.
    pub cri: ContainerEngine,
    /// Docker.
    pub docker: ContainerEngine,
    /// Podman.
    pub podman: ContainerEngine,
    /// Containers that are remembered.
    pub containers_max: usize,
    /// Containers that one runtime is asked for at the same time.
    pub lookups_max: usize,
    /// Events that may wait for what is being looked up. What comes on top is evaluated without it.
    pub pending_events_max: usize,
    /// They wait so long at most, in milliseconds.
    pub pending_timeout_ms: u64,
}

/// One kind of container runtime.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContainerEngine {
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Where it listens; `*` is any folder.
    pub sockets: Vec<PathBuf>,
}

/// The queue between the rules and the disk.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutputsQueue {
    /// Alerts that may wait. What comes on top is dropped and counted.
    pub capacity: usize,
}

/// Alerts on disk until the hub has them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolConfig {
    /// Its folder.
    pub path: PathBuf,
    /// Bytes in all. Past that the oldest alerts go, and are counted.
    pub bytes_max: u64,
    /// Bytes of one file.
    pub segment_bytes: u64,
    /// The disk is told to keep what was written so often, in milliseconds. What was written
    /// survives the end of the sensor at any time; this is for the end of the machine.
    pub sync_interval_ms: u64,
}

/// Where alerts go.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HubConfig {
    /// The hub's address.
    pub address: String,
    /// The sensor's certificate, in PEM.
    pub cert_chain: PathBuf,
    /// Its private key, in PEM.
    pub private_key: PathBuf,
    /// The certificates that the hub's is signed by, in PEM.
    pub root_certs: PathBuf,
    /// A sign of life is sent so often, in milliseconds.
    pub heartbeat_interval_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "sensor".to_owned(),
            hostname: None,
            rules_files: Vec::new(),
            priority: "debug".to_owned(),
            rules: Vec::new(),
            rule_matching: "first".to_owned(),
            append_output: Vec::new(),
            static_fields: BTreeMap::new(),
            sources: vec!["ebpf".to_owned()],
            container_engines: ContainerEngines::default(),
            outputs_queue: OutputsQueue::default(),
            spool: SpoolConfig::default(),
            hub: HubConfig::default(),
        }
    }
}

impl Default for ContainerEngines {
    fn default() -> Self {
        let engine = |sockets: &[&str]| ContainerEngine {
            enabled: true,
            sockets: sockets.iter().map(PathBuf::from).collect(),
        };
        Self {
            cri: engine(&[
                "/run/containerd/containerd.sock",
                "/run/crio/crio.sock",
                "/run/k3s/containerd/containerd.sock",
                "/run/host-containerd/containerd.sock",
            ]),
            docker: engine(&["/var/run/docker.sock"]),
            podman: engine(&["/run/podman/podman.sock", "/run/user/*/podman/podman.sock"]),
            containers_max: 4096,
            lookups_max: 16,
            pending_events_max: 1024,
            pending_timeout_ms: 500,
        }
    }
}

impl Default for OutputsQueue {
    fn default() -> Self {
        Self { capacity: 65_536 }
    }
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            path: "/var/lib/cadge/spool".into(),
            bytes_max: 256 << 20,
            segment_bytes: 8 << 20,
            sync_interval_ms: 1000,
        }
    }
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            address: "https://localhost:5060".to_owned(),
            cert_chain: "/etc/cadge/pki/sensor.crt".into(),
            private_key: "/etc/cadge/pki/sensor.key".into(),
            root_certs: "/etc/cadge/pki/ca.crt".into(),
            heartbeat_interval_ms: 5000,
        }
    }
}

impl Config {
    /// How rules are loaded. The error says which value is wrong and what it can be.
    pub fn settings(&self) -> Result<Settings, String> {
        let priority = Priority::parse(&self.priority)
            .ok_or_else(|| format!("priority: `{}` is no priority, such as `warning`", self.priority))?;
        let rule_matching = match self.rule_matching.as_str() {
            "first" => RuleMatching::First,
            "all" => RuleMatching::All,
            other => return Err(format!("rule_matching: `{other}` is neither `first` nor `all`")),
        };
        Ok(Settings {
            priority,
            rule_matching,
            rules: self.rules.iter().map(RuleSelection::selection).collect::<Result<_, _>>()?,
            append_output: self.append_output.iter().map(AppendOutputConfig::settings).collect(),
            static_fields: self.static_fields.clone(),
            ..Settings::default()
        })
    }

    /// The host's name in alerts.
    pub fn hostname(&self) -> String {
        self.hostname.clone().unwrap_or_else(|| {
            nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        })
    }
}

impl RuleSelection {
    fn selection(&self) -> Result<Selection, String> {
        let (enable, selector) = match (&self.enable, &self.disable) {
            (Some(selector), None) => (true, selector),
            (None, Some(selector)) => (false, selector),
            _ => return Err("rules: each entry has `enable` or `disable`, and not both".to_owned()),
        };
        let by = match (&selector.rule, &selector.tag) {
            (Some(rule), None) => Selector::Rule(rule.clone()),
            (None, Some(tag)) => Selector::Tag(tag.clone()),
            _ => return Err("rules: each entry names a `rule` or a `tag`, and not both".to_owned()),
        };
        Ok(Selection { enable, by })
    }
}

impl AppendOutputConfig {
    fn settings(&self) -> AppendOutput {
        let mut extra_fields = Vec::new();
        for field in &self.extra_fields {
            match field {
                ExtraField::Field(name) => extra_fields.push((name.clone(), format!("%{name}"))),
                ExtraField::Keyed(map) => {
                    extra_fields.extend(map.iter().map(|(key, text)| (key.clone(), text.clone())));
                }
            }
        }
        AppendOutput {
            source: self.matches.source.clone(),
            tags: self.matches.tags.clone(),
            rule: self.matches.rule.clone(),
            extra_output: self.extra_output.clone(),
            extra_fields,
            suggested_output: self.suggested_output,
        }
    }
}
