//! The configuration's word on who may do what: makes callers out of certificates and users.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{Config, IdentityPattern, Role, UnixUser};
use crate::connect::identity::{Kind, Limits, Names, Peer};
use crate::error::Error;
use crate::filter::Filter;

/// Who may do what.
#[derive(Debug)]
pub(crate) struct Access {
    patterns: Vec<(IdentityPattern, Option<Arc<Filter>>)>,
    users: Vec<(UnixUser, Option<Arc<Filter>>)>,
    trust_domain: String,
    limits: Limits,
}

impl Access {
    /// Checks it.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let mut patterns = Vec::new();
        for (at, pattern) in config.identities.iter().enumerate() {
            let place = format!("identities[{at}]");
            if criteria(pattern).is_empty() {
                let text =
                    format!("{place} says nothing to compare: give it `spiffe`, `dns`, `cn` or `pattern`");
                return Err(Error::Configuration(text));
            }
            patterns.push((pattern.clone(), allowed(&place, pattern.role, pattern.filter.as_deref())?));
        }
        check_shared_names(&config.identities)?;
        let mut users = Vec::new();
        for (at, user) in config.unix.iter().enumerate() {
            let place = format!("unix[{at}]");
            if user.uid.is_none() && user.gid.is_none() {
                return Err(Error::Configuration(format!("{place} names no user: give it `uid` or `gid`")));
            }
            users.push((user.clone(), allowed(&place, user.role, user.filter.as_deref())?));
        }
        let grpc = &config.grpc;
        let limits = Limits {
            requests_per_second: grpc.requests_per_second,
            connections_max: grpc.client_connections_max,
            calls_max: grpc.client_calls_max,
            bytes_max: grpc.client_bytes_max,
        };
        Ok(Self { patterns, users, trust_domain: grpc.trust_domain.clone(), limits })
    }

    /// The same for HTTP, which has limits of its own: stock Falco sends a request for each alert, and
    /// what is refused is lost to it.
    pub(crate) fn for_http(config: &Config) -> Result<Self, Error> {
        let limits = Limits {
            requests_per_second: config.webserver.requests_per_second,
            connections_max: match config.webserver.client_connections_max {
                0 => usize::MAX,
                most => most,
            },
            // A connection has one request at a time: its bound is that of connections.
            calls_max: usize::MAX,
            // Bodies have one bound in common, `webserver.bodies_bytes_max`.
            bytes_max: usize::MAX,
        };
        Ok(Self { limits, ..Self::new(config)? })
    }

    /// By a token that was shown: the file says whose it is.
    pub(crate) fn by_token(&self, role: Role, name: &str) -> Peer {
        let presented = format!("the token `{name}` has the role {}", role.name());
        Peer::new(Some(role), Kind::Token, name, presented, self.limits)
    }

    /// By a certificate whose chain is already verified.
    pub(crate) fn by_certificate(&self, der: &[u8]) -> Peer {
        let Some(names) = Names::of(der) else {
            return self.nobody("", "the certificate cannot be read".to_owned());
        };
        for (pattern, allowed) in &self.patterns {
            if let Some((kind, name)) = fitting(pattern, &names) {
                let presented = format!("the certificate's `{name}` has the role {}", pattern.role.name());
                let (kind, name) = match &pattern.name {
                    Some(name) => (Kind::Named, name.as_str()),
                    None => own_name(kind, name, pattern.role),
                };
                let limits = self.limits(pattern.requests_per_second, pattern.connections_max);
                let peer = Peer::new(Some(pattern.role), kind, name, presented, limits);
                return peer.seeing(allowed.clone());
            }
        }
        let ids = names.uris.iter().filter_map(|uri| spiffe(uri));
        if let Some((_, role, name)) = ids.into_iter().find(|(domain, ..)| *domain == self.trust_domain) {
            let presented = format!("the certificate says {} `{name}`", role.name());
            return Peer::new(Some(role), Kind::Role, name, presented, self.limits);
        }
        let listed = names.listed();
        self.nobody(&listed, format!("the certificate's names ({listed}) have no role"))
    }

    /// By the user at the other end of the Unix socket.
    pub(crate) fn by_user(&self, uid: u32, gid: u32) -> Peer {
        for (user, allowed) in &self.users {
            if user.uid.is_none_or(|wanted| wanted == uid) && user.gid.is_none_or(|wanted| wanted == gid) {
                let presented = format!("user {uid} with group {gid} has the role {}", user.role.name());
                let limits = self.limits(user.requests_per_second, user.connections_max);
                let peer = Peer::new(Some(user.role), Kind::User, &user.name, presented, limits);
                return peer.seeing(allowed.clone());
            }
        }
        let is_own = uid == 0 || uid == nix::unistd::geteuid().as_raw();
        let presented = if is_own {
            format!("user {uid} is the hub's own")
        } else {
            format!("user {uid} with group {gid} has no role")
        };
        Peer::new(is_own.then_some(Role::Admin), Kind::Uid, &uid.to_string(), presented, self.limits)
    }

    fn nobody(&self, name: &str, presented: String) -> Peer {
        Peer::new(None, Kind::Cn, name, presented, self.limits)
    }

    fn limits(&self, requests_per_second: Option<u32>, connections_max: Option<usize>) -> Limits {
        Limits {
            requests_per_second: requests_per_second.unwrap_or(self.limits.requests_per_second),
            connections_max: connections_max.unwrap_or(self.limits.connections_max),
            ..self.limits
        }
    }
}

/// Compiles the filter of an entry.
fn allowed(place: &str, role: Role, filter: Option<&str>) -> Result<Option<Arc<Filter>>, Error> {
    let Some(text) = filter else { return Ok(None) };
    if role != Role::Consumer {
        let text =
            format!("{place}.filter: the role {} sees everything: a filter is for consumers", role.name());
        return Err(Error::Configuration(text));
    }
    match Filter::new(text) {
        Ok(filter) => Ok(Some(Arc::new(filter))),
        Err(error) => Err(Error::Configuration(format!("{place}.filter: {error}"))),
    }
}

/// Who shares cursors has to see the same: else one would move the other past what it has not seen.
fn check_shared_names(patterns: &[IdentityPattern]) -> Result<(), Error> {
    let mut filters = HashMap::new();
    for (at, pattern) in patterns.iter().enumerate() {
        let Some(name) = &pattern.name else { continue };
        let (first, filter) = *filters.entry((pattern.role, name)).or_insert((at, &pattern.filter));
        if *filter != pattern.filter {
            return Err(Error::Configuration(format!(
                "identities[{first}] and identities[{at}] share the name `{name}`, and so their cursors, but \
                 have different filters: give them different names"
            )));
        }
    }
    Ok(())
}

type Criterion<'a> = (&'a str, &'a [Kind]);

/// What a pattern compares, and with which names.
fn criteria(pattern: &IdentityPattern) -> Vec<Criterion<'_>> {
    let all: [(&Option<String>, &[Kind]); 4] = [
        (&pattern.spiffe, &[Kind::Uri]),
        (&pattern.dns, &[Kind::Dns]),
        (&pattern.cn, &[Kind::Cn]),
        (&pattern.pattern, &[Kind::Uri, Kind::Dns, Kind::Cn]),
    ];
    all.into_iter().filter_map(|(text, kinds)| Some((text.as_deref()?, kinds))).collect()
}

/// The first name that fits, if every criterion has one.
fn fitting<'a>(pattern: &IdentityPattern, names: &'a Names) -> Option<(Kind, &'a str)> {
    let found: Option<Vec<_>> =
        criteria(pattern).into_iter().map(|criterion| fitting_one(criterion, names)).collect();
    found?.first().copied()
}

fn fitting_one<'a>((pattern, kinds): Criterion<'_>, names: &'a Names) -> Option<(Kind, &'a str)> {
    kinds.iter().find_map(|kind| {
        let (lower, candidates) = match kind {
            Kind::Uri => (false, names.uris.as_slice()),
            Kind::Dns => (true, names.dns.as_slice()),
            _ => (false, names.cn.as_slice()),
        };
        let pattern = if lower { pattern.to_ascii_lowercase() } else { pattern.to_owned() };
        candidates.iter().find(|name| fits(&pattern, name)).map(|name| (*kind, name.as_str()))
    })
}

/// A sensor's SPIFFE id, even of another domain, names the sensor by its end; any other name is the whole one.
fn own_name(kind: Kind, name: &str, role: Role) -> (Kind, &str) {
    match spiffe(name) {
        Some((_, Role::Sensor, end)) if role == Role::Sensor => (kind, end),
        _ => (kind, name),
    }
}

/// Domain, role and name of `spiffe://DOMAIN/ROLE/NAME`.
fn spiffe(uri: &str) -> Option<(&str, Role, &str)> {
    let (domain, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    let (role, name) = path.split_once('/')?;
    let role = Role::ALL.into_iter().find(|known| known.name() == role)?;
    (!name.is_empty()).then_some((domain, role, name))
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
