//! What all calls have in common: limits for each client, and the audit log.

use std::convert::Infallible;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use serde_json::{Map, Value};
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::Service;

use super::framed;
use super::gate::{Caller, Gate, method};
use super::metered::Metered;
use crate::audit::{Audit, Ending, Line};
use crate::config::Role;
use crate::connect::bearers::Bearer;
use crate::connect::clients::Held;
use crate::connect::connection::From;
use crate::connect::heard::Heard;
use crate::connect::identity::Peer;
use crate::metrics::Metrics;

/// Stands in front of all services.
#[derive(Clone)]
pub(super) struct Calls<S> {
    inner: S,
    gate: Arc<Gate>,
}

/// A call, and who makes it.
pub(crate) struct Call {
    peer: Arc<Peer>,
    pub(super) from: From,
    /// As long as the call lasts, the withdrawal of its token ends the connection.
    _bearer: Option<Arc<Bearer>>,
    method: String,
    number: u64,
    pub(super) began: Instant,
    /// A service has asked for the caller's role.
    is_asked: AtomicBool,
    /// It reads alerts.
    is_reading: AtomicBool,
    alerts: Arc<AtomicU64>,
    noted: Mutex<Map<String, Value>>,
    audit: Audit,
}

impl Deref for Call {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        &self.peer
    }
}

impl Call {
    fn new((peer, bearer): Caller, from: From, path: &str, audit: Audit) -> Self {
        Self {
            peer,
            from,
            _bearer: bearer,
            method: method(path),
            number: audit.number(),
            began: Instant::now(),
            is_asked: AtomicBool::default(),
            is_reading: AtomicBool::default(),
            alerts: Arc::default(),
            noted: Mutex::default(),
            audit,
        }
    }

    /// An error unless the caller has one of these roles, or is an admin.
    pub(super) fn ask(&self, roles: &[Role]) -> Result<(), Status> {
        self.is_asked.store(true, Ordering::Relaxed);
        Ok(self.require(roles)?)
    }

    /// When the caller was last heard of.
    pub(super) fn heard(&self) -> Heard {
        self.from.heard.clone()
    }

    /// Notes an argument for the audit log.
    pub(crate) fn note(&self, name: &str, value: impl Into<Value>) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value.into());
    }

    /// It is going to read alerts: counts them.
    pub(super) fn reads(&self) -> Arc<AtomicU64> {
        self.is_reading.store(true, Ordering::Relaxed);
        Arc::clone(&self.alerts)
    }

    /// So many alerts that it has handed in are in the log.
    pub(super) fn handed_in(&self, alerts: u64) {
        self.alerts.fetch_add(alerts, Ordering::Relaxed);
    }

    /// The cursor with a name among the caller's own.
    pub(super) fn own_cursor(&self, name: &str) -> String {
        let cursor = self.peer.cursor(name);
        self.note("cursor", cursor.as_str());
        cursor
    }

    fn audit(&self, state: &str, ending: Option<Ending<'_>>) {
        self.audit.call(&Line {
            state,
            call: self.number,
            identity: self.owner(),
            role: self.role.map(Role::name),
            presented: &self.presented,
            peer: &self.from.address,
            method: &self.method,
            noted: &self.noted.lock().unwrap_or_else(PoisonError::into_inner),
            ending,
        });
    }

    pub(super) fn end(&self, code: Code, text: &str) {
        let is_refused = matches!(code, Code::PermissionDenied | Code::ResourceExhausted);
        if !is_refused && !self.is_asked.load(Ordering::Relaxed) {
            return;
        }
        let state = if is_refused { "refused" } else { "ended" };
        let ending = Ending {
            alerts: self.alerts.load(Ordering::Relaxed),
            milliseconds: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            status: format!("{code:?}"),
            text,
        };
        self.audit(state, Some(ending));
    }
}

impl<S> Calls<S> {
    pub(super) fn new(inner: S, gate: Arc<Gate>) -> Self {
        Self { inner, gate }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Answer {
        let Some(from) = request.extensions().get::<From>().cloned() else {
            let status = Status::internal("the connection has no identity");
            return Box::pin(std::future::ready(Ok(status.into_http())));
        };
        let caller = match self.gate.caller(&from, &request) {
            Ok(caller) => caller,
            Err(status) => return Box::pin(std::future::ready(Ok(status.into_http()))),
        };
        let call = Arc::new(Call::new(caller, from, request.uri().path(), self.gate.audit.clone()));
        let admitted = match self.gate.admit(&call) {
            Ok(admitted) => admitted,
            Err(status) => return Box::pin(std::future::ready(Ok(status.into_http()))),
        };
        request.extensions_mut().insert(Arc::clone(&call));
        let (shared, bound) = (admitted.on_their_way(), self.gate.bound(&call));
        let request = request.map(|body| Body::new(Metered::new(body, shared, bound)));
        let watch = Watch { call, metrics: self.gate.metrics.clone(), status: None, _held: admitted };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut watch = watch;
            let (mut head, body) = answer.await?.into_parts();
            let body = framed::body(&mut head, body);
            watch.see(&mut head.headers);
            if watch.status.is_none() && watch.call.is_reading.load(Ordering::Relaxed) {
                watch.call.audit("started", None);
            }
            Ok(Response::from_parts(head, Body::new(Watched { body, watch })))
        })
    }
}

/// Waits for the end of a call, and says how it was.
struct Watch {
    call: Arc<Call>,
    metrics: Metrics,
    status: Option<(Code, String)>,
    _held: Held,
}

impl Watch {
    /// Takes the status out of a response's head or its trailers.
    fn see(&mut self, headers: &mut HeaderMap) {
        let Some(status) = Status::from_header_map(headers) else { return };
        let mut code = status.code();
        if code == Code::OutOfRange {
            // What tonic says of too large a message: everybody else, and gRPC's own list, says this.
            code = Code::ResourceExhausted;
            headers.insert("grpc-status", (code as i32).into());
            self.metrics.refused.with_label_values(&["message_size"]).inc();
        }
        self.status = Some((code, status.message().to_owned()));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let (code, text) = self.status.take().unwrap_or((Code::Cancelled, String::new()));
        if code == Code::PermissionDenied {
            self.metrics.refused.with_label_values(&["role"]).inc();
        }
        self.call.end(code, &text);
    }
}

/// A response's body that is watched.
struct Watched {
    body: Body,
    watch: Watch,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let mut frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            this.watch.see(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
