//! The addresses of the hosts that rules name, looked up in the background and again from time to time.
//!
//! The system's resolver is asked, by threads of their own: an answer may take seconds. Whoever evaluates
//! reads the last table that they made, and never waits for them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cadge_engine::Hosts;

use crate::counters::Counters;

/// Names that are looked up; more are refused and counted.
const NAMES_MAX: usize = 4096;

/// Addresses that are remembered of a name.
const ADDRESSES_MAX: usize = 256;

/// Names that are looked up at the same time.
const THREADS: usize = 4;

/// An answer that differs from the one before is asked for again after the first; each that does not
/// doubles the time, up to the second.
const INTERVAL_MIN: Duration = Duration::from_secs(10);
const INTERVAL_MAX: Duration = Duration::from_secs(320);

/// An address stays a name's for so long after the last answer that had it: programs use old answers, and
/// a resolver may give others each time.
const KEEP: Duration = Duration::from_mins(20);

/// Names by address.
type Table = HashMap<IpAddr, Vec<Box<str>>>;

/// What whoever evaluates has of it.
#[derive(Debug)]
pub(crate) struct HostNames {
    shared: Arc<Shared>,
    table: Arc<Table>,
    version: u64,
}

#[derive(Debug)]
struct Shared {
    schedule: Mutex<Schedule>,
    wake: Condvar,
    table: Mutex<Arc<Table>>,
    /// How often the table was replaced.
    version: AtomicU64,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Schedule {
    hosts: Vec<Host>,
    /// When each is to be looked up next, by its place. What is being looked up is not in here.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    is_stopped: bool,
}

/// A name that rules have.
#[derive(Debug)]
struct Host {
    name: Box<str>,
    /// Its addresses, and when an answer last had each.
    addresses: Vec<(IpAddr, Instant)>,
    interval: Duration,
}

impl HostNames {
    /// Begins to look names up. Without any there are no threads.
    pub(crate) fn start(names: BTreeSet<String>, counters: Arc<Counters>) -> Self {
        let refused = names.len().saturating_sub(NAMES_MAX);
        if refused > 0 {
            tracing::warn!(refused, limit = NAMES_MAX, "too many names of hosts in rules");
            Counters::add(&counters.host_names_refused, u64::try_from(refused).unwrap_or(u64::MAX));
        }
        let hosts: Vec<Host> = names.into_iter().take(NAMES_MAX).map(Host::new).collect();
        let now = Instant::now();
        let due = (0..hosts.len()).map(|at| Reverse((now, at))).collect();
        let threads = hosts.len().min(THREADS);
        let shared = Arc::new(Shared {
            schedule: Mutex::new(Schedule { hosts, due, is_stopped: false }),
            wake: Condvar::new(),
            table: Mutex::default(),
            version: AtomicU64::new(0),
            counters,
        });
        for _ in 0..threads {
            let shared = Arc::clone(&shared);
            // Nobody waits for its end: a lookup cannot be interrupted, and leaves nothing behind.
            let started = thread::Builder::new().name("cadge-hosts".to_owned()).spawn(move || shared.run());
            if let Err(error) = started {
                tracing::error!(%error, "a thread that looks names up can't be started");
            }
        }
        Self { shared, table: Arc::default(), version: 0 }
    }

    /// Takes the newest table over, if there is one and nobody is at it.
    pub(crate) fn refresh(&mut self) {
        let version = self.shared.version.load(Ordering::Acquire);
        if version != self.version
            && let Ok(table) = self.shared.table.try_lock()
        {
            self.table = Arc::clone(&table);
            self.version = version;
        }
    }
}

impl Hosts for HostNames {
    fn names(&self, ip: IpAddr) -> &[Box<str>] {
        self.table.names(ip.to_canonical())
    }
}

impl Drop for HostNames {
    fn drop(&mut self) {
        self.shared.schedule().is_stopped = true;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks up one name after the other, each when it is due.
    fn run(&self) {
        while let Some((at, name)) = self.next() {
            let answer = resolve(&name);
            Counters::add(&self.counters.host_lookups, 1);
            let mut schedule = self.schedule();
            let now = Instant::now();
            let Some(host) = schedule.hosts.get_mut(at) else { continue };
            let changed = match answer {
                Ok(addresses) => host.answer(&addresses, now),
                Err(error) => {
                    tracing::debug!(name = &*name, %error, "the host's name can't be looked up");
                    Counters::add(&self.counters.host_lookups_failed, 1);
                    host.answer(&[], now)
                }
            };
            let next = now + host.interval;
            schedule.due.push(Reverse((next, at)));
            if changed {
                self.publish(&schedule);
            }
            self.wake.notify_one();
        }
    }

    /// Waits for the next name that is due; nothing at the end.
    fn next(&self) -> Option<(usize, Box<str>)> {
        let mut schedule = self.schedule();
        loop {
            if schedule.is_stopped {
                return None;
            }
            let now = Instant::now();
            schedule = match schedule.due.peek().copied() {
                Some(Reverse((time, at))) if time <= now => {
                    schedule.due.pop();
                    return Some((at, schedule.hosts.get(at)?.name.clone()));
                }
                Some(Reverse((time, _))) => {
                    self.wake.wait_timeout(schedule, time - now).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.wake.wait(schedule).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn publish(&self, schedule: &Schedule) {
        let mut table = Table::new();
        for host in &schedule.hosts {
            for (ip, _) in &host.addresses {
                table.entry(*ip).or_default().push(host.name.clone());
            }
        }
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl Host {
    fn new(name: String) -> Self {
        Self { name: name.into(), addresses: Vec::new(), interval: INTERVAL_MIN }
    }

    /// Notes an answer. Whether the addresses are others than before.
    fn answer(&mut self, addresses: &[IpAddr], now: Instant) -> bool {
        let before = self.addresses.len();
        self.addresses.retain(|(_, seen)| now.duration_since(*seen) < KEEP);
        let mut changed = before != self.addresses.len();
        for ip in addresses.iter().map(IpAddr::to_canonical) {
            if let Some((_, seen)) = self.addresses.iter_mut().find(|(known, _)| *known == ip) {
                *seen = now;
            } else if self.addresses.len() < ADDRESSES_MAX {
                self.addresses.push((ip, now));
                changed = true;
            }
        }
        self.interval = if changed { INTERVAL_MIN } else { (self.interval * 2).min(INTERVAL_MAX) };
        changed
    }
}

/// The addresses that the system has for a name.
fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    // The port is nobody's: the resolver wants one.
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn wait_for(hosts: &mut HostNames, is_done: impl Fn(&HostNames) -> bool) {
        let begun = Instant::now();
        while !is_done(hosts) {
            assert!(begun.elapsed() < Duration::from_mins(1), "{hosts:?}");
            thread::sleep(Duration::from_millis(5));
            hosts.refresh();
        }
    }

    /// A name of `/etc/hosts` that has the address.
    fn other_name(ip: &str) -> Option<String> {
        let text = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split('#').next()?.trim().strip_prefix(ip));
        lines.flat_map(str::split_whitespace).find(|name| *name != "localhost").map(str::to_owned)
    }

    #[test]
    fn the_system_knows_localhost() {
        let counters = Arc::new(Counters::default());
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut names = BTreeSet::from(["localhost".to_owned(), "no such host".to_owned()]);
        names.extend(other_name("127.0.0.1"));
        let count = u64::try_from(names.len()).unwrap();
        let mut hosts = HostNames::start(names.clone(), Arc::clone(&counters));
        // Before there is an answer there is no name, and nobody has waited.
        assert!(hosts.names(ip).is_empty());
        wait_for(&mut hosts, |hosts| {
            counters.host_lookups.load(Ordering::Relaxed) == count && !hosts.names(ip).is_empty()
        });
        wait_for(&mut hosts, |hosts| hosts.names(ip).len() == names.len() - 1);
        assert!(hosts.names(ip).iter().all(|name| names.contains(&**name)));
        // As sockets of both families have it.
        assert_eq!(hosts.names("::ffff:127.0.0.1".parse().unwrap()), hosts.names(ip));
        assert_eq!(counters.host_lookups_failed.load(Ordering::Relaxed), 1);
        let shared = Arc::downgrade(&hosts.shared);
        drop(hosts);
        let begun = Instant::now();
        while shared.upgrade().is_some() {
            assert!(begun.elapsed() < Duration::from_mins(1), "the threads do not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn names_are_bounded() {
        let counters = Arc::new(Counters::default());
        let names = (0..NAMES_MAX + 3).map(|at| format!("{at}.invalid")).collect();
        let hosts = HostNames::start(names, Arc::clone(&counters));
        assert_eq!(counters.host_names_refused.load(Ordering::Relaxed), 3);
        assert_eq!(hosts.shared.schedule().hosts.len(), NAMES_MAX);
    }

    #[test]
    fn an_address_stays_for_a_while() {
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut host = Host::new("pool.example".to_owned());
        let begun = Instant::now();
        assert!(host.answer(&[a], begun));
        assert!(host.answer(&[b], begun + Duration::from_secs(1)));
        assert!(!host.answer(&[b, a], begun + Duration::from_secs(2)));
        assert_eq!(host.interval, INTERVAL_MIN * 2);
        assert!(!host.answer(&[b], begun + KEEP / 2));
        assert!(host.answer(&[b], begun + Duration::from_secs(2) + KEEP));
        assert_eq!(host.addresses.iter().map(|(ip, _)| *ip).collect::<Vec<_>>(), [b]);
        let many: Vec<IpAddr> = (0..1000_u32).map(|at| Ipv4Addr::from(at).into()).collect();
        host.answer(&many, begun + KEEP * 2);
        assert!(host.addresses.len() <= ADDRESSES_MAX);
    }
}
