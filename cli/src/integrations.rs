//! `cadge integrations`: how destinations are doing, what they refused, and whether one works.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its user")]

mod docs;
mod list;

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result, bail};
use cadge_client::integrations::{DeadLetter, IntegrationState, IntegrationsStatus, Letters, Outcome};
use cadge_integrations::Destination;
use serde_json::json;

use crate::args::{self, Integrations, IntegrationsCommand as Command};
use crate::config::ConfigError;
use crate::hub::{configuration, runtime};
use crate::print::{escape, is_coloured};
use crate::read::connect;
use crate::stop::Stop;
use crate::table::{Cell, GREEN, RED, Table, cell};

/// Does what is asked.
pub(crate) fn run(args: &Integrations) -> Result<()> {
    match &args.command {
        None => runtime()?.block_on(status(&args.status)),
        Some(Command::Status(args)) => runtime()?.block_on(status(args)),
        Some(Command::Dead(args)) => runtime()?.block_on(dead(args)),
        Some(Command::Replay(args)) => runtime()?.block_on(replay(args)),
        Some(Command::Discard(args)) => runtime()?.block_on(discard(args)),
        Some(Command::Test(args)) => runtime()?.block_on(test(args)),
        Some(Command::List { name }) => list::run(name.as_deref()),
        Some(Command::Docs) => {
            print!("{}", docs::page());
            Ok(())
        }
    }
}

fn named(name: &str) -> Result<&'static Destination> {
    Destination::named(name).with_context(|| {
        format!("there is no destination `{name}`; `cadge integrations list` prints those there are")
    })
}

async fn status(args: &args::Status) -> Result<()> {
    let status = connect(&args.reach).await?.integrations().await?;
    if args.json {
        println!("{}", as_json(&status));
    } else if status.integrations.is_empty() {
        println!("no destination is switched on; `cadge integrations list` prints those there are");
    } else {
        print!("{}", as_text(&status, is_coloured(args.color)));
    }
    Ok(())
}

fn as_json(status: &IntegrationsStatus) -> serde_json::Value {
    let one = |state: &IntegrationState| {
        json!({
            "name": state.name, "label": state.label, "on": state.on, "delivering": state.delivering,
            "position": state.position, "lag": state.lag, "circuit_open": state.circuit_open,
            "failures": state.failures, "last_failure": state.last_failure, "dead_letters": state.dead_letters,
        })
    };
    json!({"head": status.head, "integrations": status.integrations.iter().map(one).collect::<Vec<_>>()})
}

fn as_text(status: &IntegrationsStatus, color: bool) -> String {
    let mut table = Table::new(&["INTEGRATION", "STATE", "LAG", "DEAD", "LAST FAILURE"]);
    for state in &status.integrations {
        let (word, paint) = match state {
            IntegrationState { on: false, .. } => ("off", ""),
            IntegrationState { circuit_open: true, .. } => ("failing", RED),
            IntegrationState { delivering: false, .. } => ("elsewhere", ""),
            _ => ("delivering", GREEN),
        };
        table.row(vec![
            cell(&state.name),
            Cell { text: word.to_owned(), paint },
            cell(&state.lag.to_string()),
            Cell {
                text: state.dead_letters.to_string(),
                paint: if state.dead_letters > 0 { RED } else { "" },
            },
            cell(&state.last_failure),
        ]);
    }
    table.print(color)
}

async fn dead(args: &args::Dead) -> Result<()> {
    let mut letters = connect(&args.reach).await?.dead_letters(&args.name, 0, args.limit).await?;
    while let Some(page) = letters.next().await? {
        for letter in &page {
            println!("{}", if args.json { letter_as_json(letter) } else { letter_as_text(letter) });
        }
    }
    Ok(())
}

fn letter_as_json(letter: &DeadLetter) -> String {
    let alert = letter.alert.clone().unwrap_or_default();
    let time = letter.time.as_ref().map(ToString::to_string);
    json!({
        "id": letter.id, "destination": letter.destination, "position": letter.position, "time": time,
        "cause": letter.cause,
        "alert": cadge_proto::json::to_value(&alert, crate::print::field_kind),
    })
    .to_string()
}

fn letter_as_text(letter: &DeadLetter) -> String {
    let alert = letter.alert.clone().unwrap_or_default();
    let time = letter.time.as_ref().map_or_else(String::new, ToString::to_string);
    let (cause, output) = (escape(&letter.cause), escape(&alert.output));
    format!("{} {} {time} {cause}\n  {output}", letter.id, letter.destination)
}

fn letters(args: &args::Letters) -> Letters {
    Letters { ids: args.ids.clone(), destination: args.name.clone().unwrap_or_default(), all: args.all }
}

async fn replay(args: &args::Letters) -> Result<()> {
    let mut stop = Stop::listen()?;
    let mut replay = connect(&args.reach).await?.replay_dead_letters(letters(args)).await?;
    let shows = std::io::stderr().is_terminal();
    let (mut taken, mut failed) = (0_u64, 0_u64);
    loop {
        let response = tokio::select! {
            () = stop.asked() => bail!("ended: {taken} were delivered, the others stay dead letters"),
            response = replay.next() => response?,
        };
        let Some(response) = response else { break };
        match response.outcome {
            Some(Outcome::Answer(_)) => taken += 1,
            Some(Outcome::Failure(failure)) => {
                // Without a number it speaks of several.
                let number = if response.id == 0 { String::new() } else { format!(" {}", response.id) };
                failed += response.left.max(1);
                let name = escape(&response.destination);
                eprintln!("{}{name}{number}: {}", if shows { "\r" } else { "" }, escape(&failure));
            }
            None => {}
        }
        if shows {
            eprint!("\r{} of {}", response.done, response.total);
        }
    }
    println!("{}{taken} delivered, {failed} left", if shows { "\r" } else { "" });
    if failed > 0 {
        bail!("not every dead letter was delivered");
    }
    Ok(())
}

async fn discard(args: &args::Letters) -> Result<()> {
    let discarded = connect(&args.reach).await?.discard_dead_letters(letters(args)).await?;
    if discarded.is_empty() {
        bail!("there are no such dead letters");
    }
    for (destination, count) in discarded {
        println!("{destination}: {count} removed");
    }
    Ok(())
}

async fn test(args: &args::TestIntegration) -> Result<()> {
    let kind = named(&args.name)?;
    let config = configuration(args.config.as_deref(), args.integrations.as_deref())?.integrations;
    let sent = cadge_integrations::test(&config, kind, crate::print::field_kind).await;
    match sent.map_err(|error| ConfigError(error.to_string()))? {
        Some(Ok(answer)) => {
            println!("{}: {}", kind.name, escape(&answer.to_string()));
            Ok(())
        }
        Some(Err(error)) => bail!("{}: {error}", kind.name),
        None => {
            let on: Vec<&str> = config.destinations().map(|kind| kind.name).collect();
            let on = if on.is_empty() { "none is".to_owned() } else { format!("on: {}", on.join(", ")) };
            bail!("`{}` is not switched on ({on})", kind.name);
        }
    }
}
