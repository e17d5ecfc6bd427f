//! What is served where. Paths and texts are falcosidekick's where it has the thing.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use tower::ServiceExt as _;

use super::Site;
use super::body::Bodies;
use super::caller::Remote;
use super::ingest;
use super::refusal::Refusal;
use super::together::Together;

/// The type of Prometheus's text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the routes work with.
type Served = Arc<(Site, Bodies, Together)>;

/// All routes.
#[derive(Clone)]
pub(super) struct Routes {
    served: Served,
    /// All but `/`.
    others: Router,
}

impl Routes {
    pub(super) fn new(site: Site, together: Together) -> Self {
        let settings = Arc::clone(&site.settings);
        let time = Duration::from_millis(settings.body_timeout_ms);
        let gauge = site.counts.body_bytes.clone();
        let bodies = Bodies::new(settings.body_bytes_max, settings.bodies_bytes_max, time, gauge);
        let mut others =
            Router::new().route("/test", any(test)).route("/ping", any(ping)).route("/healthz", any(healthz));
        if settings.prometheus_metrics_enabled {
            others = others.route("/metrics", get(metrics));
        }
        let served = Arc::new((site, bodies, together));
        Self { others: others.fallback(unknown).with_state(Arc::clone(&served)), served }
    }

    /// Answers a request. The way of each alert is the short one.
    pub(super) async fn answer(self, remote: Remote, mut request: Request) -> Response {
        if request.uri().path() == "/" {
            return index(&self.served, &remote, request).await;
        }
        request.extensions_mut().insert(remote);
        self.others.oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}

async fn index(served: &Served, remote: &Remote, request: Request) -> Response {
    let (site, bodies, together) = &**served;
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return refuse(site, remote, Refusal::Method);
    }
    match ingest::take(site, bodies, together, remote, &head.headers, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => refuse(site, remote, refusal),
    }
}

async fn test(
    State(served): State<Served>,
    Extension(remote): Extension<Remote>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let (site, _, together) = &*served;
    if method != Method::POST {
        return refuse(site, &remote, Refusal::Method);
    }
    match ingest::test(site, together, &remote, &headers).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => refuse(site, &remote, refusal),
    }
}

/// Answers with a refusal and counts it. At `debug`: whoever is refused must not fill the log.
fn refuse(site: &Site, remote: &Remote, refusal: Refusal) -> Response {
    site.counts.refused(refusal.cause());
    tracing::debug!(peer = %remote.address, ?refusal, "a request was refused");
    refusal.into_response()
}

async fn metrics(State(served): State<Served>) -> Response {
    match served.0.page.text().await {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn healthz() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], "{\"status\": \"ok\"}").into_response()
}

async fn ping() -> &'static str {
    "pong\n"
}

async fn unknown(State(served): State<Served>, uri: Uri) -> Response {
    if uri.path() == served.0.settings.k8s_healthz_endpoint {
        return healthz().await;
    }
    (StatusCode::NOT_FOUND, "there is nothing here: alerts are posted to `/`\n").into_response()
}
