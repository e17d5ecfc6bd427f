//! What is remembered of sockets, because the kernel does not say it later: which end a program is, and
//! what the socket was called. And which addresses are this host's.

use std::collections::HashSet;
use std::collections::hash_map::{DefaultHasher, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Sockets that are remembered: those seen last, and at least so many.
const SOCKETS_MAX: usize = 16_384;

/// The host's addresses are looked up again so often, when somebody asks.
const REFRESH: Duration = Duration::from_secs(10);

/// Which end of a connection a program is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// None yet.
    #[default]
    None,
    /// The end that asked.
    Client,
    /// The end that is asked.
    Server,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    role: Role,
    /// A hash of the name.
    name: u64,
}

/// Sockets by inode. When the newer half is full it becomes the older one, which goes.
#[derive(Debug)]
pub(crate) struct Sockets {
    newer: HashMap<u64, Seen>,
    older: HashMap<u64, Seen>,
    max: usize,
    addresses: HashSet<IpAddr>,
    looked: Option<Instant>,
}

impl Sockets {
    pub(crate) fn new() -> Self {
        Self {
            newer: HashMap::new(),
            older: HashMap::new(),
            max: SOCKETS_MAX,
            addresses: HashSet::new(),
            looked: None,
        }
    }

    /// The role in which a socket was seen last.
    pub(crate) fn role(&self, ino: u64) -> Role {
        self.seen(ino).map_or(Role::None, |seen| seen.role)
    }

    fn seen(&self, ino: u64) -> Option<Seen> {
        self.newer.get(&ino).or_else(|| self.older.get(&ino)).copied()
    }

    /// Notes a socket. Answers whether it had another name before.
    pub(crate) fn note(&mut self, ino: u64, role: Role, name: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let name_hash = hasher.finish();
        let before = self.seen(ino);
        if self.newer.len() >= self.max && !self.newer.contains_key(&ino) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(ino, Seen { role, name: name_hash });
        before.map_or(!name.is_empty(), |seen| seen.name != name_hash)
    }

    /// Whether an address is one of this host's.
    pub(crate) fn is_local(&mut self, address: IpAddr) -> bool {
        if self.looked.is_none_or(|looked| looked.elapsed() >= REFRESH) {
            self.looked = Some(Instant::now());
            if let Ok(interfaces) = nix::ifaddrs::getifaddrs() {
                self.addresses = interfaces.filter_map(|interface| ip(&interface.address?)).collect();
            }
        }
        self.addresses.contains(&address)
    }
}

fn ip(address: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_changes_once() {
        let mut sockets = Sockets::new();
        assert!(!sockets.note(7, Role::None, b""));
        assert!(sockets.note(7, Role::Client, b"a->b"));
        assert!(!sockets.note(7, Role::Client, b"a->b"));
        assert!(sockets.note(7, Role::Client, b"a->c"));
        assert_eq!(sockets.role(7), Role::Client);
        assert_eq!(sockets.role(8), Role::None);
    }

    #[test]
    fn this_host_has_a_loopback_address_and_not_any() {
        let mut sockets = Sockets::new();
        assert!(sockets.is_local([127, 0, 0, 1].into()));
        assert!(!sockets.is_local([192, 0, 2, 77].into()));
    }

    proptest! {
        #[test]
        fn sockets_are_bounded_and_the_last_ones_stay(inodes in prop::collection::vec(0..60_u64, 1..300)) {
            let mut sockets = Sockets { max: 8, ..Sockets::new() };
            for ino in &inodes {
                sockets.note(*ino, Role::Server, b"x");
                prop_assert!(sockets.newer.len() <= 8 && sockets.older.len() <= 8);
            }
            prop_assert!(inodes.iter().rev().take(8).all(|ino| sockets.role(*ino) == Role::Server));
        }
    }
}
