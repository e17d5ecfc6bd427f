//! Reports in a real API server, where one was built: it takes minutes, so nothing here does that.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::cluster::texts;
use super::definition::definition;
use super::strict::{ALL, BANK, SHOP, counted, ends, fails, of, section};
use crate::integrations::counterpart::{Counterpart, find, free_port};
use crate::integrations::feed::Log;
use crate::integrations::pki::Pki;
use crate::integrations::server::wait_for_metric;

/// The token of somebody who may do everything.
const ADMIN: &str = "T0KEN-admin";

/// A cluster's storage, and its API.
struct Real {
    _etcd: Counterpart,
    server: Counterpart,
    client: Client,
}

/// Where the scripts that build Kubernetes leave it, or `CADGE_KUBE`.
fn program(name: &str) -> String {
    let built = std::env::var_os("CADGE_KUBE").map(PathBuf::from);
    let cache = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/cadge-test"));
    let path = built.or_else(cache).map(|folder| folder.join("bin").join(name)).filter(|path| path.is_file());
    path.map_or_else(|| name.to_owned(), |path| path.display().to_string())
}

fn prepare(dir: &Path) {
    Pki::new().write(dir, &["server", "cadge"]);
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(dir.join("account.key"), key.serialize_pem()).unwrap();
    std::fs::write(dir.join("account.pub"), key.public_key_pem()).unwrap();
    std::fs::write(dir.join("tokens.csv"), format!("{ADMIN},admin,1,system:masters\n")).unwrap();
}

impl Real {
    async fn start(test: &str) -> Option<Self> {
        if let Some(missing) =
            ["etcd", "kube-apiserver"].into_iter().find(|name| find(&program(name)).is_none())
        {
            let place = "in PATH or in the folder bin of CADGE_KUBE";
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: it needs {missing}, {place}");
            return None;
        }
        let peer = free_port();
        let etcd = Counterpart::start(test, &program("etcd"), |command, dir, port| {
            command.arg("--data-dir").arg(dir.join("etcd"));
            for (flag, port) in [
                ("--listen-client-urls", port),
                ("--advertise-client-urls", port),
                ("--listen-peer-urls", peer),
                ("--initial-advertise-peer-urls", peer),
            ] {
                command.arg(flag).arg(format!("http://127.0.0.1:{port}"));
            }
            command.arg("--initial-cluster").arg(format!("default=http://127.0.0.1:{peer}"));
        })?;
        let storage = format!("http://{}", etcd.address());
        let server = Counterpart::start(test, &program("kube-apiserver"), |command, dir, port| {
            prepare(dir);
            let shown = dir.display();
            command.args([
                "--bind-address=127.0.0.1",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.96.0.0/24",
            ]);
            command.args([
                "--endpoint-reconciler-type=none",
                "--service-account-issuer=https://kubernetes.default.svc",
            ]);
            command.arg(format!("--etcd-servers={storage}")).arg(format!("--secure-port={port}"));
            for (flag, file) in [
                ("tls-cert-file", "server.crt"),
                ("tls-private-key-file", "server.key"),
                ("client-ca-file", "ca.crt"),
                ("token-auth-file", "tokens.csv"),
                ("service-account-key-file", "account.pub"),
                ("service-account-signing-key-file", "account.key"),
            ] {
                command.arg(format!("--{flag}={shown}/{file}"));
            }
        })?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
        let real = Self { _etcd: etcd, server, client };
        real.wait("/readyz").await;
        Some(real)
    }

    /// A kubeconfig with a client certificate of the user `cadge`.
    fn kubeconfig(&self) -> PathBuf {
        let path = self.server.dir.path().join("kubeconfig");
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: {{server: 'https://{}', certificate-authority: ca.crt}}}}]\n\
             users: [{{name: u, user: {{client-certificate: cadge.crt, client-key: cadge.key}}}}]\n",
            self.server.address()
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Option<(StatusCode, String)> {
        let url = format!("https://{}{path}", self.server.address());
        let mut request = self.client.request(method, url).bearer_auth(ADMIN);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.ok()?;
        Some((response.status(), response.text().await.unwrap()))
    }

    async fn wait(&self, path: &str) {
        let deadline = Instant::now() + Duration::from_mins(3);
        while self.ask(Method::GET, path, None).await.is_none_or(|(status, _)| status != StatusCode::OK) {
            assert!(Instant::now() < deadline, "{path}: {}", self.server.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn create(&self, path: &str, body: Value) {
        let (status, text) = self.ask(Method::POST, path, Some(body)).await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{text}");
    }

    /// Defines reports, and lets the user write them.
    async fn set_up(&self) {
        let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
        let may = json!({
            "apiGroups": ["wgpolicyk8s.io", "openreports.io"],
            "resources": ["policyreports", "clusterpolicyreports", "reports", "clusterreports"],
            "verbs": ["get", "create", "update"],
        });
        self.create(roles, json!({"metadata": {"name": "reports"}, "rules": [may]})).await;
        let subject = json!({"kind": "User", "name": "cadge", "apiGroup": "rbac.authorization.k8s.io"});
        let of = json!({"kind": "ClusterRole", "name": "reports", "apiGroup": "rbac.authorization.k8s.io"});
        let binding = json!({"metadata": {"name": "reports"}, "roleRef": of, "subjects": [subject]});
        self.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding).await;
        for namespace in ["shop", "bank", "ending"] {
            self.create("/api/v1/namespaces", json!({"metadata": {"name": namespace}})).await;
        }
        // Nobody here is there to end it.
        let (status, text) = self.ask(Method::DELETE, "/api/v1/namespaces/ending", None).await.unwrap();
        assert!(status.is_success() && text.contains("Terminating"), "{text}");
    }

    async fn define(&self) {
        let (policy, open) = (["wgpolicyk8s.io", "v1alpha2"], ["openreports.io", "v1alpha1"]);
        for (of, kind, plural, scope) in [
            (policy, "PolicyReport", "policyreports", "Namespaced"),
            (policy, "ClusterPolicyReport", "clusterpolicyreports", "Cluster"),
            (open, "Report", "reports", "Namespaced"),
            (open, "ClusterReport", "clusterreports", "Cluster"),
        ] {
            let definition = definition(of, kind, plural, scope);
            self.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await;
            self.wait(&format!("/apis/{}/{plural}", of.join("/"))).await;
        }
    }

    async fn report(&self, place: &str) -> Value {
        let path = format!("/apis/{place}");
        let (status, text) = self.ask(Method::GET, &path, None).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

#[tokio::test]
async fn a_real_cluster_has_every_alert_once_in_order() {
    let Some(mut real) = Real::start("a_real_cluster_has_every_alert_once_in_order").await else { return };
    let log = Log::default();
    let push = |range: std::ops::RangeInclusive<u64>| {
        for sequence in range {
            let namespace = ["gone", "shop", "bank"][usize::try_from(sequence % 3).unwrap()];
            log.push(of(namespace, sequence, 4));
        }
    };
    let (running, stop, registry) = log.start(&both(&real.kubeconfig()));
    push(1..=600);
    // Who may nothing is told that before anything about definitions.
    fails(&running, "403 Forbidden").await;
    real.set_up().await;
    fails(&running, "install their definitions").await;
    real.define().await;
    delivered(&registry, 600.0).await;

    real.server.stop();
    push(601..=900);
    fails(&running, "error").await;
    real.server.start_again();
    push(901..=1500);
    log.push(of("ending", 1503, 4));
    delivered(&registry, 1501.0).await;
    stop.cancel();

    for (place, first, count) in [(ALL, 3, 501), (SHOP, 1, 500), (BANK, 2, 500)] {
        let open = place.replace("policyreport", "report").replace("policy-", "");
        for place in [format!("wgpolicyk8s.io/v1alpha2/{place}"), format!("openreports.io/v1alpha1/{open}")] {
            let report = real.report(&place).await;
            let (texts, ends) = (texts(&report), ends((0..count).map(|number| number * 3 + first)));
            assert_eq!(texts.len(), ends.len(), "{place}");
            let in_order = texts.iter().zip(&ends).all(|(text, end)| text.ends_with(end));
            assert!(in_order, "{place}: {texts:?}");
            assert_eq!(report["summary"]["warn"], count, "{place}");
            let version = &report["metadata"]["resourceVersion"];
            println!(
                "{place}: {count} results, resourceVersion {version}, {} bytes",
                report.to_string().len()
            );
        }
    }
}

/// Both kinds of reports.
fn both(kubeconfig: &Path) -> String {
    let yaml = section(kubeconfig, "  maxattempts: 0\n");
    format!("{yaml}{}", yaml.replace("policyreport", "openreport"))
}

async fn delivered(registry: &prometheus::Registry, count: f64) {
    for kind in ["policyreport", "openreport"] {
        wait_for_metric(registry, &counted("ok").replace("policyreport", kind), count).await;
    }
}
