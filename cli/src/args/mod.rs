//! The command line: every command, flag and example is here, and in the files below.

mod history;
mod integrations;
mod push;
mod rules;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::pki::Role;

pub(crate) use history::History;
pub(crate) use integrations::{Dead, Integrations, IntegrationsCommand, Letters, TestIntegration};
pub(crate) use push::Push;
pub(crate) use rules::{Check, Explain, Fields, Rules, Test};

/// Runtime security for a fleet of Linux hosts, with Falco's rules and Falco's gRPC API.
#[derive(Debug, Parser)]
#[command(name = "cadge", version, max_term_width = 100, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// How much to log: error, warn, info, debug, trace, or a filter such as `cadge_hub=debug`.
    #[arg(long, global = true, default_value = "warn", value_name = "LEVEL")]
    pub(crate) log: String,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  cadge up                                  watch this machine and print its alerts
  cadge rules check my_rules.yaml           find mistakes in rules
  cadge hub --config /etc/cadge/hub.yaml    serve a fleet
  cadge tail --socket /run/cadge/cadge.sock print alerts as the hub gets them";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a hub and a sensor on this machine, and print alerts as they come.
    #[command(after_help = "Examples:
  sudo cadge up
  sudo cadge up --json --rules my_rules.yaml | jq .rule
  sudo cadge up --hub-config hub.yaml       forward alerts as that file says")]
    Up(Up),
    /// Run the hub: it keeps every alert and serves it.
    #[command(after_help = "Examples:
  cadge hub --print-config > hub.yaml
  cadge hub --config hub.yaml
  cadge hub --config hub.yaml --integrations falcosidekick.yaml
  cadge hub status                          who is connected, and how far each consumer has come")]
    Hub(Hub),
    /// Run the sensor: it turns this machine's events into alerts.
    #[command(after_help = "Examples:
  cadge sensor --print-config > sensor.yaml
  sudo cadge sensor --config sensor.yaml
  sudo cadge sensor --check                 say what this kernel offers")]
    Sensor(Sensor),
    /// Print alerts as they come.
    #[command(after_help = "Examples:
  cadge tail                                the hub of `cadge up`, from now on
  cadge tail --cursor mine                  resume where this cursor was
  cadge tail --filter 'alert.priority_num <= 3 and not container.id = host'
  cadge tail --hub https://hub:5060 --cert me.crt --key me.key --ca ca.crt --json
  cadge tail --hub https://hub:5060 --token-file token --ca ca.crt")]
    Tail(Tail),
    /// Print the alerts that you have not had yet, and stop.
    #[command(after_help = "Examples:
  cadge get --json
  cadge get --after 0 --limit 100           the oldest hundred, whether had or not
  cadge get --after 0 --filter 'alert.rule contains shell' --json")]
    Get(Get),
    /// Hand in an event of your own: the hub keeps it as an alert. For sensors and admins.
    ///
    /// Ends once the event is on the hub's disk.
    #[command(after_help = "Examples:
  cadge push 'Deploy finished' 'shop 1.2 is live' deploy.version=1.2
  cadge push --priority critical --tag backup 'Backup failed' \"exit code $?\" job=nightly")]
    Push(Push),
    /// Search or count the alerts of the hub's log, by rule, host, namespace and more.
    #[command(after_help = "Examples:
  cadge history --since 24h --priority Critical --priority Alert
  cadge history --rule 'Terminal shell in container' --namespace shop --json
  cadge history --since 24h --count-by rule,host
  cadge history --since 6h --count-by priority --step 1h --json")]
    History(Box<History>),
    /// Look after the destinations that alerts are forwarded to.
    #[command(after_help = "Examples:
  cadge integrations                        how each destination of a running hub is doing
  cadge integrations test slack --config hub.yaml
  cadge integrations dead")]
    Integrations(Integrations),
    /// Look at rules.
    #[command(subcommand)]
    Rules(Rules),
    /// Make certificates.
    #[command(subcommand)]
    Pki(Pki),
    /// Record this machine's events into a file.
    #[command(after_help = "Example:
  sudo cadge record --seconds 10 events.cadge")]
    Record(Record),
    /// Evaluate rules on recorded events and print the alerts.
    #[command(after_help = "Example:
  cadge replay events.cadge --rules my_rules.yaml")]
    Replay(Replay),
    /// Print completions for a shell.
    #[command(after_help = "Example:
  cadge completions bash > /etc/bash_completion.d/cadge")]
    Completions {
        /// For which shell.
        shell: Shell,
    },
}

/// `cadge up`.
#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Keep certificates, log and spool here.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Rule files, or folders of them, instead of Cadge's own. May be repeated.
    #[arg(long, short, value_name = "PATH", num_args = 1..)]
    pub(crate) rules: Vec<PathBuf>,
    /// Print JSON as Falco does, one alert a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Colour the lines.
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
    /// A hub configuration to start from. Its certificates and paths are replaced by those of `--dir`.
    #[arg(long, value_name = "FILE")]
    pub(crate) hub_config: Option<PathBuf>,
    /// Where the hub serves gRPC; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:5060", value_name = "ADDRESS")]
    pub(crate) grpc: String,
    /// Where the hub serves HTTP; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8765", value_name = "ADDRESS")]
    pub(crate) http: String,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What `cadge hub` and `cadge sensor` share.
#[derive(Args, Debug)]
pub(crate) struct Service {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print the default configuration with comments, and stop.
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// `cadge hub`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "COMMAND")]
pub(crate) struct Hub {
    #[command(flatten)]
    pub(crate) service: Service,
    /// Forward alerts as this file says: falcosidekick's, as it is, instead of the section `integrations`.
    #[arg(long, value_name = "FILE")]
    pub(crate) integrations: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<HubCommand>,
}

/// What to ask of a hub that runs.
#[derive(Debug, Subcommand)]
pub(crate) enum HubCommand {
    /// Print what a running hub knows: its log, its sensors, its consumers. For admins.
    #[command(after_help = "Examples:
  cadge hub status
  cadge hub status --hub https://hub:5060 --cert me.crt --key me.key --ca ca.crt --json")]
    Status(Status),
    /// Copy the log of a running hub into a file on the hub's machine, while alerts come in. For admins.
    ///
    /// The file can take the log's place while no hub runs.
    #[command(after_help = "Example:
  cadge hub backup /var/backups/cadge-log.db")]
    Backup(Backup),
    /// Forget a consumer's cursor, so that no alert is kept for it any more. For admins.
    ForgetCursor(Forget),
    /// Forget a sensor that will not come back, so that it is not missed. For admins.
    ForgetSensor(Forget),
}

/// `cadge hub status` and `cadge integrations status`.
#[derive(Args, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Colour the tables.
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
}

/// `cadge hub backup`.
#[derive(Args, Debug)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// The file to write. It must not exist yet.
    pub(crate) file: PathBuf,
}

/// `cadge hub forget-cursor` and `cadge hub forget-sensor`.
#[derive(Args, Debug)]
pub(crate) struct Forget {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Its name, as `cadge hub status` prints it.
    pub(crate) name: String,
}

/// `cadge sensor`.
#[derive(Args, Debug)]
pub(crate) struct Sensor {
    #[command(flatten)]
    pub(crate) role: Service,
    /// Rule files, or folders of them, instead of those in the configuration. May be repeated.
    #[arg(long, short, value_name = "PATH", num_args = 1..)]
    pub(crate) rules: Vec<PathBuf>,
    /// Say what this machine offers a sensor, and stop.
    #[arg(long)]
    pub(crate) check: bool,
}

/// How to reach a hub.
#[derive(Args, Debug)]
pub(crate) struct Reach {
    /// The hub's address, such as `https://hub.example:5060`. Needs a certificate or a token.
    #[arg(long, value_name = "URL")]
    pub(crate) hub: Option<String>,
    /// Your certificate.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The certificate of the authority that signed the hub's. Without it those of this machine count.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// A file with a bearer token that the hub knows. Without it `CADGE_TOKEN` is the token, if it is set.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The hub's Unix socket. Without this and `--hub`: that of a service, or of `cadge up`.
    #[arg(long, value_name = "PATH", conflicts_with = "hub")]
    pub(crate) socket: Option<PathBuf>,
}

/// How to print.
#[derive(Args, Debug)]
pub(crate) struct Print {
    /// Print JSON as Falco does, one alert a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Colour the lines.
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
}

/// Which alerts, and how much of them.
#[derive(Args, Debug)]
pub(crate) struct Pick {
    /// Only alerts that this condition is true for, such as `alert.rule = "R" and k8s.ns.name = shop`.
    #[arg(long, default_value = "", value_name = "CONDITION", hide_default_value = true)]
    pub(crate) filter: String,
    /// Only these output fields, with commas between them.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
}

/// `cadge tail`.
#[derive(Args, Debug)]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) print: Print,
    #[command(flatten)]
    pub(crate) pick: Pick,
    /// Remember under this name what was printed, and go on after it. Without: from now on.
    #[arg(long, value_name = "NAME")]
    pub(crate) cursor: Option<String>,
    /// Where to start, unless the cursor has a place already.
    #[arg(long, default_value = "now", value_name = "WHERE")]
    pub(crate) from: From,
}

/// Where a new cursor starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// With the next alert.
    Now,
    /// With the oldest alert that the hub has.
    Beginning,
}

/// `cadge get`.
#[derive(Args, Debug)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) print: Print,
    #[command(flatten)]
    pub(crate) pick: Pick,
    /// Print what stands after this position in the log, and leave your place as it is.
    #[arg(long, value_name = "POSITION")]
    pub(crate) after: Option<u64>,
    /// Print at most so many.
    #[arg(long, value_name = "N", requires = "after")]
    pub(crate) limit: Option<u64>,
}

/// `cadge pki`.
#[derive(Debug, Subcommand)]
pub(crate) enum Pki {
    /// Make a certificate authority.
    Init {
        /// The folder for `ca.crt` and `ca.key`.
        #[arg(long, default_value = "pki", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Sign a certificate: `NAME.crt` and `NAME.key`.
    #[command(after_help = "Examples:
  cadge pki issue hub hub --host hub.example --host 10.0.0.5
  cadge pki issue sensor node-1
  cadge pki issue consumer grafana --days 90")]
    Issue {
        /// What its owner may do.
        role: Role,
        /// The owner's name.
        name: String,
        /// The folder with `ca.crt` and `ca.key`.
        #[arg(long, default_value = "pki", value_name = "DIR")]
        dir: PathBuf,
        /// A host name or address under which clients reach it. May be repeated.
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
        /// How long it is valid.
        #[arg(long, default_value_t = 365, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
    /// Revoke a certificate: adds it to `crl.pem`, which `grpc.revoked_certs` of the hub names.
    #[command(after_help = "Example:
  cadge pki revoke node-1                   the hub that reads pki/crl.pem ends its connections")]
    Revoke {
        /// The owner's name.
        name: String,
        /// The folder with `ca.crt`, `ca.key` and the certificate.
        #[arg(long, default_value = "pki", value_name = "DIR")]
        dir: PathBuf,
    },
}

/// `cadge record`.
#[derive(Args, Debug)]
pub(crate) struct Record {
    /// The file to write.
    pub(crate) file: PathBuf,
    /// How long; without it until ctrl-C.
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u64>,
}

/// `cadge replay`.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// A file that `cadge record` wrote.
    pub(crate) file: PathBuf,
    /// Rule files, or folders of them, instead of Cadge's own. May be repeated.
    #[arg(long, short, value_name = "PATH")]
    pub(crate) rules: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) print: Print,
}
