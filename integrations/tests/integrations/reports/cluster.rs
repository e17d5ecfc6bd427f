//! A server that behaves as a cluster's API server does for reports, as far as one can be written down: it knows
//! versions, namespaces and what a result may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The token that it takes.
pub(super) const TOKEN: &str = "T0KEN-k8s";

#[derive(Default)]
pub(super) struct Kept {
    /// By their path.
    pub(super) reports: BTreeMap<String, Value>,
    pub(super) namespaces: BTreeSet<&'static str>,
    /// Those that are being deleted: nothing new is taken.
    pub(super) ending: BTreeSet<&'static str>,
    /// Whether reports are defined.
    pub(super) has_definitions: bool,
    /// So often somebody else changes a report before it is written.
    pub(super) rivals: u32,
    /// What to answer next instead.
    pub(super) failures: Vec<u16>,
    pub(super) writes: u32,
    revision: u64,
}

/// The server, and the file that leads to it.
pub(super) struct Cluster {
    pub(super) kept: Arc<Mutex<Kept>>,
    pub(super) dir: tempfile::TempDir,
}

impl Cluster {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: {{server: 'http://{}'}}}}]\nusers: [{{name: u, user: {{tokenFile: token}}}}]\n",
            listener.local_addr().unwrap()
        );
        std::fs::write(dir.path().join("config"), config).unwrap();
        std::fs::write(dir.path().join("token"), TOKEN).unwrap();
        let kept =
            Kept { has_definitions: true, namespaces: BTreeSet::from(["shop", "bank"]), ..Kept::default() };
        let kept = Arc::new(Mutex::new(kept));
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { kept, dir }
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.kept.lock().unwrap())
    }

    /// The texts of a report's results.
    pub(super) fn texts(&self, path: &str) -> Vec<String> {
        self.with(|kept| kept.reports.get(path).map(texts).unwrap_or_default())
    }
}

/// The texts of a report's results, each at its place.
pub(super) fn texts(report: &Value) -> Vec<String> {
    let results = report["results"].as_array().unwrap();
    results.iter().map(|result| result["message"].as_str().unwrap().to_owned()).collect()
}

async fn answer(
    State(kept): State<Arc<Mutex<Kept>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut kept = kept.lock().unwrap();
    if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
        return status(401, "Unauthorized", &json!({}));
    }
    if let Some(code) = kept.failures.pop() {
        return status(code, "InternalError", &json!({}));
    }
    if !kept.has_definitions {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    }
    let is_json = headers.get("content-type").is_some_and(|kind| kind == "application/json");
    assert!(is_json || method == Method::GET, "{headers:?}");
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    kept.serve(&method, uri.path(), body)
}

impl Kept {
    fn serve(&mut self, method: &Method, path: &str, body: Value) -> Response {
        let known = ["/apis/wgpolicyk8s.io/v1alpha2/", "/apis/openreports.io/v1alpha1/"];
        let Some(rest) = known.iter().find_map(|version| path.strip_prefix(version)) else {
            return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
        };
        // Those of a kind are like those of the other one.
        let parts: Vec<&str> = rest.split('/').map(plain).collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["namespaces", _, "policyreports", name] | ["clusterpolicyreports", name]) => {
                let missing = || status(404, "NotFound", &json!({"name": name, "group": "wgpolicyk8s.io"}));
                self.reports.get(rest).map_or_else(missing, |report| sent(200, report))
            }
            ("PUT", ["namespaces", _, "policyreports", name] | ["clusterpolicyreports", name]) => {
                self.replace(rest, name, body)
            }
            ("POST", ["namespaces", namespace, "policyreports"]) if !self.namespaces.contains(namespace) => {
                status(404, "NotFound", &json!({"name": namespace, "kind": "namespaces"}))
            }
            ("POST", ["namespaces", namespace, "policyreports"]) if self.ending.contains(namespace) => {
                let cause = json!({"reason": "NamespaceTerminating", "field": "metadata.namespace"});
                status(403, "Forbidden", &json!({"kind": "policyreports", "causes": [cause]}))
            }
            ("POST", ["namespaces", _, "policyreports"] | ["clusterpolicyreports"]) => {
                let name = body["metadata"]["name"].as_str().unwrap().to_owned();
                assert_eq!(body["metadata"]["resourceVersion"], Value::Null);
                let place = format!("{rest}/{name}");
                if self.reports.contains_key(&place) {
                    return status(409, "AlreadyExists", &json!({"name": name}));
                }
                self.keep(place, body, 201)
            }
            _ => panic!("{method} {path}"),
        }
    }

    fn replace(&mut self, place: &str, name: &str, body: Value) -> Response {
        if self.rivals > 0 {
            self.rivals -= 1;
            let report = self.reports.get_mut(place).unwrap();
            self.revision += 1;
            report["metadata"]["resourceVersion"] = self.revision.to_string().into();
            report["metadata"]["labels"]["rival"] = self.revision.to_string().into();
        }
        let Some(known) = self.reports.get(place) else {
            return status(404, "NotFound", &json!({"name": name}));
        };
        let (ours, theirs) = (&body["metadata"]["resourceVersion"], &known["metadata"]["resourceVersion"]);
        match ours.as_str() {
            None => status(422, "Invalid", &json!({"name": name})),
            Some(_) if ours != theirs => status(409, "Conflict", &json!({"name": name})),
            Some(_) => self.keep(place.to_owned(), body, 200),
        }
    }

    fn keep(&mut self, place: String, mut body: Value, code: u16) -> Response {
        if let Some(problem) = invalid(&body) {
            return status(422, &problem, &json!({}));
        }
        self.revision += 1;
        self.writes += 1;
        body["metadata"]["resourceVersion"] = self.revision.to_string().into();
        body["metadata"]["uid"] = "0b1a".into();
        self.reports.insert(place, body.clone());
        sent(code, &body)
    }
}

fn plain(plural: &str) -> &str {
    match plural {
        "reports" => "policyreports",
        "clusterreports" => "clusterpolicyreports",
        other => other,
    }
}

/// What the published definition does not admit.
fn invalid(report: &Value) -> Option<String> {
    let kinds = match report["apiVersion"].as_str()? {
        "wgpolicyk8s.io/v1alpha2" => ["PolicyReport", "ClusterPolicyReport"],
        "openreports.io/v1alpha1" => ["Report", "ClusterReport"],
        other => return Some(other.to_owned()),
    };
    if !kinds.contains(&report["kind"].as_str()?) {
        return Some(report["kind"].to_string());
    }
    let is = |value: &Value, known: &[&str]| value.as_str().is_some_and(|text| known.contains(&text));
    report["results"].as_array()?.iter().find_map(|result| {
        let is_valid = result["policy"].is_string()
            && is(&result["result"], &["pass", "fail", "warn", "error", "skip"])
            && is(&result["severity"], &["critical", "high", "low", "medium", "info"])
            && result["timestamp"]["seconds"].is_i64()
            && result["timestamp"]["nanos"].is_i64()
            && result["properties"].as_object()?.values().all(Value::is_string);
        (!is_valid).then(|| result.to_string())
    })
}

fn status(code: u16, reason: &str, details: &Value) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": format!("why: {reason}"),
        "reason": reason, "details": details, "code": code,
    });
    sent(code, &body)
}

fn sent(code: u16, body: &Value) -> Response {
    let kind = [("content-type", "application/json")];
    (StatusCode::from_u16(code).unwrap(), kind, body.to_string()).into_response()
}
