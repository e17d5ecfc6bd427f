//! What is secret is in no line of the log, in no dead letter's cause and in no state, whatever goes wrong.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

use cadge_integrations::{Config, DESTINATIONS, DeadLetters, Destination, Key};
use serde_json::Value;

use super::feed::{Log, alert};
use super::server::{Server, wait_for_metric};

/// What no line may hold.
const MARK: &str = "S3CRET-7788";

/// Every line that any test of this binary logs: destinations run on threads of their own.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps the lines from now on.
pub(crate) fn listen() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let filter = tracing_subscriber::EnvFilter::new("debug");
        let subscriber =
            tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Lines).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// Whether a line has a text in it.
pub(crate) fn is_logged(text: &str) -> bool {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).contains(text)
}

/// Headers hold passwords as often as not.
fn is_secret(key: &Key) -> bool {
    key.kind.contains("secret") || key.name == "customheaders"
}

/// The example with one secret key set to the mark. An address holds it in its path.
fn marked(kind: &Destination, key: &str, takes: &str, address: &str) -> Value {
    let yaml = kind.example.replace("URL", address);
    let mut all: Value = serde_saphyr::from_str(&yaml).unwrap();
    let path = format!("/{}", kind.name.replace('.', "/"));
    let section = all.pointer_mut(&path).unwrap();
    let value = match section.get(key).and_then(Value::as_str) {
        Some(text) if text.starts_with("http") => format!("{text}/{MARK}").into(),
        _ if takes.contains("map") => serde_json::json!({ "X-Key": MARK }),
        _ => MARK.into(),
    };
    section[key] = value;
    all
}

#[tokio::test]
async fn secrets_are_in_no_log_line_and_no_dead_letter() {
    listen();
    let mut checked = 0;
    for kind in DESTINATIONS.iter().filter(|kind| kind.example.contains("URL")) {
        for key in kind.keys().iter().filter(|key| is_secret(key)) {
            let server = Server::start(&[500, 404]).await;
            let section = marked(kind, key.name, key.kind, &server.url);
            let Ok(config) = serde_json::from_value::<Config>(section.clone()) else {
                panic!("{kind:?} {}: {section}", key.name)
            };
            let (log, dead) = (Log::default(), DeadLetters::open(None, 10).unwrap());
            let (running, stop, registry) = match log.start_config(&config, dead.clone()) {
                Ok(started) => started,
                // Not every key can have any text.
                Err(error) => {
                    assert!(!error.contains(MARK), "{kind:?} {}: {error}", key.name);
                    continue;
                }
            };
            log.push(alert(1, 4));
            let label = kind.label();
            let given_up = format!(
                "falcosecurity_falcosidekick_outputs_total{{destination=\"{label}\",status=\"error\"}}"
            );
            wait_for_metric(&registry, &given_up, 1.0).await;
            let letters = dead.list(None, 0, 10).await.unwrap();
            let shown = format!("{letters:?} {:?} {config:?}", running.live().states());
            assert!(!shown.contains(MARK), "{kind:?} {}: {shown}", key.name);
            stop.cancel();
            checked += 1;
        }
    }
    let lines = String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    assert!(lines.contains("alerts were not delivered: trying again"), "{lines}");
    let shown: Vec<&str> = lines.lines().filter(|line| line.contains(MARK)).collect();
    assert!(shown.is_empty() && checked > 10, "{checked} keys: {shown:#?}");
}
