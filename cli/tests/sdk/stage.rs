//! A hub with alerts, for one language's examples.

use std::process::Command;

use cadge_proto::Alert;
use cadge_proto::cadge::v1::Entry;

use crate::connection::Connection;
use crate::language::Language;
use crate::log;
use crate::support::{Process, Site, wait_for};
use crate::synthetic::Sensor;

/// Alerts in the log when an example starts: every kind, one of them large.
pub(crate) const ALERTS: u64 = 300;

/// A hub that says nothing of its own on a slow machine.
pub(crate) const QUIET: &str = "fleet:\n  silent_after_ms: 3600000\n";

/// How a program reaches the hub.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Tls,
    Socket,
}

impl Way {
    /// To a site's hub. `role` is the certificate's name too; the socket asks for none.
    pub(crate) fn to(self, site: &Site, role: &str) -> Connection {
        match self {
            Self::Tls => Connection::tls(site, role),
            Self::Socket => Connection::socket(&site.path("cadge.sock")),
        }
    }
}

/// A hub with alerts, and whose examples reach it how.
pub(crate) struct Stage {
    pub(crate) site: Site,
    sensor: Sensor,
    pub(crate) language: Language,
    pub(crate) way: Way,
    _hub: Process,
}

impl Stage {
    pub(crate) fn new(language: Language, way: Way) -> Self {
        let site = Site::new(QUIET);
        let hub = site.hub();
        let mut sensor = Sensor::connect(&site.path("cadge.sock"));
        sensor.send_up_to(ALERTS);
        Self { site, sensor, language, way, _hub: hub }
    }

    pub(crate) fn example(&self, name: &str) -> Command {
        self.language.example(name, &self.way.to(&self.site, "consumer"))
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        log::entries(&self.site.path("cadge.sock"))
    }

    pub(crate) fn alerts(&self) -> Vec<Alert> {
        log::alerts(&self.site.path("cadge.sock"))
    }

    pub(crate) fn more(&mut self, count: u64) {
        self.sensor.send_up_to(self.sensor.acknowledged + count);
    }

    pub(crate) fn wait_for_subscribers(&self, count: usize) {
        let line = format!("cadge_hub_subscribers{{api=\"cadge\"}} {count}");
        let found = || self.site.page("/metrics").lines().any(|found| found == line).then_some(());
        wait_for(&line, found);
    }
}

/// A line of each entry, made by `line`.
pub(crate) fn lines<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    line: impl Fn(&Entry, &Alert) -> String,
) -> String {
    entries.into_iter().map(|entry| line(entry, entry.alert.as_ref().unwrap()) + "\n").collect()
}

/// A priority's name as Falco writes it.
pub(crate) fn priority(alert: &Alert) -> &'static str {
    let names = ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];
    names[usize::try_from(alert.priority).unwrap()]
}
