//! The metrics page: what the hub has counted, and what is asked for when the page is.

mod text;
mod counter;
mod sensors;
mod hub;
mod matches;

use prometheus::{Registry, TextEncoder};

use crate::consume::Consumers;
use crate::fleet::Fleet;

use text::Family;

/// falco-exporter gives its metric no help, and Go's client writes that as an empty one.
const EVENTS_HELP: &str = "# HELP falco_events ";

/// All that the page is made of.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) registry: Registry,
    pub(crate) consumers: Consumers,
    pub(crate) fleet: Fleet,
    pub(crate) log_bytes_max: u64,
    pub(crate) metrics_sensors_max: usize,
}

impl Page {
    /// The page. What cannot be asked for now is left out.
    pub(crate) async fn text(&self) -> Result<String, prometheus::Error> {
        // Before the counts: a consumer that is said to have come so far has counted so far.
        let read = self.read().await;
        let counted = self.registry.gather();
        let mut page = without_help(&TextEncoder::new().encode_to_string(&counted)?);
        let mut families = hub::hub(&self.fleet);
        families.extend(counted.iter().find(|family| family.name() == "falco_events").map(matches::family));
        families.extend(sensors::families(&self.fleet.sensors(), self.metrics_sensors_max));
        families.extend(read);
        for family in families {
            family.write(&mut page);
        }
        Ok(page)
    }

    /// What the log has, and who has read how much of it.
    async fn read(&self) -> Vec<Family> {
        let mut families = Vec::new();
        match self.consumers.log().status().await {
            Ok(status) => {
                families.extend(hub::log(&status, self.log_bytes_max));
                match self.consumers.all().await {
                    Ok(all) => families.extend(hub::consumers(&all, status.head)),
                    Err(error) => tracing::warn!(%error, "the metrics are without consumers"),
                }
            }
            Err(error) => tracing::warn!(%error, "the metrics are without the log"),
        }
        families
    }
}

fn without_help(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    for line in page.lines() {
        text.push_str(if line.starts_with(EVENTS_HELP) { EVENTS_HELP } else { line });
        text.push('\n');
    }
    text
}
