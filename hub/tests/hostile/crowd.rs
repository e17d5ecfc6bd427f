//! Ten thousand connections of known clients: each has completed mutual TLS, has begun HTTP/2, answers
//! when it is asked for a sign of life, and wants nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cadge_proto::falco::outputs::Request;
use cadge_proto::falco::outputs::service_client::ServiceClient;
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use crate::connections::{many, newcomer};
use crate::frames::{PREFACE, frame};
use crate::site::PATIENCE;
use crate::victim::{Bounds, Victim};

/// Clients that they are of.
const CLIENTS: usize = 5;

/// Handshakes at the same time.
const AT_ONCE: usize = 64;

/// They stay for so long: longer than the hub bears with who gives no sign of life.
const STAY: Duration = Duration::from_secs(27);

pub(crate) fn idle(_: &Victim, _: u64) {
    let each = many("connections_that_are_secured_and_idle") / CLIENTS;
    // The good clients and a newcomer have their own.
    let bounds = Bounds { connections_max: each * CLIENTS + 100, client_connections_max: each };
    let victim = Victim::start(&bounds);
    let (open, mut crowd) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    victim.runtime.block_on(async {
        let began = Instant::now();
        for client in 0..CLIENTS {
            let shown = victim.pki.consumer(&format!("crowd-{client}"));
            let connector = victim.connector(&shown);
            let mut secured = stream::iter(0..each).map(|_| victim.tls(&connector)).buffer_unordered(AT_ONCE);
            while let Some(stream) = secured.next().await {
                let (stream, open) = (stream.unwrap(), Arc::clone(&open));
                crowd.spawn(async move {
                    if stay(stream, &open).await.is_err() {
                        open.fetch_sub(1, Ordering::Relaxed);
                    }
                });
            }
            // The hub counts a connection once it knows whose it is, which is before it says anything.
            let answered = async {
                while open.load(Ordering::Relaxed) < (client + 1) * each {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(PATIENCE, answered).await.expect("all of them are answered");
            refused(&victim, &shown, each).await;
        }
        eprintln!("hostile: {} secured connections after {:?}", each * CLIENTS, began.elapsed());
        tokio::time::sleep(STAY).await;
        assert_eq!(open.load(Ordering::Relaxed), each * CLIENTS, "all of them are still there");
        let served = newcomer(&victim).await;
        eprintln!("hostile: a newcomer among them took {} ms", served.as_millis());
    });
    victim.check("secured connections that are idle");
    victim.runtime.block_on(async {
        crowd.shutdown().await;
        newcomer(&victim).await;
    });
}

/// One more connection of a client that has all of its own is told so.
async fn refused(victim: &Victim, shown: &crate::secured::Shown, each: usize) {
    let channel = victim.channel(shown).await.unwrap();
    let status = ServiceClient::new(channel).get(Request {}).await.expect_err("it is one too many");
    assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status:?}");
    let text = format!("has {each} connections, as many as it may: close one first");
    assert!(status.message().ends_with(&text), "{}", status.message());
}

/// Begins HTTP/2, and answers settings and pings until the end, which is always an error. It is open from
/// the hub's first word on.
async fn stay(mut stream: TlsStream<TcpStream>, open: &AtomicUsize) -> std::io::Result<()> {
    stream.write_all(&[PREFACE, &frame(4, 0, 0, &[])].concat()).await.unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    open.fetch_add(1, Ordering::Relaxed);
    loop {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap_or(0)];
        stream.read_exact(&mut payload).await?;
        match (head[3], head[4] & 1) {
            (4, 0) => stream.write_all(&frame(4, 1, 0, &[])).await?,
            (6, 0) => stream.write_all(&frame(6, 1, 0, &payload)).await?,
            // The hub says that it is going to close.
            (7, _) => return Err(std::io::ErrorKind::ConnectionAborted.into()),
            _ => {}
        }
        stream.read_exact(&mut head).await?;
    }
}
