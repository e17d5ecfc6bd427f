//! An HTTP server that keeps what it is sent, and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

use super::packed;

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// With alerts as they are, out of what a protocol packs them into.
    pub(crate) body: String,
    /// As it came; in Base64, if that is no text.
    pub(crate) raw: String,
}

#[derive(Clone, Default)]
struct Kept {
    requests: Arc<Mutex<Vec<Request>>>,
    /// What to answer next; 200 once it is empty.
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

/// The server. It ends with its test's runtime.
pub(crate) struct Server {
    kept: Kept,
    pub(crate) url: String,
}

impl Server {
    pub(crate) async fn start(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, answers)
    }

    pub(crate) fn serve(listener: TcpListener, answers: &[u16]) -> Self {
        let kept = Kept::default();
        kept.answers.lock().unwrap().extend(answers.iter().map(|code| StatusCode::from_u16(*code).unwrap()));
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let routes = Router::new().fallback(keep).with_state(kept.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { kept, url }
    }

    /// Waits for so many requests.
    pub(crate) async fn requests(&self, count: usize) -> Vec<Request> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let requests = self.kept.requests.lock().unwrap().clone();
            if requests.len() >= count {
                return requests;
            }
            assert!(Instant::now() < deadline, "{} of {count} requests came", requests.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn keep(
    State(kept): State<Kept>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let raw = packed::text(&headers, &body);
    let (body, told) = (packed::alerts(&headers, &raw), packed::answer(&headers, &raw));
    kept.requests.lock().unwrap().push(Request { method, path: uri.to_string(), headers, body, raw });
    let answer = kept.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::OK);
    let pause = if answer == StatusCode::TOO_MANY_REQUESTS { "0" } else { "" };
    // A bulk request is answered about each document.
    let text = if uri.path().ends_with("/_bulk") { r#"{"errors":false}"# } else { "the answer's text" };
    let text = told.filter(|_| answer.is_success()).unwrap_or_else(|| text.to_owned());
    (answer, [("retry-after", pause)], text).into_response()
}

/// The value of a metric's line.
pub(crate) fn metric(registry: &prometheus::Registry, line: &str) -> Option<f64> {
    let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok())
}

/// Waits until a metric has a value.
pub(crate) async fn wait_for_metric(registry: &prometheus::Registry, line: &str, value: f64) {
    let deadline = Instant::now() + PATIENCE;
    while metric(registry, line).is_none_or(|found| (found - value).abs() > 0.1) {
        assert!(Instant::now() < deadline, "{line} is {:?}, not {value}", metric(registry, line));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
