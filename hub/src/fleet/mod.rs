//! What is known of each sensor: who it is, whether it lives, what it has counted.
//!
//! Fed by ingest, asked by the status and the metrics. `watch.rs` misses those that fall silent.

mod roster;
mod store;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cadge_proto::raw::v1::{Heartbeat, Hello, Sensor};

use crate::config::{FleetConfig, LogConfig, LogKind};
use crate::log::Log;
use roster::{Moment, Roster};
use store::Store;
pub(crate) use watch::MARK;

/// The fleet. Clones are the same.
#[derive(Clone)]
pub(crate) struct Fleet {
    roster: Arc<Mutex<Roster>>,
    store: Store,
    log: Arc<dyn Log>,
    silent_after: Duration,
    forget_after: Duration,
    /// Since when the hub runs.
    pub(crate) started: SystemTime,
}

/// What a fleet has left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) sensors: u64,
    pub(crate) counters: u64,
}

impl Fleet {
    /// Remembers the sensors of before.
    pub(crate) fn open(config: &FleetConfig, log_config: &LogConfig, log: Arc<dyn Log>) -> Self {
        let path = config.path.clone().or_else(|| beside(log_config));
        let (store, sensors) = Store::open(path);
        let roster = Roster::new(sensors, config.sensors_max, Moment::now());
        Self {
            roster: Arc::new(Mutex::new(roster)),
            store,
            log,
            silent_after: Duration::from_millis(config.silent_after_ms),
            forget_after: Duration::from_secs(config.forget_after_hours.saturating_mul(3600)),
            started: SystemTime::now(),
        }
    }

    /// A sensor has connected. It counts as connected for as long as the answer lives.
    pub(crate) async fn connected(&self, hello: &Hello, acknowledged: u64) -> Contact {
        self.roster().connected(hello, acknowledged, Moment::now());
        let contact = Contact { fleet: self.clone(), name: hello.sensor.clone() };
        self.claim(&hello.sensor).await;
        contact
    }

    /// Every sensor, sorted by name.
    pub(crate) fn sensors(&self) -> Vec<Sensor> {
        self.roster().all()
    }

    /// Forgets a sensor. Answers whether it was known.
    pub(crate) fn forget(&self, name: &str) -> bool {
        self.roster().forget(name)
    }

    /// What was left out so far.
    pub(crate) fn left_out(&self) -> LeftOut {
        let roster = self.roster();
        LeftOut { sensors: roster.forgotten, counters: roster.counters_refused }
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log that is no file has no place beside it.
fn beside(log: &LogConfig) -> Option<PathBuf> {
    (log.kind == LogKind::Sqlite).then(|| log.path.with_extension("fleet"))
}

/// One connection of a sensor.
pub(crate) struct Contact {
    fleet: Fleet,
    name: String,
}

impl Contact {
    pub(crate) fn heartbeat(&self, beat: Heartbeat) {
        self.fleet.roster().heartbeat(&self.name, beat, Moment::now());
    }

    pub(crate) fn batch(&self) {
        self.fleet.roster().batch(&self.name, Moment::now());
    }

    pub(crate) fn acknowledged(&self, sequence: u64) {
        self.fleet.roster().acknowledged(&self.name, sequence);
    }
}

impl Drop for Contact {
    fn drop(&mut self) {
        self.fleet.roster().gone(&self.name, Moment::now());
    }
}
