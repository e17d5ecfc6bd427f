//! What containerd and CRI-O say of a container: the Container Runtime Interface, gRPC on a Unix socket.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use cadge_engine::{Container, Mount, Pod};
use cadge_proto::cri::image_service_client::ImageServiceClient;
use cadge_proto::cri::runtime_service_client::RuntimeServiceClient;
use cadge_proto::cri::{
    ContainerFilter, ContainerStatusRequest, ContainerStatusResponse, Image as CriImage, ImageSpec,
    ImageStatusRequest, ListContainersRequest, MountPropagation, NamespaceMode, PodSandboxStatusRequest,
    PodSandboxStatusResponse, VersionRequest,
};
use serde::Deserialize;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::image::Image;
use super::{Found, LookupError, labels};

/// One answer may take so long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The runtime behind one socket. Its connection is made when it is needed, and again when it broke.
#[derive(Debug)]
pub(super) struct Cri {
    channel: Channel,
    /// What it calls itself, once it has said so.
    name: tokio::sync::OnceCell<String>,
}

/// JSON that both runtimes add to the status of a container or a sandbox, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info {
    #[serde(rename = "sandboxID")]
    sandbox_id: Option<String>,
    /// CRI-O's.
    privileged: Option<bool>,
    /// containerd's: the request that made it.
    config: Option<InfoConfig>,
    #[serde(rename = "cniResult")]
    cni: Option<CniResult>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InfoConfig {
    linux: Option<InfoLinux>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InfoLinux {
    security_context: Option<InfoSecurity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InfoSecurity {
    privileged: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CniResult {
    #[serde(rename = "Interfaces")]
    interfaces: Option<BTreeMap<String, Option<CniInterface>>>,
}

#[derive(Debug, Default, Deserialize, serde::Serialize)]
#[serde(default)]
struct CniInterface {
    #[serde(rename = "IPConfigs")]
    ips: Option<Vec<CniIp>>,
}

#[derive(Debug, Default, Deserialize, serde::Serialize)]
#[serde(default, rename_all = "PascalCase")]
struct CniIp {
    gateway: Option<String>,
    #[serde(rename = "IP")]
    ip: Option<String>,
}

impl Info {
    fn read(info: &HashMap<String, String>) -> Self {
        info.get("info").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// containerd leaves out what is false.
    fn privileged(&self) -> Option<bool> {
        let config = self.config.as_ref();
        let asked = || {
            config?;
            let security = config.and_then(|config| config.linux.as_ref()?.security_context.as_ref());
            Some(security.and_then(|security| security.privileged).unwrap_or_default())
        };
        self.privileged.or_else(asked)
    }

    /// The addresses of each interface.
    fn cni_json(&self) -> String {
        let interfaces = self.cni.as_ref().and_then(|cni| cni.interfaces.as_ref());
        interfaces.and_then(|interfaces| serde_json::to_string(interfaces).ok()).unwrap_or_default()
    }
}

impl Cri {
    pub(super) fn new(socket: &Path) -> Result<Self, LookupError> {
        let endpoint =
            Endpoint::from_shared(format!("unix:{}", socket.display())).map_err(LookupError::new)?;
        let channel = endpoint.connect_timeout(TIMEOUT).timeout(TIMEOUT).connect_lazy();
        Ok(Self { channel, name: tokio::sync::OnceCell::new() })
    }

    /// Asks for a container, or the container of a sandbox; `None` if the runtime does not know it.
    pub(super) async fn look_up(&self, id: &str) -> Result<Option<Found>, LookupError> {
        let name = self.name.get_or_try_init(|| self.ask_name()).await?;
        let request = ContainerStatusRequest { container_id: id.to_owned(), verbose: true };
        let answer = known(RuntimeServiceClient::new(self.channel.clone()).container_status(request).await)?;
        let Some(status) = answer else {
            let sandbox = self.sandbox(id).await?;
            let container = sandbox.map(|sandbox| sandbox_container(&sandbox, name));
            return Ok(container.map(|container| Found { container, is_partial: false }));
        };
        let spec = status.status.as_ref().map(|status| status.image_ref.clone()).unwrap_or_default();
        let (sandbox, image) = tokio::join!(self.sandbox_of(id, &status), self.image(spec));
        let is_partial = sandbox.is_err() || image.is_err();
        let (sandbox, image) = (sandbox.unwrap_or_default(), image.unwrap_or_default());
        let container = container(&status, sandbox.as_ref(), image, name);
        Ok(Some(Found { container, is_partial }))
    }

    async fn ask_name(&self) -> Result<String, LookupError> {
        let request = VersionRequest { version: "v1".to_owned() };
        let answer = RuntimeServiceClient::new(self.channel.clone()).version(request).await;
        Ok(answer.map_err(LookupError::new)?.into_inner().runtime_name)
    }

    async fn sandbox(&self, id: &str) -> Result<Option<PodSandboxStatusResponse>, LookupError> {
        let request = PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: true };
        known(RuntimeServiceClient::new(self.channel.clone()).pod_sandbox_status(request).await)
    }

    /// The sandbox of a container. Only lists of containers name it in every runtime.
    async fn sandbox_of(
        &self,
        id: &str,
        status: &ContainerStatusResponse,
    ) -> Result<Option<PodSandboxStatusResponse>, LookupError> {
        let mut sandbox = Info::read(&status.info).sandbox_id.filter(|id| !id.is_empty());
        if sandbox.is_none() {
            let id = status.status.as_ref().map_or(id, |status| &status.id).to_owned();
            let request = ListContainersRequest { filter: Some(ContainerFilter { id }) };
            let list = RuntimeServiceClient::new(self.channel.clone()).list_containers(request).await;
            let list = list.map_err(LookupError::new)?.into_inner();
            sandbox = list.containers.into_iter().next().map(|container| container.pod_sandbox_id);
        }
        match sandbox {
            Some(sandbox) => self.sandbox(&sandbox).await,
            None => Ok(None),
        }
    }

    /// Empty for an image that is not there any more.
    async fn image(&self, image: String) -> Result<CriImage, LookupError> {
        let request = ImageStatusRequest { image: Some(ImageSpec { image }) };
        let answer = ImageServiceClient::new(self.channel.clone()).image_status(request).await;
        Ok(known(answer)?.and_then(|answer| answer.image).unwrap_or_default())
    }
}

/// Something that is not there is no error.
fn known<T>(answer: Result<tonic::Response<T>, Status>) -> Result<Option<T>, LookupError> {
    match answer {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(LookupError::new(status)),
    }
}

fn container(
    answer: &ContainerStatusResponse,
    sandbox: Option<&PodSandboxStatusResponse>,
    image: CriImage,
    runtime: &str,
) -> Container {
    let status = answer.status.clone().unwrap_or_default();
    let mount = |mount: &cadge_proto::cri::Mount| Mount {
        source: mount.host_path.clone(),
        destination: mount.container_path.clone(),
        mode: String::new(),
        is_writable: !mount.readonly,
        propagation: propagation(mount.propagation()).to_owned(),
    };
    let mut container = sandbox.map(of_sandbox).unwrap_or_default();
    container.full_id = status.id;
    container.name = status.metadata.unwrap_or_default().name;
    runtime.clone_into(&mut container.runtime);
    container.privileged = Info::read(&answer.info).privileged();
    container.mounts = status.mounts.iter().map(mount).collect();
    // It may have been asked for just before it is started.
    let started_at = if status.started_at > 0 { status.started_at } else { status.created_at };
    container.start_ns = u64::try_from(started_at).unwrap_or_default();
    container.labels = labels(status.labels);
    container.pod = super::pod(&container.labels, container.pod);
    let image_id = [image.id, status.image_id, status.image_ref.clone()];
    let digests =
        image.repo_digests.into_iter().chain(Some(status.image_ref).filter(|name| name.contains('@')));
    let image = Image {
        given: status.image.unwrap_or_default().image,
        id: image_id.into_iter().find(|id| !id.is_empty() && !id.contains('@')).unwrap_or_default(),
        tags: image.repo_tags,
        digests: digests.collect(),
    };
    image.describe(&mut container);
    container
}

/// The container that only holds a pod's namespaces.
fn sandbox_container(sandbox: &PodSandboxStatusResponse, runtime: &str) -> Container {
    let mut container = of_sandbox(sandbox);
    container.full_id.clone_from(&container.pod.sandbox_id);
    container.name.clone_from(&container.pod.name);
    runtime.clone_into(&mut container.runtime);
    container.privileged = Info::read(&sandbox.info).privileged();
    container.labels = container.pod.labels.clone();
    container
}

/// What a sandbox says of every container in it.
fn of_sandbox(sandbox: &PodSandboxStatusResponse) -> Container {
    let status = sandbox.status.clone().unwrap_or_default();
    let metadata = status.metadata.unwrap_or_default();
    let namespaces = status.linux.and_then(|linux| linux.namespaces?.options);
    let is_host = |mode: i32| mode == NamespaceMode::Node as i32;
    let ip = status.network.map(|network| network.ip).unwrap_or_default();
    let start_ns = u64::try_from(status.created_at).unwrap_or_default();
    Container {
        cni_json: Info::read(&sandbox.info).cni_json(),
        host_ipc: namespaces.as_ref().map(|options| is_host(options.ipc)),
        host_network: namespaces.as_ref().map(|options| is_host(options.network)),
        host_pid: namespaces.as_ref().map(|options| is_host(options.pid)),
        ip: ip.clone(),
        start_ns,
        pod: Pod {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            sandbox_id: status.id,
            ip,
            labels: labels(status.labels),
        },
        ..Container::default()
    }
}

fn propagation(propagation: MountPropagation) -> &'static str {
    match propagation {
        MountPropagation::PropagationPrivate => "private",
        MountPropagation::PropagationHostToContainer => "rslave",
        MountPropagation::PropagationBidirectional => "rshared",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message as _;

    fn info(text: &str) -> HashMap<String, String> {
        HashMap::from([("info".to_owned(), text.to_owned())])
    }

    #[test]
    fn what_runtimes_add_is_understood() {
        let containerd =
            r#"{"sandboxID": "s", "config": {"linux": {"security_context": {"privileged": true}}}}"#;
        let have = Info::read(&info(containerd));
        assert_eq!((have.sandbox_id.as_deref(), have.privileged()), (Some("s"), Some(true)));
        let unprivileged = Info::read(&info(r#"{"config": {"metadata": {"name": "c"}}}"#));
        assert_eq!(unprivileged.privileged(), Some(false));
        let cri_o = Info::read(&info(r#"{"sandboxID": "s", "privileged": true, "runtimeSpec": {}}"#));
        assert_eq!(cri_o.privileged(), Some(true));
        let cni = r#"{"cniResult": {"Interfaces": {"eth0": {"IPConfigs": [{"IP": "10.0.0.2", "Gateway": "10.0.0.1"}],
            "Mac": "x"}, "cni0": {"IPConfigs": null}}, "DNS": []}}"#;
        let expected =
            r#"{"cni0":{"IPConfigs":null},"eth0":{"IPConfigs":[{"Gateway":"10.0.0.1","IP":"10.0.0.2"}]}}"#;
        assert_eq!(Info::read(&info(cni)).cni_json(), expected);
        assert_eq!(Info::read(&info("no json")).privileged(), None);
    }

    proptest! {
        #[test]
        fn any_answer_makes_a_container_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
            let mut status = ContainerStatusResponse::decode(bytes.as_slice()).unwrap_or_default();
            let mut sandbox = PodSandboxStatusResponse::decode(bytes.as_slice()).unwrap_or_default();
            let image = CriImage::decode(bytes.as_slice()).unwrap_or_default();
            status.info = info(&text);
            sandbox.info = info(&text);
            container(&status, Some(&sandbox), image, "containerd");
            sandbox_container(&sandbox, "containerd");
        }
    }
}
