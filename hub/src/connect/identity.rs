//! Who is calling: a role, a name, and what this caller in particular may do.

use std::collections::HashSet;
use std::sync::Arc;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::Role;
use crate::error::CallError;
use crate::filter::Filter;

/// Bytes of a name. Longer ones name nobody.
const NAME_BYTES_MAX: usize = 256;

/// How much a caller may have at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Calls, or requests by HTTP, begun in a second; 0 is any number.
    pub(crate) requests_per_second: u32,
    pub(crate) connections_max: usize,
    pub(crate) calls_max: usize,
    /// Of messages that are on their way.
    pub(crate) bytes_max: usize,
}

/// A caller.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// What it may do; `None` if nobody says so.
    pub(crate) role: Option<Role>,
    /// Its name: a sensor's, for one.
    pub(crate) name: String,
    /// The alerts that it may see; `None` is all.
    pub(crate) allowed: Option<Arc<Filter>>,
    /// How much it may have.
    pub(crate) limits: Limits,
    /// What it has shown, for errors and the log.
    pub(crate) presented: String,
    /// Like its name, but nobody else's.
    owner: String,
    kind: Kind,
}

/// Where a name comes from. The same name from two of them is two callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A SPIFFE id that says the role.
    Role,
    /// Another URI.
    Uri,
    /// A DNS name.
    Dns,
    /// A common name.
    Cn,
    /// The name that the configuration gives to certificates.
    Named,
    /// The name that the configuration gives to a user.
    User,
    /// A user that it does not name.
    Uid,
    /// The name of a token.
    Token,
}

impl Peer {
    pub(crate) fn new(role: Option<Role>, kind: Kind, name: &str, presented: String, limits: Limits) -> Self {
        let role_part = match role {
            Some(Role::Consumer) => "",
            Some(Role::Sensor) => "sensor:",
            Some(Role::Admin) => "admin:",
            None => "none:",
        };
        let kind_part = match kind {
            Kind::Role => "",
            Kind::Uri => "uri:",
            Kind::Dns => "dns:",
            Kind::Cn => "cn:",
            Kind::Named => "name:",
            Kind::User => "user:",
            Kind::Uid => "uid:",
            Kind::Token => "token:",
        };
        let owner = format!("{role_part}{kind_part}{}", escaped(name));
        Self { role, name: name.to_owned(), allowed: None, limits, presented, owner, kind }
    }

    /// Whether it is whoever has a token of this name.
    pub(crate) fn is_token(&self, name: &str) -> bool {
        self.kind == Kind::Token && self.name == name
    }

    /// The same, but it sees only the alerts that a filter admits.
    pub(crate) fn seeing(self, allowed: Option<Arc<Filter>>) -> Self {
        Self { allowed, ..self }
    }

    /// What no other caller has: its name, with where it comes from unless that is a SPIFFE id with the
    /// role `consumer`. It contains no `/`.
    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// The cursor with a name among the caller's own; without a name the one of clients that know of none.
    pub(crate) fn cursor(&self, name: &str) -> String {
        match name {
            "" => format!("consumer/{}", self.owner),
            name => format!("consumer/{}/{name}", self.owner),
        }
    }

    /// An error unless it has one of these roles, or is an admin.
    pub(crate) fn require(&self, roles: &[Role]) -> Result<(), CallError> {
        let roles: HashSet<Role> = roles.iter().copied().chain([Role::Admin]).collect();
        if self.role.is_some_and(|role| roles.contains(&role)) {
            return Ok(());
        }
        let needed: Vec<&str> =
            Role::ALL.iter().filter(|role| roles.contains(role)).map(|role| role.name()).collect();
        Err(CallError::Role { presented: self.presented.clone(), needed: needed.join(" or ") })
    }
}

/// A name with `/`, `:` and `%` as in a URI: what separates names is not in them.
fn escaped(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F").replace(':', "%3A")
}

/// The names in a certificate.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) uris: Vec<String>,
    pub(crate) dns: Vec<String>,
    pub(crate) cn: Option<String>,
}

impl Names {
    /// `None` if it cannot be read.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut names = Self::default();
        if let Ok(Some(extension)) = certificate.subject_alternative_name() {
            for name in &extension.value.general_names {
                match name {
                    GeneralName::URI(uri) => names.uris.extend(sound(uri)),
                    GeneralName::DNSName(name) => names.dns.extend(sound(&name.to_ascii_lowercase())),
                    _ => {}
                }
            }
        }
        let common = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        names.cn = common.and_then(sound);
        Some(names)
    }

    /// All of them, for an error.
    pub(crate) fn listed(&self) -> String {
        let all: Vec<&str> =
            self.uris.iter().chain(&self.dns).chain(&self.cn).map(String::as_str).take(8).collect();
        all.join(", ")
    }
}

/// A name that can name somebody: it goes into logs and cursors.
fn sound(name: &str) -> Option<String> {
    let is_sound = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    is_sound.then(|| name.to_owned())
}

/// The last second in which a certificate is valid, since 1970; `None` if it cannot be read.
pub(crate) fn not_after(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { requests_per_second: 0, connections_max: 1, calls_max: 1, bytes_max: 1 };

    const KINDS: [Kind; 8] =
        [Kind::Role, Kind::Uri, Kind::Dns, Kind::Cn, Kind::Named, Kind::User, Kind::Uid, Kind::Token];

    fn peer(role: Option<Role>, kind: Kind, name: &str) -> Peer {
        Peer::new(role, kind, name, String::new(), LIMITS)
    }

    #[test]
    fn a_consumer_by_spiffe_id_has_a_plain_cursor() {
        let web = peer(Some(Role::Consumer), Kind::Role, "web-1.example");
        assert_eq!(web.cursor(""), "consumer/web-1.example");
        assert_eq!(web.cursor("a/b"), "consumer/web-1.example/a/b");
    }

    #[test]
    fn a_refusal_says_what_was_shown_and_what_is_needed() {
        let nobody = Peer::new(None, Kind::Uid, "4000000", "user 4000000 has no role".to_owned(), LIMITS);
        let text = nobody.require(&[Role::Consumer]).unwrap_err().to_string();
        assert!(text.contains("user 4000000") && text.contains("consumer or admin"), "{text}");
        assert!(nobody.require(&[]).unwrap_err().to_string().ends_with("the role admin"));
        let admin = peer(Some(Role::Admin), Kind::Uid, "0");
        assert!(admin.require(&[Role::Sensor]).is_ok() && admin.require(&[]).is_ok());
    }

    fn any_peer() -> impl Strategy<Value = (Option<Role>, usize, String)> {
        let role =
            prop::sample::select(vec![None, Some(Role::Sensor), Some(Role::Consumer), Some(Role::Admin)]);
        (role, 0..KINDS.len(), "[ab/:%]{0,4}|admin:a|uid:0|cn:a|a/b|a%2Fb")
    }

    proptest! {
        #[test]
        fn no_two_callers_share_a_cursor(one in any_peer(), other in any_peer(), cursors in ("[ab/:%]{0,4}", "[ab/:%]{0,4}")) {
            let of = |(role, kind, name): &(_, usize, String), cursor: &str| peer(*role, KINDS[*kind], name).cursor(cursor);
            if one != other {
                prop_assert_ne!(of(&one, &cursors.0), of(&other, &cursors.1));
            } else if cursors.0 != cursors.1 {
                prop_assert_ne!(of(&one, &cursors.0), of(&one, &cursors.1));
            }
        }

        #[test]
        fn any_bytes_are_a_certificate_or_none(der in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Names::of(&der), None);
            prop_assert_eq!(not_after(&der), None);
        }
    }
}
