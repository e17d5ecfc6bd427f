//! A webhook's other end: counts what is posted to it, by uuid.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::received::Name;

/// What it has got.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) port: u16,
    posted: Arc<Mutex<HashMap<String, u64>>>,
    refuses: Arc<AtomicBool>,
}

impl Sink {
    /// To be called within a runtime.
    pub(crate) fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let listener = TcpListener::from_std(listener).unwrap();
        let sink = Self { port, posted: Arc::default(), refuses: Arc::default() };
        let accepting = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = accepting.clone();
                // Ends with its connection.
                tokio::spawn(async move { sink.serve(stream).await });
            }
        });
        sink
    }

    /// Answers 503 to everything, or takes it again.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }

    /// How often each uuid came.
    pub(crate) fn posted(&self) -> HashMap<String, u64> {
        self.posted.lock().unwrap().clone()
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let (mut read, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
        loop {
            while let Some((body, end)) = request(&read) {
                let answer = if self.refuses.load(Ordering::Relaxed) {
                    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
                } else {
                    self.take(&read[body..end]);
                    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
                };
                read.drain(..end);
                stream.write_all(answer.as_bytes()).await?;
            }
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                count => read.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn take(&self, body: &[u8]) {
        let value: serde_json::Value = serde_json::from_slice(body).unwrap();
        let uuid = value["uuid"].as_str().unwrap().to_owned();
        *self.posted.lock().unwrap().entry(uuid).or_default() += 1;
    }
}

/// Where the first request's body begins and ends, if all of it is there.
fn request(read: &[u8]) -> Option<(usize, usize)> {
    let body = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&read[..body]).to_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
    (read.len() >= body + length).then_some((body, body + length))
}

/// The uuid under which an alert is posted: the low part counts, the high one names sensor and epoch.
pub(crate) fn uuid(name: &Name) -> String {
    let (sensor, epoch, sequence) = name;
    let hash = sensor.bytes().chain(epoch.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let (upper, lower) = (0x8000 | (sequence >> 48 & 0x3fff), sequence & 0xffff_ffff_ffff);
    format!("{:08x}-{:04x}-8{:03x}-{upper:04x}-{lower:012x}", hash >> 32, hash >> 16 & 0xffff, hash & 0xfff)
}
