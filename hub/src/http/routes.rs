//! What is served where. Paths and texts are falcosidekick's where it has the thing.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use super::Site;
use super::body::Bodies;
use super::caller::Remote;
use super::ingest;
use super::refusal::Refusal;

/// The type of Prometheus's text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the routes work with.
type Served = State<Arc<(Site, Bodies)>>;

/// All routes.
pub(super) fn routes(site: Site) -> Router {
    let settings = Arc::clone(&site.settings);
    let time = Duration::from_millis(settings.body_timeout_ms);
    let gauge = site.counts.body_bytes.clone();
    let bodies = Bodies::new(settings.body_bytes_max, settings.bodies_bytes_max, time, gauge);
    let mut routes = Router::new()
        .route("/", any(index))
        .route("/test", any(test))
        .route("/ping", any(ping))
        .route("/healthz", any(healthz));
    if settings.prometheus_metrics_enabled {
        routes = routes.route("/metrics", get(metrics));
    }
    routes.fallback(unknown).with_state(Arc::new((site, bodies)))
}

async fn index(
    State(served): Served,
    Extension(remote): Extension<Remote>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (site, bodies) = &*served;
    if method != Method::POST {
        return refuse(site, &remote, Refusal::Method);
    }
    match ingest::take(site, bodies, &remote, &headers, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => refuse(site, &remote, refusal),
    }
}

async fn test(
    State(served): Served,
    Extension(remote): Extension<Remote>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let site = &served.0;
    if method != Method::POST {
        return refuse(site, &remote, Refusal::Method);
    }
    match ingest::test(site, &remote, &headers).await {
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

async fn metrics(State(served): Served) -> Response {
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

async fn unknown(State(served): Served, uri: Uri) -> Response {
    if uri.path() == served.0.settings.k8s_healthz_endpoint {
        return healthz().await;
    }
    (StatusCode::NOT_FOUND, "there is nothing here: alerts are posted to `/`\n").into_response()
}
