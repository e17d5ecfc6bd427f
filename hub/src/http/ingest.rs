//! `POST /`: Falco's HTTP output. It is answered with 200 once the alerts are on disk. `POST /test`
//! makes an alert to try the way with.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use cadge_proto::raw::RawAlert;
use prost::Message as _;

use crate::falco_json::{self, Origin};

use super::Site;
use super::body::Bodies;
use super::caller::{self, Remote};
use super::callers::Caller;
use super::refusal::Refusal;

/// Larger bodies are read on a thread where that holds up nobody.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// The log may take so long.
const LOG_TIME: Duration = Duration::from_secs(30);

/// Takes a body's alerts.
pub(super) async fn take(
    site: &Site,
    bodies: &Bodies,
    remote: &Remote,
    headers: &HeaderMap,
    body: Body,
) -> Result<(), Refusal> {
    let caller = caller::admit(site, remote, headers, "POST /")?;
    let sensor = format!("http/{}", caller.peer.name);
    let held = bodies.read(headers, body).await?;
    let hostname = remote.address.ip().to_canonical().to_string();
    let (name, large) = (sensor.clone(), held.bytes.len() > INLINE_BYTES_MAX);
    let read = move || falco_json::read(&held.bytes, Origin { sensor: &name, hostname: &hostname });
    let alerts =
        if large { tokio::task::spawn_blocking(read).await.map_err(|_| Refusal::Log)? } else { read() };
    keep(site, &caller, &sensor, alerts.map_err(Refusal::Malformed)?).await
}

/// Raises falcosidekick's test alert.
pub(super) async fn test(site: &Site, remote: &Remote, headers: &HeaderMap) -> Result<(), Refusal> {
    let caller = caller::admit(site, remote, headers, "POST /test")?;
    let sensor = format!("http/{}", caller.peer.name);
    let hostname = remote.address.ip().to_canonical().to_string();
    let alert = cadge_integrations::test_alert(&hostname, &sensor);
    let (identity, alert) = falco_json::finish(alert);
    keep(site, &caller, &sensor, vec![(identity, RawAlert::new(alert.encode_to_vec()))]).await
}

async fn keep(
    site: &Site,
    caller: &Caller,
    sensor: &str,
    alerts: Vec<(u64, RawAlert)>,
) -> Result<(), Refusal> {
    let count = alerts.len() as u64;
    match tokio::time::timeout(LOG_TIME, site.unordered.keep(sensor, alerts)).await {
        Ok(Ok(_)) => {
            site.counts.accepted(count);
            caller.handed_in(count);
            Ok(())
        }
        Ok(Err(error)) => {
            tracing::error!(%error, sensor, "alerts that came by HTTP can't be kept");
            Err(Refusal::Log)
        }
        Err(_) => {
            tracing::error!(sensor, "the log did not take alerts that came by HTTP in time");
            Err(Refusal::Log)
        }
    }
}
