//! `cadge rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `cadge rules`.
#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// Find mistakes in rule files. Exits with 1 where there is one.
    #[command(after_help = "Examples:
  cadge rules check /etc/falco/falco_rules.yaml rules.d/
  cadge rules check --lint all my_rules.yaml
  cadge rules check --json my_rules.yaml | jq '.falco_load_results[].errors'")]
    Check(Check),
    /// List the rules of files, or Cadge's own.
    List {
        /// Rule files, or folders of them, in the order of loading.
        files: Vec<PathBuf>,
    },
    /// Show what rules come to: condition, event types, fields, what they share.
    #[command(after_help = "Examples:
  cadge rules explain 'Read sensitive file untrusted' falco_rules.yaml
  cadge rules explain '*' --json falco_rules.yaml")]
    Explain(Explain),
    /// Put the conditions of rule files into one style. Comments and everything else stay.
    #[command(after_help = "Examples:
  cadge rules fmt my_rules.yaml
  cadge rules fmt --check rules.d/")]
    Fmt {
        /// Rule files, or folders of them.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Change nothing; name the files that would change and exit with 1 if there are any.
        #[arg(long)]
        check: bool,
    },
    /// Run tests of rules: events, and which rules have to fire.
    #[command(after_help = "A test file:
  rules: [my_rules.yaml]
  tests:
    - name: a shell that a web server starts
      event: {evt.type: execve, proc.name: bash, proc.pname: nginx}
      fires: [Shell started by a server]
    - name: a shell that sshd starts
      event: {evt.type: execve, proc.name: bash, proc.pname: sshd}
      silent: [Shell started by a server]

Without `silent` no other rule may fire than those of `fires`.

Examples:
  cadge rules test my_rules_test.yaml
  cadge rules test --mutate rules.d/")]
    Test(Test),
    /// Name the comparisons that no test made true, or false, and what the live source never answers.
    Coverage {
        /// Test files, or folders with files that end in `_test.yaml`.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Measure rules on recorded events: events a second, and the ten costliest rules.
    #[command(after_help = "Example:
  sudo cadge record --seconds 10 events.cadge
  cadge rules bench falco_rules.yaml --events events.cadge")]
    Bench {
        /// Rule files, or folders of them, in the order of loading; Cadge's own without any.
        files: Vec<PathBuf>,
        /// A file that `cadge record` wrote.
        #[arg(long, value_name = "FILE")]
        events: PathBuf,
    },
    /// Print the events of JSON files for which a condition is true. Exits with 1 if there are none.
    #[command(
        after_help = "Each line is an alert of Falco, an object of fields, or any object for `json.value`.

Examples:
  cadge rules filter 'proc.name = bash and not user.name = root' alerts.json
  cadge rules filter 'json.value[/user/name] startswith adm' < audit.json"
    )]
    Filter {
        /// The condition.
        expr: String,
        /// JSON files, one event a line; standard input without any.
        files: Vec<PathBuf>,
    },
    /// List the fields that rules can use.
    #[command(after_help = "Example:
  cadge rules fields --source k8s_audit --markdown")]
    Fields(Fields),
    /// Print Cadge's own rules.
    Show,
}

/// `cadge rules check`.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Rule files, or folders of them, in the order of loading.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Print Falco's `falco_load_results`.
    #[arg(long)]
    pub(crate) json: bool,
    /// Further checks, by name, or `all`. May be repeated.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) lint: Vec<String>,
}

/// `cadge rules explain`.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The rule's name; `*` stands for any text. Without it, every rule.
    pub(crate) rule: Option<String>,
    /// Rule files, or folders of them, in the order of loading; Cadge's own without any.
    pub(crate) files: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cadge rules test`.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Test files, or folders with files that end in `_test.yaml`.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Once all tests pass, name the parts of conditions that no test would miss.
    #[arg(long)]
    pub(crate) mutate: bool,
}

/// `cadge rules fields`.
#[derive(Args, Debug)]
pub(crate) struct Fields {
    /// Only of this source: `syscall` or `k8s_audit`.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Print Markdown tables.
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
