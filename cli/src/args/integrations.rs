//! The words of `cadge integrations`.

use std::path::PathBuf;

use cadge_integrations::DESTINATIONS;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Args, Subcommand};

use super::{Reach, Status};

/// `cadge integrations`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "COMMAND")]
pub(crate) struct Integrations {
    #[command(flatten)]
    pub(crate) status: Status,
    #[command(subcommand)]
    pub(crate) command: Option<IntegrationsCommand>,
}

/// What to do about them. Without: print how they are doing.
#[derive(Debug, Subcommand)]
pub(crate) enum IntegrationsCommand {
    /// Print how each destination of a running hub is doing. For admins.
    #[command(after_help = "Examples:
  cadge integrations status
  cadge integrations status --json | jq '.integrations[] | select(.circuit_open)'")]
    Status(Status),
    /// Print the alerts that destinations refused for good. For admins.
    #[command(after_help = "Examples:
  cadge integrations dead
  cadge integrations dead slack --json")]
    Dead(Dead),
    /// Send dead letters to their destinations once more; those that are taken are removed. For admins.
    #[command(after_help = "Examples:
  cadge integrations replay slack           all of one destination
  cadge integrations replay --id 17 --id 18
  cadge integrations replay --all")]
    Replay(Letters),
    /// Remove dead letters unsent. For admins.
    #[command(after_help = "Example:
  cadge integrations discard webhook")]
    Discard(Letters),
    /// Send one alert that says it is a test, and print what the destination answers. Needs no hub.
    #[command(after_help = "Examples:
  cadge integrations test slack --config hub.yaml
  SLACK_WEBHOOKURL=https://hooks.example/x cadge integrations test slack")]
    Test(TestIntegration),
    /// Print every destination that there is, or one with its keys.
    #[command(after_help = "Examples:
  cadge integrations list
  cadge integrations list slack")]
    List {
        /// The destination, such as `slack`.
        #[arg(value_parser = DestinationName, hide_possible_values = true)]
        name: Option<String>,
    },
    /// Print integrations/README.md: every destination and every key.
    #[command(hide = true)]
    Docs,
}

/// `cadge integrations dead`.
#[derive(Args, Debug)]
pub(crate) struct Dead {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Only those of this destination, such as `slack`.
    #[arg(default_value = "", hide_default_value = true, value_parser = DestinationName, hide_possible_values = true)]
    pub(crate) name: String,
    /// Print JSON, one letter a line, with its alert.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print at most so many; 0 is all.
    #[arg(long, default_value_t = 0, value_name = "N", hide_default_value = true)]
    pub(crate) limit: u64,
}

/// Which dead letters.
#[derive(Args, Debug)]
pub(crate) struct Letters {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// All of this destination, such as `slack`.
    #[arg(required_unless_present_any = ["ids", "all"], value_parser = DestinationName, hide_possible_values = true)]
    pub(crate) name: Option<String>,
    /// The one with this number. May be repeated.
    #[arg(long = "id", value_name = "N", conflicts_with = "name")]
    pub(crate) ids: Vec<u64>,
    /// All of them.
    #[arg(long, conflicts_with_all = ["name", "ids"])]
    pub(crate) all: bool,
}

/// `cadge integrations test`.
#[derive(Args, Debug)]
pub(crate) struct TestIntegration {
    /// The destination, such as `slack`.
    #[arg(value_parser = DestinationName, hide_possible_values = true)]
    pub(crate) name: String,
    /// The hub's configuration file. Without: what the environment says.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A file of falcosidekick's, or the section `integrations` as a file, instead.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) integrations: Option<PathBuf>,
}

/// A destination's name, which shells complete. Any text is taken: the hub that is asked may know others.
#[derive(Clone)]
struct DestinationName;

impl TypedValueParser for DestinationName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(DESTINATIONS.iter().map(|kind| PossibleValue::new(kind.name))))
    }
}
