//! Bytes that are no HTTP/2, or nearly.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::victim::Victim;

/// Connections of each kind.
const BY_SOCKET: usize = 3000;
const BY_TLS: usize = 300;

/// What a connection begins with.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame (RFC 9113, 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a call to a method, without compression (RFC 7541, 6.2.2).
pub(crate) fn head(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// A call that is as it should be.
fn sound() -> Vec<u8> {
    let mut bytes = [PREFACE, &frame(4, 0, 0, &[0, 3, 0, 0, 0, 100])].concat();
    for (stream, path) in [(1, "/falco.outputs.service/sub"), (3, "/cadge.v1.Outputs/Subscribe")] {
        bytes.extend(frame(1, 4, stream, &head(path)));
        bytes.extend(frame(0, 0, stream, &[0, 0, 0, 0, 2, 10, 0]));
        bytes.extend(frame(8, 0, stream, &[0, 0, 1, 0]));
    }
    bytes.extend(frame(6, 0, 0, &[0; 8]));
    bytes
}

/// Something that a hub should survive.
fn bytes(rng: &mut StdRng) -> Vec<u8> {
    let some = |rng: &mut StdRng, most: usize| {
        let mut bytes = vec![0; rng.random_range(1..most)];
        rng.fill(&mut bytes[..]);
        bytes
    };
    match rng.random_range(0..4) {
        0 => some(rng, 200),
        1 => [PREFACE, &some(rng, 400)].concat(),
        2 => {
            let mut bytes = PREFACE.to_vec();
            for _ in 0..rng.random_range(1..20) {
                let payload = some(rng, 100);
                let (kind, flags) = (rng.random_range(0..12), rng.random());
                bytes.extend(frame(kind, flags, rng.random_range(0..6), &payload));
            }
            bytes
        }
        _ => {
            let mut bytes = sound();
            for _ in 0..rng.random_range(1..6) {
                let at = rng.random_range(0..bytes.len());
                match rng.random_range(0..3) {
                    0 => bytes[at] = rng.random(),
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.splice(at..at, some(rng, 8)).for_each(drop),
                }
            }
            bytes
        }
    }
}

/// Says it, and listens a little.
async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) {
    let _ = stream.write_all(bytes).await;
    let mut answer = [0; 256];
    let _ = tokio::time::timeout(Duration::from_millis(2), stream.read(&mut answer)).await;
}

pub(crate) fn fuzz(victim: &Victim, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let connector = victim.connector(&victim.pki.consumer("fuzz"));
    victim.runtime.block_on(async {
        for _ in 0..BY_SOCKET {
            say(victim.unix().await.unwrap(), &bytes(&mut rng)).await;
        }
        for _ in 0..BY_TLS {
            say(victim.tls(&connector).await.unwrap(), &bytes(&mut rng)).await;
        }
        // In the place of the handshake.
        for _ in 0..BY_TLS {
            let stream = tokio::net::TcpStream::connect(victim.address).await.unwrap();
            say(stream, &bytes(&mut rng)).await;
        }
        // What they are made of does come through.
        let mut stream = victim.unix().await.unwrap();
        stream.write_all(&sound()).await.unwrap();
        let mut answer = vec![0; 1 << 16];
        let found = async {
            let mut read = 0;
            // The head of an answer, on the first stream.
            while !answer[..read].windows(9).any(|part| part[3] == 1 && part[5..] == [0, 0, 0, 1]) {
                let count = stream.read(&mut answer[read..]).await.unwrap();
                assert!(count > 0, "a sound call was hung up on");
                read += count;
            }
        };
        tokio::time::timeout(crate::site::PATIENCE, found).await.expect("a sound call is answered");
    });
}
