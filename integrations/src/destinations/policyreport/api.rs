//! What is asked of the API server: a report as it is, and to keep it as it has become.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};

use super::access::Access;
use crate::SendError;
use crate::http::{self, Reply};

const VERSION: &str = "wgpolicyk8s.io/v1alpha2";

/// A report that others change at the same time is read again so often.
const TRIES: usize = 5;

/// Bytes of a report that are read. One of ours is smaller.
const REPORT_BYTES_MAX: usize = 4 << 20;

/// Where a report is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Namespace(String),
    Cluster,
}

impl Place {
    fn kind(&self) -> &'static str {
        if *self == Self::Cluster { "ClusterPolicyReport" } else { "PolicyReport" }
    }

    /// The name of the report. It stays the same: after a restart its results are added to.
    fn name(&self) -> &'static str {
        if *self == Self::Cluster { "falco-cluster-policy-report" } else { "falco-policy-report" }
    }

    /// Where reports of its kind are.
    fn path(&self) -> String {
        match self {
            Self::Namespace(name) => format!("/apis/{VERSION}/namespaces/{name}/policyreports"),
            Self::Cluster => format!("/apis/{VERSION}/clusterpolicyreports"),
        }
    }

    /// A report without results.
    fn empty(&self) -> Value {
        json!({
            "apiVersion": VERSION,
            "kind": self.kind(),
            "metadata": {"name": self.name(), "labels": {"app.kubernetes.io/managed-by": "cadge"}},
            "results": [],
        })
    }
}

/// What became of a report that was written.
enum Written {
    Kept,
    /// Somebody else was faster: it is to be read again.
    Outdated,
    /// Its namespace is not there any more.
    Homeless,
}

/// An API server.
pub(super) struct Api {
    access: Access,
    /// Without a path.
    server: Url,
}

impl Api {
    pub(super) fn new(access: Access) -> Result<Self, String> {
        let server = http::url("server", &access.server)?;
        Ok(Self { access, server })
    }

    /// Changes a report, or makes it. `change` says whether there is anything to keep. Answers `false` where its
    /// namespace is gone.
    pub(super) async fn update(
        &self,
        place: &Place,
        change: impl Fn(&mut Value) -> bool,
    ) -> Result<bool, SendError> {
        for _ in 0..TRIES {
            let known = self.read(place).await?;
            let is_new = known.is_none();
            let mut report = known.unwrap_or_else(|| place.empty());
            if !change(&mut report) {
                return Ok(true);
            }
            match self.write(place, &report, is_new).await? {
                Written::Kept => return Ok(true),
                Written::Homeless => return Ok(false),
                Written::Outdated => {}
            }
        }
        let cause = format!("the {} is changed by others all the time", place.kind());
        Err(SendError::Retry { after: None, cause })
    }

    async fn read(&self, place: &Place) -> Result<Option<Value>, SendError> {
        let path = format!("{}/{}", place.path(), place.name());
        let (reply, bytes) = self.ask(Method::GET, &path, None).await?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match reply.status {
            StatusCode::OK if body["kind"] == place.kind() => Ok(Some(body)),
            StatusCode::OK => Err(later(format!("what it answered is no {}", place.kind()))),
            StatusCode::NOT_FOUND if body["details"]["name"] == place.name() => Ok(None),
            _ => Err(judge(reply, &body)),
        }
    }

    async fn write(&self, place: &Place, report: &Value, is_new: bool) -> Result<Written, SendError> {
        let (method, path) = if is_new {
            (Method::POST, place.path())
        } else {
            (Method::PUT, format!("{}/{}", place.path(), place.name()))
        };
        let (reply, bytes) = self.ask(method, &path, Some(report.to_string())).await?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let details = &body["details"];
        let is_ending = || {
            let causes = details["causes"].as_array();
            causes.is_some_and(|causes| causes.iter().any(|cause| cause["reason"] == "NamespaceTerminating"))
        };
        let has_home = *place != Place::Cluster;
        match reply.status {
            status if status.is_success() => Ok(Written::Kept),
            StatusCode::CONFLICT => Ok(Written::Outdated),
            StatusCode::NOT_FOUND if has_home && details["kind"] == "namespaces" => Ok(Written::Homeless),
            StatusCode::FORBIDDEN if has_home && is_ending() => Ok(Written::Homeless),
            StatusCode::NOT_FOUND if details["name"] == place.name() => Ok(Written::Outdated),
            _ => Err(judge(reply, &body)),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<(Reply, Vec<u8>), SendError> {
        let address = http::below("server", self.server.as_str(), path).map_err(later)?;
        let mut request = self.access.client.request(method, address);
        if let Some(token) = self.access.token().await.map_err(later)? {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        http::exchange_up_to(REPORT_BYTES_MAX, request).await
    }
}

/// What is missing in the cluster is no fault of an alert's: it is tried again.
fn judge(reply: Reply, body: &Value) -> SendError {
    if reply.status == StatusCode::NOT_FOUND && body["kind"] != "Status" {
        return later(format!("the cluster knows no reports of {VERSION}: install their definitions (CRD)"));
    }
    let text = body["message"].as_str().map_or(reply.text, str::to_owned);
    let (status, reply) = (reply.status, Reply { text, ..reply });
    match reply.judge() {
        Err(SendError::Refused(cause))
            if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&status) =>
        {
            later(cause)
        }
        Err(error) => error,
        Ok(answer) => later(answer.to_string()),
    }
}

fn later(cause: String) -> SendError {
    SendError::Retry { after: None, cause }
}
