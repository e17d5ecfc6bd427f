//! Containers of real runtimes: what happens in them has their image, name and pod, however short they live.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cadge_proto::Alert;
use cadge_proto::cri::image_service_client::ImageServiceClient;
use cadge_proto::cri::runtime_service_client::RuntimeServiceClient;
use cadge_proto::cri::{
    ContainerConfig, ContainerMetadata, CreateContainerRequest, ImageSpec, ImageStatusRequest,
    LinuxPodSandboxConfig, LinuxSandboxSecurityContext, Mount, NamespaceMode, NamespaceOption,
    PodSandboxConfig, PodSandboxMetadata, RemovePodSandboxRequest, RunPodSandboxRequest,
    StartContainerRequest, StopPodSandboxRequest,
};
use cadge_sensor::config::ContainerEngines;
use nix::sys::signal::Signal;
use tonic::transport::{Channel, Endpoint};

use super::live::{PATIENCE, skipped};
use super::runtimes::{IMAGE, Place, containerd, succeed};
use super::sentry::{Sentry, engines};

/// One rule whose condition has to wait for the answer, and one whose output has to.
const RULES: &str = "
- rule: Shadow of the probe
  desc: d
  condition: evt.type in (open, openat) and fd.name = /etc/shadow and container.image.repository = localhost/cadge-probe
  output: >
    id=%container.id full=%container.full_id image=%container.image tag=%container.image.tag
    digest=%container.image.digest image_id=%container.image.id name=%container.name type=%container.type
    privileged=%container.privileged mounts=%container.mounts labels=%container.labels label=%container.label[tier]
    host_pid=%container.host_pid host_network=%container.host_network start=%container.start_ts
    pod=%k8s.pod.name ns=%k8s.ns.name uid=%k8s.pod.uid sandbox=%k8s.pod.sandbox_id pod_labels=%k8s.pod.labels
    exe=%proc.name parent=%proc.pname
  priority: WARNING
- rule: Shadow of any container
  desc: d
  condition: evt.type in (open, openat) and fd.name = /etc/shadow and container.id != host
  output: id=%container.id name=%container.name
  priority: WARNING
";

/// Where the cgroups of the test's pods are: no kubelet looks after these.
const CGROUP: &str = "/cadge-test";

/// What runs containers of containerd.
const CONTAINERD: &[&str] = &["containerd", "ctr", "runc", "containerd-shim-runc-v2"];

/// The arguments with which the probe reads /etc/shadow before each pause.
fn probe(pauses_ms: &[u32]) -> Vec<String> {
    let (open, pause) = (libc::SYS_openat, libc::SYS_nanosleep);
    let step = |ms: &u32| {
        let ns = u64::from(*ms) * 1_000_000;
        format!("{open} -100 s:/etc/shadow 0 0 . {pause} {{ u64:0 u64:{ns} }} 0")
    };
    let steps: Vec<String> = pauses_ms.iter().map(step).collect();
    format!("/probe native {}", steps.join(" . ")).split(' ').map(str::to_owned).collect()
}

fn field<'a>(alert: &'a Alert, name: &str) -> &'a str {
    alert.output_fields.get(name).map_or("", String::as_str)
}

/// The alerts of the test's containers.
fn own(alerts: &[Alert]) -> Vec<&Alert> {
    alerts.iter().filter(|alert| alert.rule == "Shadow of the probe").collect()
}

/// containerd's own interface, asked to do what a kubelet would.
struct Kubelet {
    runtime: tokio::runtime::Runtime,
    channel: Channel,
    pods: Vec<String>,
}

impl Kubelet {
    fn new(socket: &Path) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap();
        // A runtime that a failed test leaves stopped never answers.
        let channel = runtime.block_on(endpoint.timeout(PATIENCE).connect()).unwrap();
        Self { runtime, channel, pods: Vec::new() }
    }

    fn client(&self) -> RuntimeServiceClient<Channel> {
        RuntimeServiceClient::new(self.channel.clone())
    }

    fn image_id(&self) -> String {
        let request = ImageStatusRequest { image: Some(ImageSpec { image: IMAGE.to_owned() }) };
        let answer =
            self.runtime.block_on(ImageServiceClient::new(self.channel.clone()).image_status(request));
        answer.unwrap().into_inner().image.unwrap().id
    }

    /// A pod on the network of the host, so that it needs no plugin, and its sandbox's id.
    fn pod(&mut self, name: &str) -> (PodSandboxConfig, String) {
        let options = NamespaceOption {
            network: NamespaceMode::Node as i32,
            pid: NamespaceMode::Container as i32,
            ipc: NamespaceMode::Pod as i32,
        };
        let uid = format!("11111111-2222-3333-4444-{:012}", std::process::id());
        let config = PodSandboxConfig {
            metadata: Some(PodSandboxMetadata {
                name: name.to_owned(),
                uid: uid.clone(),
                namespace: "cadge-test".to_owned(),
                attempt: 0,
            }),
            labels: HashMap::from([("app".to_owned(), "probe".to_owned())]),
            linux: Some(LinuxPodSandboxConfig {
                cgroup_parent: format!("{CGROUP}/pod{uid}"),
                security_context: Some(LinuxSandboxSecurityContext {
                    namespace_options: Some(options),
                    privileged: false,
                }),
            }),
            ..PodSandboxConfig::default()
        };
        let request = RunPodSandboxRequest { config: Some(config.clone()) };
        let answer = self.runtime.block_on(self.client().run_pod_sandbox(request)).unwrap();
        let id = answer.into_inner().pod_sandbox_id;
        self.pods.push(id.clone());
        (config, id)
    }

    /// Starts a container in a pod, and answers its id.
    fn container(&self, pod: &(PodSandboxConfig, String), name: &str, command: Vec<String>) -> String {
        let mount = Mount {
            container_path: "/host".to_owned(),
            host_path: "/proc/sys".to_owned(),
            readonly: true,
            propagation: 0,
        };
        let labels = [("tier", "back"), ("io.kubernetes.container.name", name)];
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: name.to_owned(), attempt: 0 }),
            image: Some(ImageSpec { image: IMAGE.to_owned() }),
            command,
            mounts: vec![mount],
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..ContainerConfig::default()
        };
        let request = CreateContainerRequest {
            pod_sandbox_id: pod.1.clone(),
            config: Some(config),
            sandbox_config: Some(pod.0.clone()),
        };
        self.runtime.block_on(async {
            let id = self.client().create_container(request).await.unwrap().into_inner().container_id;
            self.client().start_container(StartContainerRequest { container_id: id.clone() }).await.unwrap();
            id
        })
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        for pod_sandbox_id in std::mem::take(&mut self.pods) {
            let mut client = self.client();
            self.runtime.block_on(async {
                let _ = client
                    .stop_pod_sandbox(StopPodSandboxRequest { pod_sandbox_id: pod_sandbox_id.clone() })
                    .await;
                let _ = client.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id }).await;
            });
        }
        // Nobody else removes the cgroups, of any version.
        let _ = Command::new("sh")
            .args([
                "-c",
                "find /sys/fs/cgroup$0 /sys/fs/cgroup/*$0 -depth -type d -exec rmdir {} + 2> /dev/null",
            ])
            .arg(CGROUP)
            .status();
    }
}

#[test]
fn a_container_of_50_ms_has_its_image_pod_and_namespace() {
    let test = "a container through CRI";
    let place = match Place::new("cri", CONTAINERD) {
        Ok(place) => place,
        Err(why) => return skipped(test, &why),
    };
    let (_containerd, socket) = containerd(&place);
    let mut kubelet = Kubelet::new(&socket);
    let Some(sentry) = Sentry::start(test, RULES, engines(&[&socket], &[], &[])) else { return };
    let pod = kubelet.pod("short");
    let ids: Vec<String> =
        (0..3).map(|at| kubelet.container(&pod, &format!("brief-{at}"), probe(&[50]))).collect();
    sentry.wait("alerts_spooled_total", 3);
    let counters = sentry.counters();
    let alerts = sentry.stop();
    let alerts = own(&alerts);
    assert_eq!(alerts.len(), 3, "{counters:?}");
    let image_id = kubelet.image_id();
    for (at, id) in ids.iter().enumerate() {
        let alert = alerts.iter().find(|alert| field(alert, "container.full_id") == id).unwrap();
        println!("{}", alert.output);
        let uid = pod.0.metadata.as_ref().unwrap().uid.as_str();
        for (name, expected) in [
            ("container.id", &id[..12]),
            ("container.image", IMAGE),
            ("container.image.tag", "7"),
            ("container.image.id", &image_id.trim_start_matches("sha256:")[..12]),
            ("container.name", &format!("brief-{at}")),
            ("container.type", "containerd"),
            ("container.privileged", "false"),
            ("container.mounts", "/proc/sys:/host::false:private"),
            ("container.labels", "tier:back"),
            ("container.label[tier]", "back"),
            ("container.host_network", "true"),
            ("container.host_pid", "false"),
            ("k8s.pod.name", "short"),
            ("k8s.ns.name", "cadge-test"),
            ("k8s.pod.uid", uid),
            ("k8s.pod.sandbox_id", &pod.1[..12]),
            ("k8s.pod.labels", "app:probe"),
            ("proc.name", "probe"),
        ] {
            assert_eq!(field(alert, name), expected, "{name}: {}", alert.output);
        }
        let start: u64 = field(alert, "container.start_ts").parse().unwrap();
        assert!(start > 1_600_000_000_000_000_000, "{start}");
    }
    assert_eq!(counters["pending_ended_total{by=\"timeout\"}"], 0, "{counters:?}");
}

#[test]
fn an_event_waits_for_a_runtime_that_is_slow() {
    let test = "a slow runtime";
    let place = match Place::new("slow", CONTAINERD) {
        Ok(place) => place,
        Err(why) => return skipped(test, &why),
    };
    let (containerd, socket) = containerd(&place);
    let mut kubelet = Kubelet::new(&socket);
    // It is there before the sensor is, and reads again and again.
    let pod = kubelet.pod("patient");
    let id = kubelet.container(&pod, "reader", probe(&[999; 30]));
    containerd.signal(Signal::SIGSTOP);
    // For one it is too slow: the rule that needs only the id says what is known.
    let impatient = ContainerEngines { pending_timeout_ms: 50, ..engines(&[&socket], &[], &[]) };
    let Some(sentry) = Sentry::start(test, RULES, impatient) else { return };
    sentry.wait("pending_ended_total{by=\"timeout\"}", 1);
    let alerts = sentry.stop();
    let alert = alerts.iter().find(|alert| field(alert, "container.id") == &id[..12]).unwrap();
    assert_eq!((alert.rule.as_str(), field(alert, "container.name")), ("Shadow of any container", "<NA>"));
    let Some(sentry) = Sentry::start(test, RULES, engines(&[&socket], &[], &[])) else { return };
    sentry.wait("pending_total", 2);
    assert_eq!(sentry.counters()["alerts_raised_total"], 0);
    containerd.signal(Signal::SIGCONT);
    sentry.wait("pending_ended_total{by=\"answer\"}", 2);
    sentry.wait("alerts_spooled_total", 2);
    let counters = sentry.counters();
    let alerts = sentry.stop();
    let alerts = own(&alerts);
    assert!(alerts.len() >= 2, "{counters:?}");
    for alert in alerts {
        assert_eq!((field(alert, "container.name"), field(alert, "k8s.pod.name")), ("reader", "patient"));
        assert_eq!((field(alert, "proc.name"), field(alert, "container.full_id")), ("probe", id.as_str()));
    }
    assert_eq!(counters["pending_refused_total"], 0, "{counters:?}");
}

#[test]
fn a_container_of_docker_has_its_image_and_name() {
    let test = "a container of Docker";
    let programs = [CONTAINERD, &["dockerd", "docker"]].concat();
    let place = match Place::new("docker", &programs) {
        Ok(place) => place,
        Err(why) => return skipped(test, &why),
    };
    let (_containerd, containerd) = containerd(&place);
    let socket = place.path("docker.sock");
    let mut dockerd = place.command("dockerd");
    dockerd.arg("-H").arg(format!("unix://{}", socket.display())).arg("--containerd").arg(&containerd);
    for (option, name) in
        [("--data-root", "docker"), ("--exec-root", "docker-run"), ("--pidfile", "docker.pid")]
    {
        dockerd.arg(option).arg(place.path(name));
    }
    dockerd.args(["--bridge", "none", "--iptables=false", "--storage-driver", "vfs"]);
    dockerd.args(["--exec-opt", "native.cgroupdriver=cgroupfs", "--oom-score-adjust", "0"]);
    let _dockerd = place.start("dockerd", &mut dockerd, &socket);
    let docker = |args: &[&str]| {
        let mut docker = place.command("docker");
        docker.env("DOCKER_HOST", format!("unix://{}", socket.display())).env("HOME", place.path("home"));
        let output = succeed(docker.args(args));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    docker(&["load", "-i", place.image().to_str().unwrap()]);
    let Some(sentry) = Sentry::start(test, RULES, engines(&[&containerd], &[&socket], &[])) else { return };
    let name = format!("cadge-{}", std::process::id());
    let options = [
        "run",
        "-d",
        "--rm",
        "--network",
        "none",
        "--name",
        &name,
        "--label",
        "tier=back",
        "-v",
        "/proc/sys:/host:ro",
    ];
    let probe = probe(&[50]);
    let run: Vec<&str> = options.into_iter().chain([IMAGE]).chain(probe.iter().map(String::as_str)).collect();
    let id = docker(&run);
    sentry.wait("alerts_spooled_total", 1);
    let counters = sentry.counters();
    let alerts = sentry.stop();
    // The container goes by itself.
    let deadline = Instant::now() + PATIENCE;
    while !docker(&["ps", "-aq"]).is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    let alerts = own(&alerts);
    assert_eq!(alerts.len(), 1, "{counters:?}");
    println!("{}", alerts[0].output);
    for (field_name, expected) in [
        ("container.full_id", id.as_str()),
        ("container.image", IMAGE),
        ("container.image.tag", "7"),
        ("container.name", &name),
        ("container.type", "docker"),
        ("container.privileged", "false"),
        ("container.mounts", "/proc/sys:/host:ro:false:rprivate"),
        ("container.labels", "tier:back"),
        ("container.host_network", "false"),
        ("k8s.pod.name", "<NA>"),
        ("k8s.ns.name", "<NA>"),
    ] {
        assert_eq!(field(alerts[0], field_name), expected, "{field_name}: {}", alerts[0].output);
    }
}

#[test]
fn a_container_of_podman_has_its_image_and_name() {
    let test = "a container of Podman";
    let place = match Place::new("podman", &["podman", "conmon", "runc"]) {
        Ok(place) => place,
        Err(why) => return skipped(test, &why),
    };
    let conf = place.path("containers.conf");
    let tmp = place.path("podman-tmp");
    // Limits above those of the machine are refused.
    let settings = format!(
        "[engine]\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"file\"\ntmp_dir=\"{}\"\n\
         [containers]\ndefault_ulimits=[\"nofile=4096:4096\",\"nproc=4096:4096\"]\n",
        tmp.display()
    );
    std::fs::write(&conf, settings).unwrap();
    let policy = place.path("policy.json");
    std::fs::write(&policy, r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
    let podman = || {
        let mut podman = place.command("podman");
        podman.env("CONTAINERS_CONF", &conf);
        podman.arg("--root").arg(place.path("podman")).arg("--runroot").arg(place.path("podman-run"));
        podman.args(["--storage-driver", "vfs", "--runtime"]).arg(super::runtimes::program("runc").unwrap());
        podman.arg("--conmon").arg(super::runtimes::program("conmon").unwrap());
        podman
    };
    let socket = place.path("podman.sock");
    let address = format!("unix://{}", socket.display());
    let mut service = podman();
    service.args(["system", "service", "-t", "0", &address]);
    let _service = place.start("podman", &mut service, &socket);
    succeed(podman().arg("load").arg("--signature-policy").arg(&policy).arg("-i").arg(place.image()));
    let Some(sentry) = Sentry::start(test, RULES, engines(&[], &[], &[&socket])) else { return };
    let name = format!("cadge-{}", std::process::id());
    let options = [
        "run",
        "-d",
        "--rm",
        "--network",
        "none",
        "--name",
        &name,
        "--label",
        "tier=back",
        "--log-driver",
        "none",
    ];
    let output = succeed(podman().args(options).args(["-v", "/proc/sys:/host:ro", IMAGE]).args(probe(&[50])));
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    sentry.wait("alerts_spooled_total", 1);
    let counters = sentry.counters();
    let alerts = sentry.stop();
    succeed(podman().args(["rm", "-f", "-t", "0", &name]));
    let alerts = own(&alerts);
    assert_eq!(alerts.len(), 1, "{counters:?}");
    println!("{}", alerts[0].output);
    for (field_name, expected) in [
        ("container.full_id", id.as_str()),
        ("container.image", IMAGE),
        ("container.image.tag", "7"),
        ("container.name", &name),
        ("container.type", "podman"),
        ("container.privileged", "false"),
        ("container.label[tier]", "back"),
        ("container.host_network", "false"),
        ("k8s.pod.name", "<NA>"),
    ] {
        assert_eq!(field(alerts[0], field_name), expected, "{field_name}: {}", alerts[0].output);
    }
}
