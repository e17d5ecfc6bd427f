//! A real PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::counterpart::{Counterpart, find, libraries, skip};
use super::feed::{Log, alert};
use super::pki::Pki;
use super::server::wait_for_metric;

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// It comes up again when it ends, until the shell is told to end.
const AGAIN: &str = r#"trap 'kill -INT $!; wait $!; exit' TERM; while :; do "$@" & wait $!; sleep 0.3; done"#;

/// It does not run as root: as nobody then.
fn command(program: &Path) -> Vec<String> {
    let user = Command::new("id").arg("-u").output().unwrap().stdout;
    let is_root = String::from_utf8(user).unwrap().trim() == "0";
    let drop: &[&str] =
        if is_root { &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] } else { &[] };
    drop.iter().map(|part| (*part).to_owned()).chain([program.display().to_string()]).collect()
}

fn run(parts: &[String]) -> Command {
    let mut command = Command::new(&parts[0]);
    command.args(&parts[1..]).env("LD_LIBRARY_PATH", libraries()).current_dir("/");
    command
}

/// The folder of its programs: Debian keeps each version in one of its own.
fn programs() -> Option<PathBuf> {
    let known = find("postgres").and_then(|path| path.canonicalize().ok());
    let beside = |cluster: PathBuf| cluster.ancestors().nth(2).map(|usr| usr.join("lib/postgresql"));
    let versions = || std::fs::read_dir(find("pg_lsclusters").and_then(beside)?).ok();
    let folder = known
        .and_then(|path| path.parent().map(Path::to_path_buf))
        .or_else(|| Some(versions()?.next()?.ok()?.path().join("bin")))?;
    let works = run(&command(&folder.join("postgres"))).arg("--version").output();
    works.is_ok_and(|output| output.status.success()).then_some(folder)
}

struct Postgres {
    server: Counterpart,
    programs: PathBuf,
}

impl Postgres {
    fn start(test: &str) -> Option<Self> {
        let Some(programs) = programs() else { return skip(test, "postgres") };
        let server = Counterpart::start(test, "sh", |shell, dir, port| {
            Pki::new().write(dir, &["server"]);
            std::fs::write(dir.join("password"), "secret").unwrap();
            if command(&programs).len() > 1 {
                assert!(
                    Command::new("chown").args(["-R", "65534:65534"]).arg(dir).status().unwrap().success()
                );
            }
            assert!(Command::new("chmod").arg("600").arg(dir.join("server.key")).status().unwrap().success());
            let mut init = run(&command(&programs.join("initdb")));
            init.args(["-A", "scram-sha-256", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C"]);
            init.arg("--pwfile").arg(dir.join("password")).arg("-D").arg(dir.join("data"));
            let made = init.output().unwrap();
            assert!(made.status.success(), "{made:?}");
            shell.args(["-c", AGAIN, "sh"]).args(command(&programs.join("postgres"))).current_dir("/");
            shell.arg("-D").arg(dir.join("data")).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-c"]);
            shell.args(["unix_socket_directories=", "-c", "ssl=on", "-c"]);
            shell.arg(format!("ssl_cert_file={}", dir.join("server.crt").display())).arg("-c");
            shell.arg(format!("ssl_key_file={}", dir.join("server.key").display()));
        })?;
        Some(Self { server, programs })
    }

    /// What its own client says.
    fn psql(&self, statement: &str) -> Result<String, String> {
        let mut psql = run(&[self.programs.join("psql").display().to_string()]);
        psql.env("PGPASSWORD", "secret").args(["-h", "127.0.0.1", "-p", &self.server.port.to_string()]);
        let said = psql.args(["-U", "postgres", "-XAtc", statement]).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        if said.status.success() { Ok(text(said.stdout)) } else { Err(text(said.stderr)) }
    }

    async fn wait_for(&self, statement: &str, expected: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.psql(statement).as_deref() != Ok(expected) {
            let said = self.psql(statement);
            assert!(Instant::now() < deadline, "{statement}: {said:?}: {}", self.server.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The numbers of the alerts in a table, in the order in which they came.
    fn numbers(&self, table: &str) -> Vec<u64> {
        let rows = self.psql(&format!("SELECT split_part(output, '#', 2) FROM {table} ORDER BY ctid"));
        rows.unwrap().lines().map(|row| row.parse().unwrap()).collect()
    }
}

fn push(log: &Log, sequences: std::ops::RangeInclusive<u64>) {
    for sequence in sequences {
        log.push(alert(sequence, 4));
    }
}

#[tokio::test]
async fn a_database_has_each_alert_once_also_when_it_was_stopped() {
    let Some(postgres) = Postgres::start("a_database_has_each_alert_once") else { return };
    let log = Log::default();
    let yaml = format!(
        "postgresql:\n  host: {}\n  database: postgres\n  password: secret\n  tls: true\n  cacertfile: {}\n",
        postgres.server.address(),
        postgres.server.dir.path().join("ca.crt").display(),
    );
    let (running, stop, _) = log.start(&yaml);
    push(&log, 1..=1000);
    postgres.wait_for("SELECT count(*) FROM alerts", "1000").await;
    let pid = std::fs::read_to_string(postgres.server.dir.path().join("data/postmaster.pid")).unwrap();
    assert!(Command::new("kill").args(["-INT", pid.lines().next().unwrap()]).status().unwrap().success());
    push(&log, 1001..=1999);
    log.push(cadge_proto::Alert { rule: "with\0NUL".to_owned(), ..alert(2000, 4) });
    postgres.wait_for("SELECT count(*) FROM alerts", "2000").await;
    assert_eq!(postgres.numbers("alerts"), (1..=2000).collect::<Vec<_>>());
    let first = postgres.psql(
        "SELECT time AT TIME ZONE 'UTC', rule, priority, source, tags, hostname, output_fields->>'proc.pid', \
         output_fields->'fd.name' FROM alerts WHERE output LIKE '%#1'",
    );
    let expected = "2024-06-12 13:46:40.123457|Sensitive file|Warning|syscall|a,b|node-1|42|null";
    assert_eq!(first.as_deref(), Ok(expected));
    stop.cancel();
    running.stopped().await;
    // All of them once more.
    let again = Log::default();
    push(&again, 1..=1001);
    again.push(alert(2001, 4));
    let (_running, stop, _) = again.start(&yaml);
    postgres.wait_for("SELECT count(*) FROM alerts", "2001").await;
    stop.cancel();
}

#[tokio::test]
async fn a_table_like_falcosidekicks_is_written_to() {
    let Some(postgres) = Postgres::start("a_table_like_falcosidekicks_is_written_to") else { return };
    let log = Log::default();
    let (_running, stop, registry) = log.start(&format!(
        "timescaledb:\n  host: 127.0.0.1\n  port: {}\n  database: postgres\n  password: secret\n  fields: [proc.name]\n\
         customfields: {{Team: blue}}\ntemplatedfields: {{who: '{{{{ index . \"proc.name\" }}}}-x'}}\n",
        postgres.server.port,
    ));
    push(&log, 1..=1000);
    // It waits for the table.
    wait_for_metric(&registry, "cadge_integration_retries_total{destination=\"timescaledb\"}", 1.0).await;
    // What it has waited for may have been the server itself.
    postgres.wait_for("SELECT 1", "1").await;
    postgres
        .psql(
            "CREATE TABLE falcosidekick_events (time timestamptz NOT NULL, rule text, priority varchar(20), \
             source varchar(20), output text, tags text, hostname text, \"proc.name\" text, Team text, who text)",
        )
        .unwrap();
    postgres.wait_for("SELECT count(*) FROM falcosidekick_events", "1000").await;
    assert_eq!(postgres.numbers("falcosidekick_events"), (1..=1000).collect::<Vec<_>>());
    postgres
        .wait_for(
            "SELECT DISTINCT \"proc.name\", tags, Team, who FROM falcosidekick_events",
            "cat <x>|a,b|blue|cat <x>-x",
        )
        .await;
    stop.cancel();
}
