//! What each client has at the moment, and whether it may have more: connections, calls, calls a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::connect::identity::{Limits, Peer};
use crate::service::OnTheirWay;

/// Clients that are remembered though they have nothing open: their calls of the last second count.
const IDLE_MAX: usize = 4096;

/// Every client that has something open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients(Arc<Mutex<HashMap<String, Client>>>);

#[derive(Debug)]
struct Client {
    connections: usize,
    calls: usize,
    /// Calls that it may begin at once, and when that was so.
    tokens: f64,
    counted: Instant,
    on_their_way: OnTheirWay,
}

/// What a client has.
#[derive(Clone, Copy, Debug)]
enum Thing {
    Connection,
    Call,
}

/// Something that counts as long as it lives.
#[derive(Debug)]
pub(crate) struct Held {
    clients: Clients,
    owner: String,
    thing: Thing,
    on_their_way: OnTheirWay,
}

/// Why a client may not have more, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("`{name}` has {most} connections, as many as it may: close one first")]
    Connections { name: String, most: usize },
    #[error("`{name}` has {most} calls open, as many as it may: end one first")]
    Calls { name: String, most: usize },
    #[error("`{name}` may begin {most} requests in a second: try again in {retry_ms} ms")]
    Rate { name: String, most: u32, retry_ms: u64 },
    #[error("the hub has as many connections as it may: try again later")]
    Full,
}

impl Refusal {
    /// The label of the counter.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Self::Connections { .. } => "client_connections",
            Self::Calls { .. } => "client_calls",
            Self::Rate { .. } => "rate",
            Self::Full => "connections",
        }
    }
}

impl Clients {
    /// One more connection.
    pub(crate) fn connect(&self, peer: &Peer) -> Result<Held, Refusal> {
        let mut clients = self.lock();
        let client = entry(&mut clients, peer, Instant::now());
        let most = peer.limits.connections_max;
        if client.connections >= most {
            return Err(Refusal::Connections { name: peer.name.clone(), most });
        }
        client.connections += 1;
        Ok(self.held(peer, Thing::Connection, client))
    }

    /// One more call.
    pub(crate) fn call(&self, peer: &Peer, now: Instant) -> Result<Held, Refusal> {
        let mut clients = self.lock();
        let client = entry(&mut clients, peer, now);
        let most = peer.limits.calls_max;
        if client.calls >= most {
            return Err(Refusal::Calls { name: peer.name.clone(), most });
        }
        client.take(&peer.limits, now).map_err(|wait| Refusal::Rate {
            name: peer.name.clone(),
            most: peer.limits.requests_per_second,
            retry_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1),
        })?;
        client.calls += 1;
        Ok(self.held(peer, Thing::Call, client))
    }

    fn held(&self, peer: &Peer, thing: Thing, client: &Client) -> Held {
        let on_their_way = client.on_their_way.clone();
        Held { clients: self.clone(), owner: peer.owner().to_owned(), thing, on_their_way }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry<'a>(clients: &'a mut HashMap<String, Client>, peer: &Peer, now: Instant) -> &'a mut Client {
    if clients.len() > IDLE_MAX && !clients.contains_key(peer.owner()) {
        // A bucket is full again after a second: who has been idle for longer is as good as new.
        clients.retain(|_, client| {
            client.is_busy() || now.duration_since(client.counted) < Duration::from_secs(1)
        });
    }
    let tokens = f64::from(peer.limits.requests_per_second);
    clients.entry(peer.owner().to_owned()).or_insert(Client {
        connections: 0,
        calls: 0,
        tokens,
        counted: now,
        on_their_way: OnTheirWay::default(),
    })
}

impl Client {
    fn is_busy(&self) -> bool {
        self.connections + self.calls > 0
    }

    /// Takes one call out of the second's; says otherwise how long to wait for it.
    fn take(&mut self, limits: &Limits, now: Instant) -> Result<(), Duration> {
        let rate = f64::from(limits.requests_per_second);
        if rate == 0.0 {
            return Ok(());
        }
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(rate);
        self.counted = now;
        if self.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.tokens) / rate));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

impl Held {
    /// What the client has on its way in all its calls.
    pub(crate) fn on_their_way(&self) -> OnTheirWay {
        self.on_their_way.clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get_mut(&self.owner) {
            match self.thing {
                Thing::Connection => client.connections -= 1,
                Thing::Call => client.calls -= 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;
    use crate::connect::identity::Kind;

    fn peer(name: &str, requests_per_second: u32) -> Peer {
        let limits = Limits { requests_per_second, connections_max: 2, calls_max: 3, bytes_max: 1 };
        Peer::new(Some(Role::Consumer), Kind::Role, name, String::new(), limits)
    }

    #[test]
    fn what_is_given_back_can_be_had_again_and_clients_do_not_see_each_other() {
        let clients = Clients::default();
        let (a, b) = (peer("a", 0), peer("b", 0));
        let held: Vec<_> = (0..2).map(|_| clients.connect(&a).unwrap()).collect();
        let refusal = clients.connect(&a).unwrap_err();
        assert_eq!(refusal.to_string(), "`a` has 2 connections, as many as it may: close one first");
        assert!(clients.connect(&b).is_ok());
        drop(held);
        assert!(clients.connect(&a).is_ok());
        let now = Instant::now();
        let _calls: Vec<_> = (0..3).map(|_| clients.call(&a, now).unwrap()).collect();
        assert_eq!(clients.call(&a, now).unwrap_err().cause(), "client_calls");
    }

    #[test]
    fn a_second_brings_as_many_calls_as_the_rate_says() {
        let clients = Clients::default();
        let (a, start) = (peer("a", 10), Instant::now());
        let taken = |now| (0..100).filter(|_| clients.call(&a, now).is_ok()).count();
        assert_eq!(taken(start), 10);
        let refusal = clients.call(&a, start).unwrap_err();
        assert_eq!(refusal, Refusal::Rate { name: "a".to_owned(), most: 10, retry_ms: 100 });
        assert_eq!(taken(start + Duration::from_millis(550)), 5);
        assert_eq!(taken(start + Duration::from_hours(1)), 10);
        // A clock that stands still gives nothing.
        assert_eq!(taken(start + Duration::from_hours(1)), 0);
    }

    #[test]
    fn without_a_rate_a_storm_is_let_through() {
        let (clients, a, now) = (Clients::default(), peer("a", 0), Instant::now());
        // As many as Falco's http_output sends in ten seconds of a storm, in none.
        assert!((0..100_000).all(|_| clients.call(&a, now).is_ok()));
    }

    #[test]
    fn clients_that_have_gone_are_forgotten() {
        let (clients, start) = (Clients::default(), Instant::now());
        for round in 0..3_u64 {
            let now = start + Duration::from_secs(round * 2);
            for at in 0..IDLE_MAX {
                clients.call(&peer(&format!("{round}-{at}"), 1), now).unwrap();
            }
        }
        assert!(clients.lock().len() <= IDLE_MAX + 1, "{}", clients.lock().len());
    }
}
