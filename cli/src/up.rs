//! `cadge up`: hub and sensor on this machine, with certificates of their own, and the alerts on
//! the terminal.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cadge_client::{Client, Start, SubscribeOptions};
use cadge_hub::Hub;
use cadge_sensor::Sensor;

use crate::args::Up;
use crate::hub::{self, runtime};
use crate::pki::{self, Request, Role};
use crate::print::Printer;
use crate::sensor;
use crate::stop::Stop;

/// Days for which the development certificates are valid: `up` replaces none, so they last.
const CERTIFICATE_DAYS: u32 = 3650;

/// Runs until it is asked to stop.
pub(crate) fn run(args: &Up) -> Result<()> {
    let dir = args.dir.clone().unwrap_or_else(default_dir);
    let printer = Printer::new(args.json, args.color);
    let ruleset = sensor::load_rules(&args.rules, &cadge_sensor::Config::default())?;
    make_certificates(&dir.join("pki"))?;
    runtime()?.block_on(async {
        let mut stop = Stop::listen()?;
        let config = hub_config(args, &dir)?;
        let told = hub::describe_integrations(&config.integrations);
        let hub = hub::start(config).await?;
        // The subscription stands before the sensor starts, so that it misses nothing.
        let client = Client::connect(format!("unix://{}", socket(&dir).display()))
            .await
            .context("connecting to the hub just started")?;
        let mut alerts = client.subscribe(SubscribeOptions::transient(Start::Now));
        let config = sensor_config(&hub, &dir)?;
        let started = sensor::start(config, ruleset.clone());
        let sensor = match started {
            Ok(sensor) => sensor,
            Err(error) => {
                hub.stop().await;
                return Err(error);
            }
        };
        eprintln!("hub: {}", hub::describe(&hub));
        for line in told {
            eprintln!("hub: {line}");
        }
        eprintln!(
            "sensor: {} rules on kernel events; certificates in {}",
            ruleset.rules().len(),
            dir.join("pki").display()
        );
        eprintln!("try `sudo cat /etc/shadow` in another shell; ctrl-C stops");
        let outcome = loop {
            tokio::select! {
                () = stop.asked() => break Ok(()),
                alert = alerts.next() => match alert {
                    Some(Ok(alert)) => if let Err(error) = printer.print(&alert) { break Err(error.into()) },
                    Some(Err(error)) => break Err(error.into()),
                    None => break Ok(()),
                },
            }
        };
        eprintln!("stopping");
        stop_both(sensor, hub).await;
        outcome
    })
}

async fn stop_both(sensor: Sensor, hub: Hub) {
    // The sensor first: it hands the hub what it still has.
    sensor.stop().await;
    hub.stop().await;
}

/// Where `up` keeps its files: `/var/lib/cadge` for root.
pub(crate) fn default_dir() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/lib/cadge/up");
    }
    let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    home.join(".local/state/cadge")
}

/// The hub's Unix socket below `up`'s folder.
pub(crate) fn socket(dir: &Path) -> PathBuf {
    dir.join("cadge.sock")
}

/// Makes what is not there yet: an authority, and a certificate for each role.
fn make_certificates(dir: &Path) -> Result<()> {
    if !pki::files(dir, "ca").0.exists() {
        pki::init(dir)?;
    }
    let hosts = ["localhost".to_string(), "127.0.0.1".to_string(), "::1".to_string()];
    for (role, name) in
        [(Role::Hub, "hub"), (Role::Sensor, "sensor"), (Role::Consumer, "consumer"), (Role::Admin, "admin")]
    {
        if !pki::files(dir, name).0.exists() {
            let hosts: &[String] = if role == Role::Hub { &hosts } else { &[] };
            pki::issue(dir, &Request { role, name, hosts, days: CERTIFICATE_DAYS })?;
        }
    }
    Ok(())
}

fn hub_config(args: &Up, dir: &Path) -> Result<cadge_hub::Config> {
    let mut config = hub::configuration(args.hub_config.as_deref(), None)?;
    let (certificate, key) = pki::files(&dir.join("pki"), "hub");
    config.grpc.bind_address.clone_from(&args.grpc);
    config.grpc.unix_socket = Some(socket(dir));
    config.grpc.cert_chain = certificate;
    config.grpc.private_key = key;
    config.grpc.root_certs = pki::files(&dir.join("pki"), "ca").0;
    config.webserver.listen(&args.http);
    config.log.path = dir.join("log.db");
    Ok(config)
}

fn sensor_config(hub: &Hub, dir: &Path) -> Result<cadge_sensor::Config> {
    let (certificate, key) = pki::files(&dir.join("pki"), "sensor");
    let address = hub.grpc_address().context("the hub serves no network address")?;
    let mut config = cadge_sensor::Config { name: "sensor".into(), ..Default::default() };
    config.hub.address = format!("https://localhost:{}", address.port());
    config.hub.cert_chain = certificate;
    config.hub.private_key = key;
    config.hub.root_certs = pki::files(&dir.join("pki"), "ca").0;
    config.spool.path = dir.join("spool");
    Ok(config)
}
