//! What is asked of the API server: a report as it is, and to keep it as it has become.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};

use super::access::Access;
use crate::SendError;
use crate::http::{self, Reply};

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
    /// What is its own of two that are for a namespace and for the cluster.
    fn of(&self, pair: &[&'static str; 2]) -> &'static str {
        pair[usize::from(*self == Self::Cluster)]
    }
}

/// A kind of reports: of a namespace, and of the cluster.
pub(super) struct Kind {
    /// The group and the version of the API.
    pub(super) version: &'static str,
    pub(super) kinds: [&'static str; 2],
    pub(super) plurals: [&'static str; 2],
    /// The names of our own. They stay the same: after a restart the results are added to.
    pub(super) names: [&'static str; 2],
    /// Whether a result's policy is the source of events. Otherwise it is the rule.
    pub(super) is_policy_the_source: bool,
}

impl Kind {
    fn kind(&self, place: &Place) -> &'static str {
        place.of(&self.kinds)
    }

    fn name(&self, place: &Place) -> &'static str {
        place.of(&self.names)
    }

    /// Where reports of a place are.
    fn path(&self, place: &Place) -> String {
        let (version, plural) = (self.version, place.of(&self.plurals));
        match place {
            Place::Namespace(name) => format!("/apis/{version}/namespaces/{name}/{plural}"),
            Place::Cluster => format!("/apis/{version}/{plural}"),
        }
    }

    /// A report without results.
    fn empty(&self, place: &Place) -> Value {
        json!({
            "apiVersion": self.version,
            "kind": self.kind(place),
            "metadata": {"name": self.name(place), "labels": {"app.kubernetes.io/managed-by": "cadge"}},
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
    kind: &'static Kind,
    /// Without a path.
    server: Url,
}

impl Api {
    pub(super) fn new(access: Access, kind: &'static Kind) -> Result<Self, String> {
        let server = http::url("server", &access.server)?;
        Ok(Self { access, kind, server })
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
            let mut report = known.unwrap_or_else(|| self.kind.empty(place));
            if !change(&mut report) {
                return Ok(true);
            }
            match self.write(place, &report, is_new).await? {
                Written::Kept => return Ok(true),
                Written::Homeless => return Ok(false),
                Written::Outdated => {}
            }
        }
        let cause = format!("the {} is changed by others all the time", self.kind.kind(place));
        Err(SendError::later(cause))
    }

    async fn read(&self, place: &Place) -> Result<Option<Value>, SendError> {
        let path = format!("{}/{}", self.kind.path(place), self.kind.name(place));
        let (reply, bytes) = self.ask(Method::GET, &path, None).await?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match reply.status {
            StatusCode::OK if body["kind"] == self.kind.kind(place) => Ok(Some(body)),
            StatusCode::OK => {
                Err(SendError::later(format!("what it answered is no {}", self.kind.kind(place))))
            }
            StatusCode::NOT_FOUND if body["details"]["name"] == self.kind.name(place) => Ok(None),
            _ => Err(self.judge(reply, &body)),
        }
    }

    async fn write(&self, place: &Place, report: &Value, is_new: bool) -> Result<Written, SendError> {
        let (method, path) = if is_new {
            (Method::POST, self.kind.path(place))
        } else {
            (Method::PUT, format!("{}/{}", self.kind.path(place), self.kind.name(place)))
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
            StatusCode::NOT_FOUND if details["name"] == self.kind.name(place) => Ok(Written::Outdated),
            _ => Err(self.judge(reply, &body)),
        }
    }

    /// What is missing in the cluster is no fault of an alert's: it is tried again.
    fn judge(&self, reply: Reply, body: &Value) -> SendError {
        if reply.status == StatusCode::NOT_FOUND && body["kind"] != "Status" {
            let version = self.kind.version;
            return SendError::later(format!(
                "the cluster knows no reports of {version}: install their definitions (CRD)"
            ));
        }
        let text = body["message"].as_str().map_or(reply.text, str::to_owned);
        let (status, reply) = (reply.status, Reply { text, ..reply });
        match reply.judge() {
            Err(SendError::Refused(cause))
                if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND]
                    .contains(&status) =>
            {
                SendError::later(cause)
            }
            Err(error) => error,
            Ok(answer) => SendError::later(answer.to_string()),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<(Reply, Vec<u8>), SendError> {
        let address = http::below("server", self.server.as_str(), path).map_err(SendError::later)?;
        let mut request = self.access.client.request(method, address);
        if let Some(token) = self.access.token().await.map_err(SendError::later)? {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        http::exchange_up_to(REPORT_BYTES_MAX, request).await
    }
}
