//! `cadge hub`.
#![allow(clippy::print_stdout, reason = "a command line talks to its user")]

use std::path::Path;

use anyhow::{Context as _, Result};
use cadge_hub::Hub;

use crate::args::{Hub as Args, HubCommand};
use crate::backup;
use crate::config::{self, ConfigError};
use crate::status;
use crate::stop::Stop;

/// Runs a hub, or asks one that runs.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        None => serve(args),
        Some(HubCommand::Status(args)) => status::run(args),
        Some(HubCommand::Backup(args)) => backup::run(args),
        Some(HubCommand::ForgetCursor(args)) => status::forget_cursor(args),
        Some(HubCommand::ForgetSensor(args)) => status::forget_sensor(args),
    }
}

/// Runs until it is asked to stop.
fn serve(args: &Args) -> Result<()> {
    if args.service.print_config {
        print!("{}", config::HUB);
        return Ok(());
    }
    let config = configuration(args.service.config.as_deref(), args.integrations.as_deref())?;
    runtime()?.block_on(async {
        let mut stop = Stop::listen()?;
        let told = describe_integrations(&config.integrations);
        let hub = start(config).await?;
        eprintln!("cadge hub: {}", describe(&hub));
        for line in told {
            eprintln!("cadge hub: {line}");
        }
        stop.asked().await;
        eprintln!("cadge hub: stopping");
        hub.stop().await;
        Ok(())
    })
}

/// The hub's configuration: a file's, or the default one; a file of integrations in place of its own; and what the
/// environment says of them.
pub(crate) fn configuration(path: Option<&Path>, integrations: Option<&Path>) -> Result<cadge_hub::Config> {
    let mut config: cadge_hub::Config = match path {
        Some(path) => config::load(path)?,
        None => cadge_hub::Config::default(),
    };
    let named = config.integrations_file.as_deref();
    if named.is_some() && config.integrations.destinations().next().is_some() {
        let problem = "`integrations_file` is in place of the section `integrations`: switch on destinations in one of both";
        return Err(ConfigError(problem.to_owned()).into());
    }
    if let Some(path) = integrations.or(named) {
        config.integrations = config::load(path)?;
    }
    config.integrations.read_environment(|name| std::env::var(name).ok()).map_err(ConfigError)?;
    Ok(config)
}

/// Starts a hub. A configuration that it can't use is a [`ConfigError`].
pub(crate) async fn start(config: cadge_hub::Config) -> Result<Hub> {
    Hub::start(config).await.map_err(|error| {
        if error.is_configuration() {
            ConfigError(error.to_string()).into()
        } else {
            anyhow::Error::new(error)
        }
    })
}

/// Where it can be reached.
pub(crate) fn describe(hub: &Hub) -> String {
    let mut places = Vec::new();
    if let Some(address) = hub.grpc_address() {
        places.push(format!("gRPC on {address} (mTLS)"));
    }
    if let Some(socket) = hub.unix_socket() {
        places.push(format!("gRPC on {}", socket.display()));
    }
    if let Some(address) = hub.http_address() {
        let scheme = if hub.is_https() { "https" } else { "http" };
        places.push(format!("metrics on {scheme}://{address}/metrics"));
    }
    places.join(", ")
}

/// Where alerts are forwarded to, and which settings have no effect on that.
pub(crate) fn describe_integrations(config: &cadge_integrations::Config) -> Vec<String> {
    let on: Vec<&str> = config.destinations().map(|kind| kind.name).collect();
    let on = (!on.is_empty()).then(|| format!("forwards alerts to {}", on.join(", ")));
    let unused = config.unused().into_iter().map(|unused| format!("without effect: {unused}"));
    on.into_iter().chain(unused).collect()
}

/// The runtime that every asynchronous command uses.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}
