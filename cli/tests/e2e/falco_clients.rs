//! Falco's own clients as commands, and what they print.
//!
//! They are built by `scripts/setup.sh test`; where one is missing, that is said aloud.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Site, run, skip, stderr};
use crate::synthetic::{expected, number};

const GO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/clients/go-client");

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python-falco/bin/python");

/// How a client reaches the hub.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// By the Unix socket.
    Socket,
    /// By mutual TLS, with the certificate of this name.
    Tls(&'a str),
}

/// A site whose hub has certificates for consumers of these names.
pub(crate) fn site(extra: &str, consumers: &[&str]) -> Site {
    let site = Site::new(extra);
    let pki = site.path("pki");
    for name in consumers {
        let issued = run(&["pki", "issue", "consumer", name, "--dir", pki.to_str().unwrap()]);
        assert!(issued.status.success(), "{}", stderr(&issued));
    }
    site
}

/// A file in the site's folder of certificates.
pub(crate) fn pki(site: &Site, name: &str) -> String {
    site.path("pki").join(name).display().to_string()
}

/// client-go v0.6.1 in a program of ours.
pub(crate) fn go(site: &Site, method: &str, way: Way<'_>) -> Command {
    let mut command = Command::new(GO);
    command.arg(method);
    match way {
        Way::Socket => command.arg("-unix").arg(site.path("cadge.sock")),
        Way::Tls(name) => command
            .args(["-port", &site.grpc.to_string(), "-ca", &pki(site, "ca.crt")])
            .args(["-cert", &pki(site, &format!("{name}.crt")), "-key", &pki(site, &format!("{name}.key"))]),
    };
    command
}

/// Whether it is there. Says aloud where it is not.
pub(crate) fn has_go(test: &str) -> bool {
    let found = Path::new(GO).exists();
    if !found {
        skip(test, "Falco's Go client is missing: run `make setup-test`");
    }
    found
}

/// The Python package `falco` 0.4.0.
pub(crate) fn python(site: &Site, method: &str, way: Way<'_>) -> Command {
    let mut command = Command::new(PYTHON);
    command.args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/falco_client.py"), method]);
    match way {
        Way::Socket => command.arg(format!("unix://{}", site.path("cadge.sock").display())),
        Way::Tls(name) => command.arg(format!("localhost:{}", site.grpc)).args([
            pki(site, &format!("{name}.crt")),
            pki(site, &format!("{name}.key")),
            pki(site, "ca.crt"),
        ]),
    };
    command
}

/// Whether it is there. Says aloud where it is not.
pub(crate) fn has_python(test: &str) -> bool {
    let found = Path::new(PYTHON).exists();
    if !found {
        skip(test, "Falco's Python client is missing: run `make setup-test`");
    }
    found
}

/// How often a client has had each alert. Whatever it says of one must be true.
pub(crate) fn had(lines: &[String]) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for line in lines.iter().filter(|line| line.starts_with('{')) {
        let alert: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
        let Some(number) = alert["output"].as_str().and_then(number) else { continue };
        let expected = expected(number);
        for (name, said) in &alert {
            let is_same = said == &expected[name] || (said.is_null() && is_empty(&expected[name]));
            assert!(is_same, "`{name}` of alert {number}: {said} instead of {}", expected[name]);
        }
        *counts.entry(number).or_default() += 1;
    }
    counts
}

/// Go has no value for an empty list.
fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Asserts that a client has had each alert up to `last`, once.
pub(crate) fn assert_each_once(
    client: &str,
    counts: &BTreeMap<u64, usize>,
    numbers: std::ops::RangeInclusive<u64>,
) {
    let wrong: Vec<_> = numbers.clone().filter(|number| counts.get(number) != Some(&1)).take(5).collect();
    assert!(wrong.is_empty(), "{client}: missing or doubled are {wrong:?} and perhaps others");
    let last = counts.keys().next_back();
    assert_eq!(last, Some(numbers.end()), "{client} has others");
}
