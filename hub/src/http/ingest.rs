//! `POST /`: Falco's HTTP output. It is answered with 200 once the alerts are on disk. `POST /test`
//! makes an alert to try the way with.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use cadge_proto::raw::RawAlert;
use prost::Message as _;

use crate::falco_json::{self, Origin};
use crate::unordered::finish;

use super::Site;
use super::body::Bodies;
use super::caller::{self, Remote};
use super::callers::Caller;
use super::refusal::Refusal;
use super::together::Together;

/// Larger bodies are read on a thread where that holds up nobody.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// The log may take so long.
const LOG_TIME: Duration = Duration::from_secs(30);

/// Takes a body's alerts.
pub(super) async fn take(
    site: &Site,
    bodies: &Bodies,
    together: &Together,
    remote: &Remote,
    headers: &HeaderMap,
    body: Body,
) -> Result<(), Refusal> {
    let caller = caller::admit(site, remote, headers, "POST /")?;
    let sensor = sensor(&caller);
    let held = bodies.read(headers, body).await?;
    let hostname = remote.address.ip().to_canonical().to_string();
    let large = held.bytes.len() > INLINE_BYTES_MAX;
    let read = move || falco_json::read(&held.bytes, Origin { sensor: &sensor, hostname: &hostname });
    let alerts =
        if large { tokio::task::spawn_blocking(read).await.map_err(|_| Refusal::Log)? } else { read() };
    keep(site, together, &caller, remote, alerts.map_err(Refusal::Malformed)?).await
}

/// Raises falcosidekick's test alert.
pub(super) async fn test(
    site: &Site,
    together: &Together,
    remote: &Remote,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let caller = caller::admit(site, remote, headers, "POST /test")?;
    let sensor = sensor(&caller);
    let hostname = remote.address.ip().to_canonical().to_string();
    let alert = cadge_integrations::test_alert(&hostname, &sensor);
    let (identity, alert) = finish(alert);
    keep(site, together, &caller, remote, vec![(identity, RawAlert::new(alert.encode_to_vec()))]).await
}

async fn keep(
    site: &Site,
    together: &Together,
    caller: &Caller,
    remote: &Remote,
    alerts: Vec<(u64, RawAlert)>,
) -> Result<(), Refusal> {
    let count = alerts.len() as u64;
    let keeping = together.keep(sensor(caller), alerts, remote.silent);
    match tokio::time::timeout(LOG_TIME, keeping).await {
        Ok(Ok(())) => {
            site.counts.accepted(count);
            caller.handed_in(count);
            Ok(())
        }
        Ok(Err(error)) => {
            tracing::error!(%error, sensor = caller.peer.name, "alerts that came by HTTP can't be kept");
            Err(Refusal::Log)
        }
        Err(_) => {
            tracing::error!(
                sensor = caller.peer.name,
                "the log did not take alerts that came by HTTP in time"
            );
            Err(Refusal::Log)
        }
    }
}

/// The name under which the log keeps what a caller hands in.
fn sensor(caller: &Caller) -> String {
    format!("http/{}", caller.peer.name)
}
