//! Who sends a request: by bearer token, or by client certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderMap, header};

use crate::audit::Refused;
use crate::config::Role;
use crate::connect::identity::Peer;

use super::Site;
use super::callers::{Caller, Callers};
use super::refusal::Refusal;

/// The other end of a connection: in the extensions of each of its requests.
#[derive(Clone)]
pub(super) struct Remote {
    pub(super) address: SocketAddr,
    pub(super) peer: Option<Arc<Peer>>,
    pub(super) callers: Arc<Callers>,
}

/// Whoever may hand in alerts, and has not had as much as it may. Who may not is in the audit log.
pub(super) fn admit(
    site: &Site,
    remote: &Remote,
    headers: &HeaderMap,
    method: &'static str,
) -> Result<Arc<Caller>, Refusal> {
    let peer = sensor(site, remote, headers)
        .inspect_err(|refusal| refused(site, remote, method, remote.peer.as_deref(), refusal))?;
    remote
        .callers
        .admit(&peer, method)
        .map_err(Refusal::Limit)
        .inspect_err(|refusal| refused(site, remote, method, Some(&peer), refusal))
}

/// Says so, unless it is one of very many.
fn refused(site: &Site, remote: &Remote, method: &str, peer: Option<&Peer>, refusal: &Refusal) {
    let Some(unsaid) = site.sparse.says(Instant::now()) else { return };
    let (cause, reason, address) = (refusal.cause(), refusal.text(), remote.address.to_string());
    tracing::warn!(cause, reason, peer = address, unsaid, "a request was refused");
    let line = Refused { method: Some(method), cause, reason: &reason, address: &address, peer, unsaid };
    site.audit.refused(&line);
}

/// Who is known to be a sensor. A token counts before a certificate.
fn sensor(site: &Site, remote: &Remote, headers: &HeaderMap) -> Result<Arc<Peer>, Refusal> {
    if let Some(tokens) = &site.tokens
        && let Some(presented) = headers.get(header::AUTHORIZATION)
    {
        let name = bearer(presented.as_bytes()).and_then(|token| tokens.name(token));
        let name = name.ok_or(Refusal::Unknown("the token is not one of `webserver.token_file`"))?;
        return Ok(Arc::new(site.access.by_token(&name)));
    }
    if let Some(peer) = &remote.peer {
        peer.require(&[Role::Sensor]).map_err(|error| Refusal::Role(error.to_string()))?;
        return Ok(Arc::clone(peer));
    }
    Err(match (&site.tokens, &site.tls) {
        (None, None) => Refusal::Closed,
        (None, Some(_)) => Refusal::Unknown("send a client certificate with the role sensor"),
        (Some(_), None) => Refusal::Unknown("send `Authorization: Bearer TOKEN`"),
        (Some(_), Some(_)) => Refusal::Unknown(
            "send `Authorization: Bearer TOKEN` or a client certificate with the role sensor",
        ),
    })
}

/// The token of `Bearer TOKEN`.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}
