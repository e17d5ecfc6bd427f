//! TLS with certificates on both sides, at every real server that has a protocol of its own.

use std::path::Path;

use super::counterpart::Counterpart;
use super::feed::{Log, alert};
use super::pki::Pki;
use super::server::wait_for_metric;

/// A destination: its section without the address, its server, and what that is started with.
struct Case {
    name: &'static str,
    section: &'static str,
    program: &'static str,
    arguments: fn(&Path, u16) -> Vec<String>,
}

const CASES: [Case; 4] = [
    Case {
        name: "redis",
        section: "redis:\n  mutualtls: true\n  tls: true\n  address: ",
        program: "redis-server",
        arguments: |dir, port| {
            let dir = dir.display();
            words(&format!(
                "--port 0 --tls-port {port} --bind 127.0.0.1 --save  --tls-cert-file {dir}/server.crt \
                 --tls-key-file {dir}/server.key --tls-ca-cert-file {dir}/ca.crt"
            ))
        },
    },
    Case {
        name: "mqtt",
        section: "mqtt:\n  mutualtls: true\n  broker: ssl://",
        program: "mosquitto",
        arguments: |dir, port| {
            let (file, shown) = (dir.join("mosquitto.conf"), dir.display());
            let settings = format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nrequire_certificate true\n\
                 cafile {shown}/ca.crt\ncertfile {shown}/server.crt\nkeyfile {shown}/server.key\n"
            );
            std::fs::write(&file, settings).unwrap();
            words(&format!("-c {}", file.display()))
        },
    },
    Case {
        name: "nats",
        section: "nats:\n  mutualtls: true\n  jetstream: false\n  hostport: tls://",
        program: "nats-server",
        arguments: |dir, port| {
            let dir = dir.display();
            words(&format!(
                "-a 127.0.0.1 -p {port} --tls --tlsverify --tlscert {dir}/server.crt \
                 --tlskey {dir}/server.key --tlscacert {dir}/ca.crt"
            ))
        },
    },
    Case {
        name: "otlplogs",
        section: "otlp:\n  logs:\n    mutualtls: true\n    protocol: grpc\n    endpoint: https://",
        program: "otelcol",
        arguments: |dir, port| {
            let shown = dir.display();
            let tls = format!(
                "tls: {{cert_file: {shown}/server.crt, key_file: {shown}/server.key, client_ca_file: {shown}/ca.crt}}"
            );
            let receiver = format!("{{protocols: {{grpc: {{endpoint: '127.0.0.1:{port}', {tls}}}}}}}");
            words(&format!("--config {}", super::collector::settings(dir, &receiver).display()))
        },
    },
];

/// Two spaces have an empty word between them.
fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn servers_with_tls_are_trusted_and_trust_if_one_authority_has_signed_both() {
    let test = "servers_with_tls_are_trusted_and_trust_if_one_authority_has_signed_both";
    for case in CASES {
        let started = Counterpart::start(test, case.program, |command, dir, port| {
            Pki::new().write(dir, &["server", "client"]);
            command.args((case.arguments)(dir, port));
        });
        let Some(server) = started else { continue };
        let other = tempfile::tempdir().unwrap();
        Pki::new().write(other.path(), &["client"]);
        let yaml = |dir: &Path| {
            format!("mutualtlsfilespath: {}\n{}{}\n", dir.display(), case.section, server.address())
        };

        let log = Log::default();
        log.push(alert(1, 4));
        let (running, stop, registry) = log.start(&yaml(other.path()));
        let name = case.name;
        let retries = format!("cadge_integration_retries_total{{destination=\"{name}\"}}");
        wait_for_metric(&registry, &retries, 1.0).await;
        let states = format!("{:?}", running.live().states());
        assert!(states.contains("certificate"), "{name}: {states}");
        stop.cancel();
        running.stopped().await;

        let (_running, stop, registry) = log.start(&yaml(server.dir.path()));
        let ok = format!("falcosecurity_falcosidekick_outputs_total{{destination=\"{name}\",status=\"ok\"}}");
        wait_for_metric(&registry, &ok, 1.0).await;
        stop.cancel();
    }
}
