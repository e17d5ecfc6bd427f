//! Who makes a call, and whether they may make one more.

use std::sync::Arc;
use std::time::Instant;

use tonic::body::Body;
use tonic::codegen::http::{Request, header};
use tonic::{Code, Status};

use super::calls::Call;
use super::metered::Bound;
use crate::audit::{Audit, Refused};
use crate::connect::bearers::{Bearer, Entrance, NoBearer};
use crate::connect::clients::{Clients, Held, Refusal};
use crate::connect::connection::From;
use crate::connect::identity::Peer;
use crate::connect::tokens::bearer;
use crate::metrics::Metrics;
use crate::sparse::Sparse;

/// Bytes of a method's name in the audit log.
const METHOD_BYTES_MAX: usize = 128;

/// What calls are checked against, and told to.
pub(crate) struct Gate {
    clients: Clients,
    /// Where tokens count.
    entrance: Option<Entrance>,
    pub(super) audit: Audit,
    pub(super) metrics: Metrics,
    sparse: Sparse,
}

/// Who calls, and what keeps an eye on the token.
pub(super) type Caller = (Arc<Peer>, Option<Arc<Bearer>>);

impl Gate {
    /// Without an entrance only connections say who calls.
    pub(crate) fn new(clients: Clients, entrance: Option<Entrance>, audit: Audit, metrics: Metrics) -> Self {
        Self { clients, entrance, audit, metrics, sparse: Sparse::default() }
    }

    /// Who calls: by token, where one is shown, or else by connection.
    pub(super) fn caller(&self, from: &From, request: &Request<Body>) -> Result<Caller, Status> {
        let shown = request.headers().get(header::AUTHORIZATION);
        // A connection that is turned away has no calls of anybody.
        if let (Some(entrance), Some(shown), None) = (&self.entrance, shown, &from.refusal) {
            let Some(token) = bearer(shown.as_bytes()) else {
                return Err(self.unknown(from, request, "`authorization` has to be `Bearer TOKEN`"));
            };
            let found = entrance.bearer(&from.bearers, token);
            return found.map(|bearer| (Arc::clone(&bearer.peer), Some(bearer))).map_err(|none| match none {
                NoBearer::Unknown => self.unknown(from, request, "the token is not one of `grpc.token_file`"),
                NoBearer::Limit(refusal) => self.turn_away(from, request, &refusal),
            });
        }
        let peer = from.peer.clone().ok_or_else(|| {
            let text =
                "send `authorization: Bearer TOKEN` with each call, or connect with a client certificate";
            self.unknown(from, request, text)
        })?;
        Ok((peer, None))
    }

    /// Refuses a call of nobody who is known.
    fn unknown(&self, from: &From, request: &Request<Body>, text: &str) -> Status {
        from.bearers.refuse();
        self.uncalled(from, request, "authentication", text);
        Status::unauthenticated(text)
    }

    /// Refuses a call of somebody who may not have this connection.
    fn turn_away(&self, from: &From, request: &Request<Body>, refusal: &Refusal) -> Status {
        let text = refusal.to_string();
        self.uncalled(from, request, refusal.cause(), &text);
        Status::resource_exhausted(text)
    }

    /// Counts what did not become a call; says so unless it is one of very many.
    fn uncalled(&self, from: &From, request: &Request<Body>, cause: &'static str, reason: &str) {
        self.metrics.refused.with_label_values(&[cause]).inc();
        let Some(unsaid) = self.sparse.says(Instant::now()) else { return };
        let (address, method, peer) = (&*from.address, method(request.uri().path()), from.peer.as_deref());
        tracing::warn!(cause, reason, peer = address, unsaid, "a call was refused");
        self.audit.refused(&Refused { method: Some(&method), cause, reason, address, peer, unsaid });
    }

    /// How much of its messages the caller may have on their way.
    pub(super) fn bound(&self, call: &Call) -> Bound {
        let refused = self.metrics.refused.with_label_values(&["client_bytes"]);
        Bound { name: call.name.clone(), most: call.limits.bytes_max, refused }
    }

    /// Whether the client may make one more call.
    pub(super) fn admit(&self, call: &Call) -> Result<Held, Status> {
        let admitted = match &call.from.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => self.clients.call(call, call.began),
        };
        admitted.map_err(|refusal| self.refuse(call, &refusal))
    }

    fn refuse(&self, call: &Call, refusal: &Refusal) -> Status {
        self.metrics.refused.with_label_values(&[refusal.cause()]).inc();
        let text = refusal.to_string();
        if let Some(unsaid) = self.sparse.says(Instant::now()) {
            tracing::warn!(cause = refusal.cause(), reason = %text, peer = %call.from.address, unsaid, "a call was refused");
            call.end(Code::ResourceExhausted, &text);
        }
        Status::resource_exhausted(text)
    }
}

/// A method's name as it stands in the audit log.
pub(super) fn method(path: &str) -> String {
    path.chars().take(METHOD_BYTES_MAX).collect()
}
