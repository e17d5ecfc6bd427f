//! The very bytes of each destination's request, beside what they were when somebody looked at them.
//! `UPDATE_GOLDEN=1` writes them anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use cadge_integrations::{DESTINATIONS, Destination};

use super::feed::{Log, alert};
use super::packed;
use super::server::{Request, Server};

/// Headers that differ from run to run.
const VARYING: [&str; 3] = ["host", "user-agent", "content-length"];

/// A request as text.
fn text(request: &Request) -> String {
    // How a file is written is its writer's affair: what it holds is ours.
    let is_file = packed::kind(&request.headers) == packed::PARQUET;
    let mut text = format!("{} {}\n", request.method, request.path);
    let mut headers: Vec<_> =
        request.headers.iter().filter(|(name, _)| !VARYING.contains(&name.as_str())).collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in headers {
        if is_file && name == "x-amz-content-sha256" {
            continue;
        }
        writeln!(text, "{name}: {}", masked(name.as_str(), value.to_str().unwrap())).unwrap();
    }
    text + "\n" + if is_file { &request.body } else { &request.raw }
}

/// A header without the time, and what follows from that.
fn masked(name: &str, value: &str) -> String {
    match value.split_once("Signature=") {
        _ if name == "x-amz-date" => "TIME".to_owned(),
        Some((signed, _)) if signed.starts_with("AWS4-") => {
            let mut parts: Vec<&str> = signed.split('/').collect();
            parts[1] = "DAY";
            parts.join("/") + "Signature=SIGNATURE"
        }
        // The address that it is for has a port of this run's.
        _ if value.starts_with("SharedAccessSignature ") => "SharedAccessSignature SIGNATURE".to_owned(),
        _ => value.to_owned(),
    }
}

fn file(kind: &Destination) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{}.txt", kind.label()))
}

#[tokio::test]
async fn every_request_is_as_it_was() {
    for kind in DESTINATIONS.iter().filter(|kind| kind.example.contains("URL")) {
        let (server, log) = (Server::start(&[]).await, Log::default());
        log.push(alert(1, 4));
        let (_running, stop, _) = log.start(&kind.example.replace("URL", &server.url));
        let found = text(&server.requests(1).await[0]);
        stop.cancel();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(file(kind), &found).unwrap();
        }
        let known = std::fs::read_to_string(file(kind)).unwrap_or_default();
        assert_eq!(found, known, "{kind:?}: look at it, and accept it with UPDATE_GOLDEN=1");
    }
}
