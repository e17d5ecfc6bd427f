//! `cadge sensor`.
#![allow(clippy::print_stdout, reason = "a command line talks to its user")]

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use cadge_engine::Ruleset;
use cadge_sensor::Sensor;
use cadge_sensor::source::{self, SourceSettings, answers};

use crate::args;
use crate::config::{self, ConfigError};
use crate::hub::runtime;
use crate::rules;
use crate::stop::Stop;

/// Runs until it is asked to stop.
pub(crate) fn run(args: &args::Sensor) -> Result<()> {
    if args.role.print_config {
        print!("{}", config::SENSOR);
        return Ok(());
    }
    if args.check {
        print!("{}", source::ebpf::check_all());
        return Ok(());
    }
    let config: cadge_sensor::Config = match &args.role.config {
        Some(path) => config::load(path)?,
        None => cadge_sensor::Config::default(),
    };
    let ruleset = load_rules(&args.rules, &config)?;
    runtime()?.block_on(async {
        let mut stop = Stop::listen()?;
        let rules = ruleset.rules().len();
        let sensor = start(config, ruleset)?;
        eprintln!("cadge sensor: {rules} rules on events from {}", sensor.sources().join(", "));
        stop.asked().await;
        eprintln!("cadge sensor: stopping");
        sensor.stop().await;
        Ok(())
    })
}

/// The rules of the command line, else of the configuration, else Cadge's own.
pub(crate) fn load_rules(paths: &[PathBuf], config: &cadge_sensor::Config) -> Result<Arc<Ruleset>> {
    let settings = config.settings().map_err(ConfigError)?;
    let paths = if paths.is_empty() { &config.rules_files } else { paths };
    rules::load(paths, &settings)
}

/// Opens the sources and starts.
pub(crate) fn start(config: cadge_sensor::Config, ruleset: Arc<Ruleset>) -> Result<Sensor> {
    for rule in ruleset.rules().iter().filter(|rule| rule.is_evaluated) {
        for (name, why) in answers::gaps(rule) {
            eprintln!("warning: rule '{}': '{name}' is never answered: {why}", rule.name);
        }
    }
    let settings = SourceSettings {
        event_types: answers::wanted(&ruleset),
        hostname: config.hostname(),
        named_files: ruleset.named_files(),
        environment: answers::wants_environment(&ruleset),
        ..SourceSettings::default()
    };
    let sources =
        config.sources.iter().map(|name| source::open(name, &settings)).collect::<Result<Vec<_>, _>>()?;
    Ok(Sensor::start(config, ruleset, sources)?)
}
