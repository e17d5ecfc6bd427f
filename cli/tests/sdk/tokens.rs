//! Programs that have a token and no certificate.

use cadge_proto::Alert;
use cadge_proto::cadge::v1::Entry;

use crate::connection::Connection;
use crate::errors::{Case, complaint};
use crate::language::Language;
use crate::log;
use crate::program::{assert_same, output};
use crate::stage::{QUIET, lines};
use crate::support::Site;
use crate::synthetic::Sensor;

/// Alerts in the log.
const ALERTS: u64 = 20;

/// What the hub knows of whom.
const TOKENS: &str = "consumer/reader:correct-horse-battery-staple\nsensor/writer:tr0ub4dor-and-3-more\n";

/// A site whose hub takes tokens.
fn site() -> Site {
    let site = Site::new(QUIET);
    let tokens = site.path("tokens");
    std::fs::write(&tokens, TOKENS).unwrap();
    let yaml = site.path("hub.yaml");
    let text = std::fs::read_to_string(&yaml).unwrap();
    let setting = format!("grpc:\n  token_file: {}\n", tokens.display());
    std::fs::write(&yaml, text.replacen("grpc:\n", &setting, 1)).unwrap();
    site
}

/// By TLS, with no certificate but the authority's.
fn anonymous(site: &Site) -> Connection {
    Connection::tls(site, "consumer").without("CADGE_CERT").without("CADGE_KEY")
}

fn token(site: &Site, token: &str) -> Connection {
    anonymous(site).with("CADGE_TOKEN", token.to_owned())
}

fn denied(what: &'static str, connection: Connection) -> Case {
    let word = "token".to_owned();
    Case { what, example: &["get"], connection, name: "PermissionDenied", word }
}

fn all(test: &str, language: Language) {
    if !language.is_here(test) {
        return;
    }
    let site = site();
    let _hub = site.hub();
    let socket = site.path("cadge.sock");
    Sensor::connect(&socket).send_up_to(ALERTS);
    let reader = token(&site, "correct-horse-battery-staple");
    let line = |entry: &Entry, alert: &Alert| format!("{} {}", entry.position, alert.output);
    let expected = lines(&log::entries(&socket), line);
    assert_same("get", &output(&mut language.example("get", &reader)), &expected);
    let writer = token(&site, "tr0ub4dor-and-3-more");
    assert_eq!(output(language.example("push", &writer).args(["Rule", "pushed"])), "kept\n");
    let cases = [
        denied("a wrong token", token(&site, "correct-horse-battery-stable")),
        denied("neither token nor certificate", anonymous(&site)),
        denied("a token for other calls", writer),
    ];
    let complaints: Vec<_> = cases.iter().filter_map(|case| complaint(language, case)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn rust_by_token() {
    all("rust_by_token", Language::Rust);
}

#[test]
fn python_by_token() {
    all("python_by_token", Language::Python);
}

#[test]
fn go_by_token() {
    all("go_by_token", Language::Go);
}
