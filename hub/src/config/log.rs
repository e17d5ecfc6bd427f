//! The section `log`.

use std::path::PathBuf;

use serde::Deserialize;

/// Which log keeps the alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogKind {
    /// A file on this machine.
    #[default]
    Sqlite,
    /// A topic that several hubs share.
    Kafka,
}

/// How thoroughly the file is looked at before it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogCheck {
    /// The small tables, both ends of the alerts and samples between them: under a second.
    #[default]
    Quick,
    /// Every page of the file: about a second for each 500 MB.
    Full,
    /// Nothing but that it is a log.
    None,
}

/// The log of alerts.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Which log.
    pub kind: LogKind,
    /// The database file.
    pub path: PathBuf,
    /// Bytes on disk in all, with SQLite's `-wal` file. Past that the oldest alerts go.
    pub bytes_max: u64,
    /// Alerts that are older, in hours since they were received, go. 0: for ever.
    pub age_max_hours: u64,
    /// Alerts that are put on disk together, about.
    pub group_alerts_max: usize,
    /// How long an alert waits for others to be put on disk with, in milliseconds. 0: not at all. What
    /// comes while the disk is busy is put together anyway.
    ///
    /// 0 is the default: an alert that comes alone is put on disk at once. Whether waiting brings more alerts
    /// a second depends on the disk and the load; `CADGE_BENCH_ONLY=group_wait make bench-hub` measures it.
    pub group_wait_ms: u64,
    /// How thoroughly the file is looked at before it is used.
    pub check: LogCheck,
    /// The topic, for `kind: kafka`.
    pub kafka: KafkaLog,
}

/// The section `log.kafka`. Its keys are those of falcosidekick's section `kafka` where that has them.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaLog {
    /// Brokers to begin with: `host:port`, several with commas.
    pub hostport: String,
    /// The topic of the alerts, with one partition. Beside it there is `<topic>.state`. Both are made if
    /// they are missing.
    pub topic: String,
    /// The name under which the hub shows up at the brokers.
    pub clientid: String,
    /// Copies of each alert in topics that are made now; 0 for the brokers' own setting.
    pub replication: u16,
    /// How the hub says who it is: nothing, `PLAIN`, `SCRAM_SHA256` or `SCRAM_SHA512`.
    pub sasl: String,
    /// Whether connections are encrypted, and the brokers' certificates looked at.
    pub tls: bool,
    /// Who the hub is, for `sasl`.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Or a file with nothing else in it.
    pub password_file: Option<PathBuf>,
    /// Who has signed the brokers' certificates, in PEM. Nothing: whom the system trusts.
    pub cacertfile: Option<PathBuf>,
}

impl Default for KafkaLog {
    fn default() -> Self {
        Self {
            hostport: String::new(),
            topic: "cadge.alerts".to_owned(),
            clientid: "cadge".to_owned(),
            replication: 0,
            sasl: String::new(),
            tls: false,
            username: String::new(),
            password: String::new(),
            password_file: None,
            cacertfile: None,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            kind: LogKind::Sqlite,
            path: "/var/lib/cadge/log.db".into(),
            bytes_max: 4 << 30,
            age_max_hours: 0,
            group_alerts_max: 65_536,
            group_wait_ms: 0,
            check: LogCheck::Quick,
            kafka: KafkaLog::default(),
        }
    }
}
