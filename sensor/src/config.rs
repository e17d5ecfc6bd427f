//! The sensor's configuration. Names are Falco's where Falco has the thing.

use std::path::PathBuf;

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
    /// Where events come from: `ebpf`.
    pub sources: Vec<String>,
    /// The queue between the rules and the disk.
    pub outputs_queue: OutputsQueue,
    /// Alerts on disk until the hub has them.
    pub spool: SpoolConfig,
    /// Where alerts go.
    pub hub: HubConfig,
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
            sources: vec!["ebpf".to_owned()],
            outputs_queue: OutputsQueue::default(),
            spool: SpoolConfig::default(),
            hub: HubConfig::default(),
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
    /// The host's name in alerts.
    pub fn hostname(&self) -> String {
        self.hostname.clone().unwrap_or_else(|| {
            nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        })
    }
}
