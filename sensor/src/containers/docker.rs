//! What Docker and Podman say of a container: HTTP on a Unix socket, and JSON of Docker's shape.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use cadge_engine::{Container, Mount, Pod};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::StatusCode;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::UnixStream;

use super::image::Image;
use super::{Found, LookupError, labels};

/// Bytes of one answer.
const BYTES_MAX: usize = 4 << 20;

/// Containers as `GET /containers/ID/json` answers. Go writes `null` for what is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Inspected {
    id: Option<String>,
    name: Option<String>,
    image: Option<String>,
    config: Option<Config>,
    host_config: Option<HostConfig>,
    state: Option<State>,
    mounts: Option<Vec<InspectedMount>>,
    network_settings: Option<NetworkSettings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    image: Option<String>,
    labels: Option<HashMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HostConfig {
    privileged: Option<bool>,
    network_mode: Option<String>,
    pid_mode: Option<String>,
    ipc_mode: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct State {
    started_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct InspectedMount {
    source: Option<String>,
    destination: Option<String>,
    mode: Option<String>,
    #[serde(rename = "RW")]
    rw: Option<bool>,
    propagation: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NetworkSettings {
    #[serde(rename = "IPAddress")]
    ip: Option<String>,
    #[serde(rename = "Networks")]
    networks: Option<HashMap<String, Option<Network>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Network {
    #[serde(rename = "IPAddress")]
    ip: Option<String>,
}

/// Images as `GET /images/NAME/json` answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct InspectedImage {
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

/// Asks for a container; `None` if the runtime does not know it.
pub(super) async fn look_up(
    socket: &Path,
    runtime: &'static str,
    id: &str,
) -> Result<Option<Found>, LookupError> {
    let Some(bytes) = get(socket, &format!("/containers/{id}/json")).await? else { return Ok(None) };
    let inspected: Inspected = serde_json::from_slice(&bytes).map_err(LookupError::new)?;
    let name = inspected.image.as_deref().unwrap_or_default();
    let (mut image, mut is_partial) = (InspectedImage::default(), false);
    if !name.is_empty() {
        match get(socket, &format!("/images/{name}/json")).await {
            Ok(Some(bytes)) => image = serde_json::from_slice(&bytes).unwrap_or_default(),
            // An image that is gone already costs its digest only.
            Ok(None) => {}
            Err(_) => is_partial = true,
        }
    }
    Ok(Some(Found { container: container(inspected, image, runtime), is_partial }))
}

fn container(inspected: Inspected, image: InspectedImage, runtime: &str) -> Container {
    let config = inspected.config.unwrap_or_default();
    let host = inspected.host_config.unwrap_or_default();
    let is_host = |mode: &Option<String>| mode.as_ref().map(|mode| mode == "host");
    let text = Option::unwrap_or_default;
    let mount = |mount: InspectedMount| Mount {
        source: text(mount.source),
        destination: text(mount.destination),
        mode: text(mount.mode),
        is_writable: mount.rw.unwrap_or_default(),
        propagation: text(mount.propagation),
    };
    let labels = labels(config.labels.unwrap_or_default());
    let mut container = Container {
        full_id: text(inspected.id),
        name: text(inspected.name).trim_start_matches('/').to_owned(),
        runtime: runtime.to_owned(),
        privileged: host.privileged,
        mounts: inspected.mounts.unwrap_or_default().into_iter().map(mount).collect(),
        host_ipc: is_host(&host.ipc_mode),
        host_network: is_host(&host.network_mode),
        host_pid: is_host(&host.pid_mode),
        start_ns: unix_ns(inspected.state.unwrap_or_default().started_at),
        ip: address(inspected.network_settings.unwrap_or_default()),
        pod: super::pod(&labels, Pod::default()),
        labels,
        ..Container::default()
    };
    let image = Image {
        given: text(config.image),
        id: text(inspected.image),
        tags: image.repo_tags.unwrap_or_default(),
        digests: image.repo_digests.unwrap_or_default(),
    };
    image.describe(&mut container);
    container
}

/// 0 for what is no time, or before 1970: what has not started has a time in the year 1.
fn unix_ns(time: Option<String>) -> u64 {
    let time = time.and_then(|time| time.parse::<jiff::Timestamp>().ok());
    time.and_then(|time| u64::try_from(time.as_nanosecond()).ok()).unwrap_or_default()
}

fn address(settings: NetworkSettings) -> String {
    let mut networks: Vec<(String, Option<Network>)> =
        settings.networks.unwrap_or_default().into_iter().collect();
    networks.sort_by(|one, other| one.0.cmp(&other.0));
    let others = networks.into_iter().filter_map(|(_, network)| network?.ip);
    settings.ip.into_iter().chain(others).find(|ip| !ip.is_empty()).unwrap_or_default()
}

/// The body of an answer; `None` if there is no such thing.
async fn get(socket: &Path, path: &str) -> Result<Option<Bytes>, LookupError> {
    let stream = UnixStream::connect(socket).await.map_err(LookupError::new)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(LookupError::new)?;
    let request = hyper::Request::get(path)
        .header(hyper::header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(LookupError::new)?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(LookupError::new)?;
        match answer.status() {
            StatusCode::OK => {
                let body = Limited::new(answer.into_body(), BYTES_MAX);
                let body = body.collect().await.map_err(|error| LookupError(error.to_string()))?;
                Ok(Some(body.to_bytes()))
            }
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(LookupError(format!("the answer to {path} was {status}"))),
        }
    };
    // The connection ends with the exchange.
    tokio::select! {
        answer = exchange => answer,
        Err(error) = connection => Err(LookupError::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_is_understood() {
        let inspected = r#"{
            "Id": "0123456789abcdef", "Name": "/web", "Image": "sha256:feedfeedfeedfeed",
            "Config": {"Image": "nginx", "Labels": {"a": "1", "io.kubernetes.pod.name": "p",
                "io.kubernetes.pod.namespace": "n", "io.kubernetes.pod.uid": "u", "io.kubernetes.sandbox.id": "s"}},
            "HostConfig": {"Privileged": true, "NetworkMode": "bridge", "PidMode": "host", "IpcMode": ""},
            "State": {"StartedAt": "1970-01-01T00:00:01.5Z"},
            "Mounts": [{"Source": "/etc", "Destination": "/host", "Mode": "ro", "RW": false, "Propagation": "rprivate"}],
            "NetworkSettings": {"IPAddress": "", "Networks": {"b": {"IPAddress": "10.0.0.2"}, "a": null}}
        }"#;
        let image = r#"{"RepoTags": null, "RepoDigests": ["nginx@sha256:1"]}"#;
        let inspected = serde_json::from_str(inspected).unwrap();
        let have = container(inspected, serde_json::from_str(image).unwrap(), "docker");
        assert_eq!(
            (have.name.as_str(), have.runtime.as_str(), have.image_id.as_str()),
            ("web", "docker", "feedfeedfeed")
        );
        assert_eq!(
            (have.repository.as_str(), have.tag.as_str(), have.digest.as_str()),
            ("nginx", "latest", "sha256:1")
        );
        assert_eq!(
            (have.privileged, have.host_pid, have.host_network),
            (Some(true), Some(true), Some(false))
        );
        assert_eq!((have.start_ns, have.ip.as_str()), (1_500_000_000, "10.0.0.2"));
        let pod = have.pod;
        let pod = [&pod.name, &pod.namespace, &pod.uid, &pod.sandbox_id].map(String::as_str);
        assert_eq!(pod, ["p", "n", "u", "s"]);
        assert_eq!((have.mounts.len(), have.mounts[0].mode.as_str()), (1, "ro"));
    }

    /// JSON that looks like an answer here and there.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[0-9a-z:/@.TZ-]{0,20}".prop_map(Into::into),
        ];
        let keys = prop::sample::select(vec![
            "Id",
            "Name",
            "Image",
            "Config",
            "Labels",
            "HostConfig",
            "Privileged",
            "State",
            "StartedAt",
            "Mounts",
            "Source",
            "RW",
            "NetworkSettings",
            "IPAddress",
            "Networks",
            "RepoTags",
            "RepoDigests",
        ]);
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_answer_is_understood_or_refused(inspected in json(), image in json()) {
            if let Ok(inspected) = serde_json::from_value::<Inspected>(inspected) {
                let image = serde_json::from_value(image).unwrap_or_default();
                let have = container(inspected, image, "docker");
                prop_assert!(have.image_id.len() <= 12 * 4);
            }
        }

        #[test]
        fn any_time_is_a_time_or_none(time in "[0-9TZ:.+-]{0,30}") {
            unix_ns(Some(time));
        }
    }
}
