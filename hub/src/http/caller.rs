//! Who sends a request: by bearer token, or by client certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::audit::Refused;
use crate::config::Role;
use crate::connect::identity::Peer;
use crate::connect::tokens::bearer;

use super::Site;
use super::callers::{Caller, Callers};
use super::refusal::Refusal;

/// The other end of a connection: in the extensions of each of its requests.
#[derive(Clone)]
pub(super) struct Remote {
    pub(super) address: SocketAddr,
    pub(super) peer: Option<Arc<Peer>>,
    pub(super) callers: Arc<Callers>,
    /// How long it was silent before this request.
    pub(super) silent: Duration,
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
        let found = token(presented.as_bytes()).and_then(|token| tokens.find(&token));
        let found = found.ok_or(Refusal::Unknown("the token is not one of `webserver.token_file`"))?;
        let known = remote.callers.by_token(&found.name);
        return Ok(known.unwrap_or_else(|| Arc::new(site.access.by_token(found.role, &found.name))));
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

/// The token of `Bearer TOKEN`, or the password of `Basic …`: clients that can set no header of their own, but take
/// an address such as `http://falco:TOKEN@hub:2801/`, send that.
fn token(value: &[u8]) -> Option<Vec<u8>> {
    if let Some(token) = bearer(value) {
        return Some(token.to_vec());
    }
    let (scheme, rest) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    let pair = scheme.eq_ignore_ascii_case(b"basic").then(|| STANDARD.decode(rest.trim_ascii()).ok())??;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_as_bearer_or_as_the_password() {
        for value in ["Bearer T0KEN", "bearer  T0KEN ", "Basic ZmFsY286VDBLRU4=", "basic OlQwS0VO"] {
            assert_eq!(token(value.as_bytes()).as_deref(), Some(&b"T0KEN"[..]), "{value}");
        }
        for value in ["", "Bearer", "T0KEN", "Basic ZmFsY28", "Basic ZmFsY28=", "Digest T0KEN"] {
            assert_eq!(token(value.as_bytes()), None, "{value}");
        }
    }
}
