//! Who is calling: a role and a name, by certificate or by user.

use std::collections::HashSet;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::{IdentityPattern, Role, UnixUser};
use crate::error::CallError;

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// What it may do; `None` if nobody says so.
    pub(crate) role: Option<Role>,
    /// Its name: a sensor's, or the one of its cursor.
    pub(crate) name: String,
    /// What it has shown, for errors and the log.
    presented: String,
}

impl Peer {
    /// By a certificate whose chain is already verified.
    pub(crate) fn from_certificate(der: &[u8], patterns: &[IdentityPattern]) -> Self {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return Self {
                role: None,
                name: String::new(),
                presented: "a certificate that cannot be read".to_owned(),
            };
        };
        let (mut uris, mut names) = (Vec::new(), Vec::new());
        if let Ok(Some(extension)) = certificate.subject_alternative_name() {
            for name in &extension.value.general_names {
                match name {
                    GeneralName::URI(uri) => uris.push(*uri),
                    GeneralName::DNSName(name) => names.push(*name),
                    _ => {}
                }
            }
        }
        let common = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        names.extend(common);
        if let Some((role, name)) = uris.iter().find_map(|uri| spiffe(uri)) {
            let presented = format!("the certificate says {} `{name}`", role.name());
            return Self { role: Some(role), name: name.to_owned(), presented };
        }
        for pattern in patterns {
            if let Some(name) = names.iter().find(|name| fits(&pattern.pattern, name)) {
                let presented = format!("the certificate's `{name}` has the role {}", pattern.role.name());
                return Self { role: Some(pattern.role), name: (*name).to_owned(), presented };
            }
        }
        let name = names.first().copied().unwrap_or_default().to_owned();
        let presented = format!("the certificate's names ({}) have no role", names.join(", "));
        Self { role: None, name, presented }
    }

    /// By the user at the other end of the Unix socket.
    pub(crate) fn from_uid(uid: u32, users: &[UnixUser]) -> Self {
        if let Some(user) = users.iter().find(|user| user.uid == uid) {
            let presented = format!("user {uid} has the role {}", user.role.name());
            return Self { role: Some(user.role), name: user.name.clone(), presented };
        }
        let own = uid == 0 || uid == nix::unistd::geteuid().as_raw();
        let presented =
            if own { format!("user {uid} is the hub's own") } else { format!("user {uid} has no role") };
        Self { role: own.then_some(Role::Admin), name: format!("uid-{uid}"), presented }
    }

    /// An error unless it has one of these roles, or is an admin.
    pub(crate) fn require(&self, roles: &[Role]) -> Result<(), CallError> {
        let roles: HashSet<Role> = roles.iter().copied().chain([Role::Admin]).collect();
        if self.role.is_some_and(|role| roles.contains(&role)) {
            return Ok(());
        }
        let needed = if roles.contains(&Role::Sensor) { "sensor or admin" } else { "consumer or admin" };
        Err(CallError::Role { presented: self.presented.clone(), needed: needed.to_owned() })
    }
}

/// Role and name of `spiffe://TRUST-DOMAIN/ROLE/NAME`.
fn spiffe(uri: &str) -> Option<(Role, &str)> {
    let (_, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    let (role, name) = path.split_once('/')?;
    let role = [Role::Sensor, Role::Consumer, Role::Admin].into_iter().find(|known| known.name() == role)?;
    (!name.is_empty()).then_some((role, name))
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
mod tests {
    use super::*;

    #[test]
    fn spiffe_ids_name_role_and_caller() {
        assert_eq!(spiffe("spiffe://cadge/sensor/web-1"), Some((Role::Sensor, "web-1")));
        assert_eq!(spiffe("spiffe://x.example/consumer/a/b"), Some((Role::Consumer, "a/b")));
        for uri in
            ["spiffe://cadge/root/x", "spiffe://cadge/sensor/", "spiffe://cadge", "http://cadge/sensor/x"]
        {
            assert_eq!(spiffe(uri), None, "{uri}");
        }
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("falco-*", "falco-1", true),
            ("*.example", "a.example", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_refusal_says_what_was_shown_and_what_is_needed() {
        let peer = Peer::from_uid(4_000_000, &[]);
        let text = peer.require(&[Role::Consumer]).unwrap_err().to_string();
        assert!(text.contains("user 4000000") && text.contains("consumer"), "{text}");
        assert!(Peer::from_uid(0, &[]).require(&[Role::Sensor]).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_certificate_is_somebody(der in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            proptest::prop_assert_eq!(Peer::from_certificate(&der, &[]).role, None);
        }
    }
}
