//! A whole sensor on the live kernel: rules, container runtimes, spool; only the hub is missing.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cadge_engine::{RuleFile, Ruleset, Settings};
use cadge_proto::Alert;
use cadge_sensor::config::{ContainerEngine, ContainerEngines};
use cadge_sensor::source::{SourceSettings, ebpf};
use cadge_sensor::{Config, Sensor, Spool, SpoolSettings};
use prost::Message as _;

use super::live::{PATIENCE, skipped};

/// The sensor, and where its alerts are.
pub(crate) struct Sentry {
    runtime: tokio::runtime::Runtime,
    sensor: Sensor,
    dir: tempfile::TempDir,
}

/// Only the sockets of a test.
pub(crate) fn engines(cri: &[&Path], docker: &[&Path], podman: &[&Path]) -> ContainerEngines {
    let engine = |sockets: &[&Path]| ContainerEngine {
        enabled: true,
        sockets: sockets.iter().map(|socket| socket.to_path_buf()).collect(),
    };
    // A machine under load may answer late; what is tested is that the answer is waited for.
    ContainerEngines {
        cri: engine(cri),
        docker: engine(docker),
        podman: engine(podman),
        pending_timeout_ms: 20_000,
        ..ContainerEngines::default()
    }
}

impl Sentry {
    /// `None`, said aloud, where the machine does not allow it. The caller watches alone.
    pub(crate) fn start(test: &str, rules: &str, engines: ContainerEngines) -> Option<Self> {
        let check = ebpf::check().to_string();
        if check.contains("missing") {
            skipped(test, &check);
            return None;
        }
        let report = Ruleset::load(&[RuleFile { name: "rules", text: rules }], &Settings::default());
        let ruleset = Arc::new(report.ruleset.unwrap_or_else(|| panic!("{:?}", report.errors)));
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config { container_engines: engines, ..Config::default() };
        config.spool.path = dir.path().join("spool");
        for path in [&mut config.hub.cert_chain, &mut config.hub.private_key, &mut config.hub.root_certs] {
            *path = dir.path().join("none.pem");
            std::fs::write(path, "").unwrap();
        }
        let settings = SourceSettings {
            event_types: ruleset.needs().iter().map(|need| need.kind).collect(),
            ..SourceSettings::default()
        };
        let source = ebpf::Ebpf::open(&settings).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sensor =
            runtime.block_on(async { Sensor::start(config, ruleset, vec![Box::new(source)]) }).unwrap();
        Some(Self { runtime, sensor, dir })
    }

    /// Waits until a counter has come so far, or until it has waited for long enough.
    pub(crate) fn wait(&self, counter: &str, count: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.counters()[counter] < count && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn counters(&self) -> HashMap<String, u64> {
        self.sensor.counters().into_iter().collect()
    }

    /// Stops it, and answers its alerts.
    pub(crate) fn stop(self) -> Vec<Alert> {
        self.runtime.block_on(self.sensor.stop());
        let settings = SpoolSettings { bytes_max: 1 << 30, segment_bytes: 8 << 20 };
        let spool = Spool::open(&self.dir.path().join("spool"), settings).unwrap();
        let batch = spool.read(0, 1000, 1 << 24).unwrap();
        batch.alerts.iter().map(|bytes| Alert::decode(bytes.clone()).unwrap()).collect()
    }
}
