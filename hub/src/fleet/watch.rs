//! Announces sensors that fall silent, and those that come back.
//!
//! A sensor that was stopped in order is silent too: whoever wants to be unseen stops it. One that will
//! not come back is forgotten by `cadge hub forget-sensor`. Where hubs share a log, each sensor belongs to
//! the hub that it has connected to last: that hub has put its mark under the sensor's name into the log,
//! and the others leave the sensor to it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use cadge_proto::Priority;
use cadge_proto::raw::v1::Sensor;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Fleet;
use super::roster::Moment;
use crate::announce::Announcer;

/// Cursors that are marks of sensors begin so.
pub(crate) const MARK: &str = "sensor/";

/// The sensors are written down so often.
const WRITE: Duration = Duration::from_secs(10);

/// They are looked at so often at least, and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

const SILENT_RULE: &str = "Cadge internal: sensor silent";
const BACK_RULE: &str = "Cadge internal: sensor back";

impl Fleet {
    /// Watches until it is told to stop.
    pub(crate) async fn watch(self, announcer: Announcer, stop: CancellationToken) {
        let mut look = tokio::time::interval((self.silent_after / 10).clamp(LOOK.0, LOOK.1));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut write = tokio::time::interval(WRITE);
        write.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut written = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = look.tick() => self.look(&announcer).await,
                _ = write.tick() => self.write(&mut written).await,
            }
        }
        self.write(&mut written).await;
    }

    async fn look(&self, announcer: &Announcer) {
        let now = Moment::now();
        if !self.forget_after.is_zero() {
            self.roster().forget_old(self.forget_after, now);
        }
        if self.silent_after.is_zero() {
            return;
        }
        let (silent, back) = {
            let roster = self.roster();
            (roster.fallen_silent(self.silent_after, now), roster.back())
        };
        for sensor in silent {
            if self.is_elsewhere(&sensor.sensor).await {
                self.forget(&sensor.sensor);
                continue;
            }
            self.roster().set_silent(&sensor.sensor, true);
            let text = format!(
                "The sensor {} on {} was not heard of for {} s",
                sensor.sensor,
                sensor.hostname,
                self.silent_after.as_secs_f64()
            );
            announcer.raise(SILENT_RULE, Priority::Critical, &text, fields(&sensor)).await;
        }
        for sensor in back {
            self.roster().set_silent(&sensor.sensor, false);
            let text = format!("The sensor {} on {} is back", sensor.sensor, sensor.hostname);
            announcer.raise(BACK_RULE, Priority::Notice, &text, fields(&sensor)).await;
        }
    }

    async fn write(&self, written: &mut u64) {
        let (version, sensors) = {
            let roster = self.roster();
            if roster.version == *written {
                return;
            }
            (roster.version, roster.all())
        };
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || store.write(sensors)).await {
            Ok(Ok(())) => *written = version,
            Ok(Err(error)) => {
                tracing::error!(%error, path = %self.store.path().display(), "the sensors can't be written down");
            }
            Err(_) => {}
        }
    }

    /// Marks a sensor as this hub's, where there are others.
    pub(super) async fn claim(&self, sensor: &str) {
        if !self.is_shared().await {
            return;
        }
        if let Err(error) = self.log.commit(&format!("{MARK}{sensor}"), self.store.hub).await {
            tracing::warn!(%error, sensor, "other hubs can't be told that the sensor is here: they may call it silent");
        }
    }

    /// Whether another hub has the sensor now.
    async fn is_elsewhere(&self, sensor: &str) -> bool {
        if !self.is_shared().await {
            return false;
        }
        let mark = self.log.cursor(&format!("{MARK}{sensor}")).await;
        matches!(mark, Ok(Some(hub)) if hub != self.store.hub)
    }

    /// A log in a file has one hub.
    async fn is_shared(&self) -> bool {
        self.log.status().await.is_ok_and(|status| status.kind != "sqlite")
    }
}

fn fields(sensor: &Sensor) -> BTreeMap<String, String> {
    let time = |time: Option<prost_types::Timestamp>| match time {
        Some(time) if SystemTime::try_from(time).is_ok() => time.to_string(),
        _ => "never".to_owned(),
    };
    let fields = [
        ("sensor", sensor.sensor.clone()),
        ("hostname", sensor.hostname.clone()),
        ("version", sensor.version.clone()),
        ("kernel", sensor.kernel.clone()),
        ("last_heartbeat", time(sensor.last_heartbeat)),
        ("last_seen", time(sensor.last_seen)),
        ("connected", sensor.connected.to_string()),
        ("spooled", sensor.spooled.to_string()),
    ];
    fields.map(|(name, text)| (name.to_owned(), text)).into()
}
