//! Alerts by HTTP: each connection posts, waits for the answer, and posts again, as Falco does.

use std::fmt::Write as _;
use std::time::Instant;

use cadge_proto::json::{FieldKind, to_falco};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::alerts::alert;
use crate::serve::TOKEN;

/// The answer's end: it has no body.
const END: &[u8] = b"\r\n\r\n";

/// What stands in an alert for its number.
const NUMBER: &str = "4444";

/// Posts, and prints how many seconds it took until everything was durable.
pub(crate) fn run(address: &str, connections: u64, batch: u64, alerts: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connected = Vec::new();
        for number in 0..connections {
            let name = format!("post-{}-{number}", std::process::id());
            connected.push((name, TcpStream::connect(address).await.unwrap()));
        }
        let start = Instant::now();
        let posts: Vec<_> = connected
            .into_iter()
            .map(|(name, stream)| tokio::spawn(post_all(stream, name, batch, alerts / connections)))
            .collect();
        for post in posts {
            post.await.unwrap();
        }
        println!("{}", start.elapsed().as_secs_f64());
    });
}

async fn post_all(mut stream: TcpStream, name: String, batch: u64, count: u64) {
    let template = to_falco(&alert(&name, 1), |_| FieldKind::Text);
    let (before, behind) = template.split_once(NUMBER).unwrap();
    let mut sent = 0;
    while sent < count {
        let last = (sent + batch).min(count);
        let mut body = String::with_capacity(template.len() * usize::try_from(batch).unwrap() + 64);
        for number in sent..last {
            // No two are the same: the hub would take one for the other.
            writeln!(body, "{before}{number}{behind}").unwrap();
        }
        let head = format!(
            "POST / HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(END) {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the hub has closed the connection");
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        sent = last;
    }
}
