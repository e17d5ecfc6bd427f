//! The network between a party and the hubs, which can be cut and stalled.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use rand::seq::SliceRandom as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a network does.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    /// Each number is a cut of all connections that are there.
    cuts: u64,
    /// The cut comes in the middle of what is being written.
    in_the_middle: bool,
    /// Nothing passes, in either direction.
    stalled: bool,
}

/// One party's network. Each connection goes to a hub chosen at random, of those that answer.
pub(crate) struct Net {
    pub(crate) port: u16,
    weather: watch::Sender<Weather>,
}

impl Net {
    /// To be called within a runtime.
    pub(crate) fn new(hubs: Arc<Vec<u16>>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let listener = TcpListener::from_std(listener).unwrap();
        let (weather, seen) = watch::channel(Weather::default());
        tokio::spawn(async move {
            while let Ok((party, _)) = listener.accept().await {
                let (hubs, seen) = (Arc::clone(&hubs), seen.clone());
                // Ends with its connection.
                tokio::spawn(async move {
                    if let Some(hub) = reach(&hubs).await {
                        carry(party, hub, seen).await;
                    }
                });
            }
        });
        Self { port, weather }
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self, in_the_middle: bool) {
        self.weather.send_modify(|weather| {
            weather.cuts += 1;
            weather.in_the_middle = in_the_middle;
        });
    }

    /// Holds everything up, or lets it pass again.
    pub(crate) fn stall(&self, stalled: bool) {
        self.weather.send_modify(|weather| weather.stalled = stalled);
    }
}

async fn reach(hubs: &[u16]) -> Option<TcpStream> {
    let mut order = hubs.to_vec();
    order.shuffle(&mut rand::rng());
    for port in order {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return Some(stream);
        }
    }
    None
}

/// Carries bytes both ways until one side ends or the connection is cut.
async fn carry(party: TcpStream, hub: TcpStream, weather: watch::Receiver<Weather>) {
    let abrupt = rand::rng().random_bool(0.5);
    for stream in [&party, &hub] {
        let _ = stream.set_nodelay(true);
        if abrupt {
            // The other side gets a reset instead of an end.
            let _ = stream.set_zero_linger();
        }
    }
    let ((from_party, to_party), (from_hub, to_hub)) = (party.into_split(), hub.into_split());
    tokio::select! {
        _ = pump(from_party, to_hub, weather.clone()) => {}
        _ = pump(from_hub, to_party, weather) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 32 << 10];
    let cuts = weather.borrow_and_update().cuts;
    loop {
        let now = *weather.borrow_and_update();
        if now.cuts != cuts {
            return cut(&mut from, &mut to, &mut buffer, now.in_the_middle).await;
        }
        if now.stalled {
            weather.changed().await.map_err(|_| std::io::Error::from(ErrorKind::BrokenPipe))?;
            continue;
        }
        let count = tokio::select! {
            biased;
            _ = weather.changed() => continue,
            count = from.read(&mut buffer) => count?,
        };
        if count == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..count]).await?;
    }
}

/// Ends the connection, with a part of what comes next if that is asked for.
async fn cut(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    buffer: &mut [u8],
    in_the_middle: bool,
) -> std::io::Result<()> {
    if in_the_middle
        && let Ok(count) = tokio::time::timeout(Duration::from_millis(200), from.read(buffer)).await
    {
        let part = rand::rng().random_range(0..=count?);
        to.write_all(&buffer[..part]).await?;
    }
    Ok(())
}
