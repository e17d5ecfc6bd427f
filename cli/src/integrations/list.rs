//! `cadge integrations list`: the destinations that there are, or one with its keys.
#![allow(clippy::print_stdout, reason = "a command line talks to its user")]

use anyhow::Result;
use cadge_integrations::{DESTINATIONS, Destination, Key};

/// Prints all, or one.
pub(super) fn run(name: Option<&str>) -> Result<()> {
    if let Some(name) = name {
        print!("{}", one(super::named(name)?));
        return Ok(());
    }
    let width = DESTINATIONS.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    for kind in DESTINATIONS {
        println!("{:width$}  {}", kind.name, kind.about);
    }
    Ok(())
}

fn one(kind: &Destination) -> String {
    let mut text = format!("{}\n\n{}\n", kind.about, kind.example);
    for Key { name, doc, kind, default } in kind.keys() {
        text.push_str(&format!("{name} ({kind}, default {default})\n    {doc}\n"));
    }
    text
}
