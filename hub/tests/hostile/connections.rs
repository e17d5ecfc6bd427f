//! Far too many connections: silent ones from nobody knows who, and more than a client may have.

use std::time::{Duration, Instant};

use cadge_proto::falco::outputs::Request;
use cadge_proto::falco::outputs::service_client::ServiceClient;
use nix::sys::resource::{Resource, getrlimit};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::frames::{PREFACE, frame};
use crate::site::PATIENCE;
use crate::victim::{CLIENT_CONNECTIONS_MAX, CONNECTIONS_MAX, Victim};

/// So many connections, if there are descriptors for them.
const MANY: usize = 10_000;

/// How many of them a case can have; says so aloud where that is fewer.
pub(crate) fn many(case: &str) -> usize {
    let (descriptors, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let count = MANY.min(usize::try_from(descriptors).unwrap().saturating_sub(500));
    if count < MANY {
        eprintln!("SKIPPED some of {case}: only {descriptors} descriptors are allowed");
    }
    count
}

/// A client that comes anew: a connection, a call.
pub(crate) async fn newcomer(victim: &Victim) -> Duration {
    let began = Instant::now();
    let shown = victim.pki.consumer("newcomer");
    let call = async {
        let channel = victim.channel(&shown).await.unwrap();
        ServiceClient::new(channel).get(Request {}).await.unwrap();
    };
    tokio::time::timeout(PATIENCE, call).await.expect("a newcomer is served");
    began.elapsed()
}

pub(crate) fn silent(victim: &Victim, _: u64) {
    let count = many("connections_that_are_silent");
    victim.runtime.block_on(async {
        let mut held = Vec::new();
        let mut slowest = Duration::ZERO;
        while held.len() < count {
            for _ in 0..count.min(500) {
                held.push(TcpStream::connect(victim.address).await.unwrap());
            }
            slowest = slowest.max(newcomer(victim).await);
        }
        // Those who have to make room are closed, not only forgotten.
        let closed = tokio::time::timeout(PATIENCE, held[0].read(&mut [0; 16])).await.expect("it is closed");
        assert!(closed.map_or(true, |count| count == 0));
        eprintln!(
            "hostile: {} silent connections; the slowest newcomer took {} ms",
            held.len(),
            slowest.as_millis()
        );
    });
}

pub(crate) fn too_many(victim: &Victim, _: u64) {
    victim.runtime.block_on(async {
        let mut held = Vec::new();
        let mut refused = 0;
        for name in ["greedy-1", "greedy-2"] {
            let connector = victim.connector(&victim.pki.consumer(name));
            let mut own = 0;
            for _ in 0..CLIENT_CONNECTIONS_MAX + 100 {
                let mut stream = victim.tls(&connector).await.unwrap();
                if greet(&mut stream).await {
                    own += 1;
                } else {
                    refused += 1;
                }
                held.push(stream);
            }
            assert!(own <= CLIENT_CONNECTIONS_MAX + 64, "{name} has {own}");
        }
        assert!(held.len() - refused <= CONNECTIONS_MAX + 64, "{} of {}", refused, held.len());
        assert!(refused >= 200, "{refused}");
        // There is no room for a newcomer now, but there is as soon as they have gone.
        drop(held);
        let again = async {
            let shown = victim.pki.consumer("newcomer");
            loop {
                if let Ok(channel) = victim.channel(&shown).await
                    && ServiceClient::new(channel).get(Request {}).await.is_ok()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, again).await.expect("there is room again");
    });
}

/// Whether the hub answers on a connection.
async fn greet(stream: &mut tokio_rustls::client::TlsStream<TcpStream>) -> bool {
    use tokio::io::AsyncWriteExt as _;
    if stream.write_all(&[PREFACE, &frame(4, 0, 0, &[])].concat()).await.is_err() {
        return false;
    }
    matches!(tokio::time::timeout(PATIENCE, stream.read(&mut [0; 64])).await, Ok(Ok(1..)))
}
