//! The `cadge` command: hub, sensor, and the tools around them.
#![allow(clippy::print_stderr, reason = "a command line talks to its user")]

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser as _};

use crate::args::{Cli, Command, Pki};
use crate::config::ConfigError;

mod args;
mod config;
mod pki;
mod revoke;
mod rules;
mod sensor;
mod recording;
mod hub;
mod status;
mod table;
mod backup;
mod up;
mod read;
mod push;
mod history;
mod integrations;
mod print;
mod stop;

/// `EX_USAGE` of sysexits.h: the configuration can't be used.
const EXIT_CONFIG: u8 = 64;

/// A hub makes and drops some dozens of small pieces for each alert, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(problem) = start_log(&cli.log) {
        eprintln!("cadge: --log: {problem}");
        return ExitCode::from(EXIT_CONFIG);
    }
    match run(cli.command) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cadge: {error:#}");
            if error.downcast_ref::<ConfigError>().is_some() {
                ExitCode::from(EXIT_CONFIG)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Up(args) => up::run(&args)?,
        Command::Hub(args) => hub::run(&args)?,
        Command::Sensor(args) => sensor::run(&args)?,
        Command::Tail(args) => read::tail(&args)?,
        Command::Get(args) => read::get(&args)?,
        Command::Push(args) => push::run(&args)?,
        Command::History(args) => history::run(&args)?,
        Command::Integrations(args) => integrations::run(&args)?,
        Command::Rules(command) => return rules::run(&command),
        Command::Pki(command) => make_certificates(&command)?,
        Command::Record(args) => recording::record(&args)?,
        Command::Replay(args) => recording::replay(&args)?,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "cadge", &mut std::io::stdout());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn make_certificates(command: &Pki) -> Result<()> {
    let written = match command {
        Pki::Revoke { name, dir } => {
            eprintln!("wrote {}", revoke::revoke(dir, name)?.display());
            return Ok(());
        }
        Pki::Init { dir } => pki::init(dir)?,
        Pki::Issue { role, name, dir, hosts, days } => {
            pki::issue(dir, &pki::Request { role: *role, name, hosts, days: *days })?
        }
    };
    eprintln!("wrote {} and {}", written.display(), written.with_extension("key").display());
    Ok(())
}

fn start_log(filter: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)?;
    let colour = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).init();
    Ok(())
}

/// Whoever read our output has left, as `head` does: no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
