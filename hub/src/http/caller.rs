//! Who sends a request: by bearer token, or by client certificate.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, header};

use crate::config::Role;
use crate::connect::identity::Peer;

use super::Site;
use super::refusal::Refusal;

/// The other end of a connection: in the extensions of each of its requests.
#[derive(Clone)]
pub(super) struct Remote {
    pub(super) address: SocketAddr,
    pub(super) peer: Option<Arc<Peer>>,
}

/// The name of whoever may hand in alerts. A token counts before a certificate.
pub(super) fn sensor(site: &Site, remote: &Remote, headers: &HeaderMap) -> Result<String, Refusal> {
    if let Some(tokens) = &site.tokens
        && let Some(presented) = headers.get(header::AUTHORIZATION)
    {
        let name = bearer(presented.as_bytes()).and_then(|token| tokens.name(token));
        return name.ok_or(Refusal::Unknown("the token is not one of `webserver.token_file`"));
    }
    if let Some(peer) = &remote.peer {
        peer.require(&[Role::Sensor]).map_err(|error| Refusal::Role(error.to_string()))?;
        return Ok(peer.name.clone());
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
