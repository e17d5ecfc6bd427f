//! Alerts from files: each is followed like `tail -F`, and its place survives a restart.
//!
//! The place is written after the log has the alerts. What is read twice after a crash is recognised.

mod place;
mod follow;

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use cadge_proto::raw::RawAlert;
use prometheus::{IntCounter, IntCounterVec, Opts};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Input};
use crate::error::Error;
use crate::falco_json::{self, Origin};
use crate::sparse::Sparse;
use crate::unordered::Unordered;

use follow::{Follower, Lines};
use place::PlaceFile;

/// A file that had nothing new is looked at again after so long.
const POLL: Duration = Duration::from_millis(250);

/// Between tries to hand something to a log that cannot take it.
const RETRY: Duration = Duration::from_secs(1);

/// Starts to follow every file of the configuration.
pub(crate) fn start(
    config: &Config,
    unordered: &Unordered,
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Result<(), Error> {
    if config.inputs.is_empty() {
        return Ok(());
    }
    let lines = IntCounterVec::new(
        Opts::new("cadge_hub_input_lines_total", "Lines of files that alerts are read from."),
        &["file", "status"],
    )
    .expect("name and labels are valid");
    unordered.metrics.registry.register(Box::new(lines.clone())).expect("the name is registered once");
    let folder = config.log.path.parent().unwrap_or(Path::new(".")).join("inputs");
    let mut files = HashSet::new();
    for (at, input) in config.inputs.iter().enumerate() {
        if input.file.file_name().is_none() {
            return Err(Error::Configuration(format!("inputs[{at}].file names no file")));
        }
        if !files.insert(&input.file) {
            let text = format!("inputs[{at}].file: {} is there twice", input.file.display());
            return Err(Error::Configuration(text));
        }
        tasks.spawn(Reader::new(input, &folder, unordered.clone(), &lines).run(stop.clone()));
    }
    Ok(())
}

/// Reads one file.
struct Reader {
    name: String,
    sensor: String,
    hostname: String,
    follower: Option<Follower>,
    place: PlaceFile,
    unordered: Unordered,
    accepted: IntCounter,
    rejected: IntCounter,
    sparse: Sparse,
}

/// What some lines hold.
#[derive(Default)]
struct Found {
    alerts: Vec<(u64, RawAlert)>,
    accepted: u64,
    rejected: u64,
    problem: Option<String>,
}

impl Reader {
    fn new(input: &Input, folder: &Path, unordered: Unordered, lines: &IntCounterVec) -> Self {
        let name = input.file.display().to_string();
        let own = || nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
        let hostname = input.hostname.clone().filter(|name| !name.is_empty()).unwrap_or_else(own);
        let place = PlaceFile::new(folder, &input.file);
        let follower = Follower::new(&input.file, place.read());
        Self {
            sensor: format!("file/{hostname}"),
            hostname,
            follower: Some(follower),
            place,
            unordered,
            accepted: lines.with_label_values(&[name.as_str(), "accepted"]),
            rejected: lines.with_label_values(&[name.as_str(), "rejected"]),
            sparse: Sparse::default(),
            name,
        }
    }

    /// Reads until it is told to stop.
    async fn run(mut self, stop: CancellationToken) {
        let reading = async {
            loop {
                if !self.step().await {
                    tokio::time::sleep(POLL).await;
                }
            }
        };
        // To stop anywhere loses nothing: the place is written last.
        tokio::select! {
            () = stop.cancelled() => {}
            () = reading => {}
        }
    }

    /// Reads what is there, up to a bound. Answers whether there was anything.
    async fn step(&mut self) -> bool {
        let Some(mut follower) = self.follower.take() else { return false };
        let (sensor, hostname) = (self.sensor.clone(), self.hostname.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let lines = follower.next();
            let lines = lines.map(|lines| {
                let found = read(&lines, Origin { sensor: &sensor, hostname: &hostname });
                (lines, found)
            });
            (follower, lines)
        });
        let Ok((follower, lines)) = reading.await else { return false };
        self.follower = Some(follower);
        match lines {
            Ok((Lines { place: Some(place), .. }, found)) => {
                self.count(&found);
                self.keep(found.alerts).await;
                if let Err(error) = self.place.write(place).await {
                    self.say(
                        "its place can't be written: after a restart lines are read again",
                        &error.to_string(),
                    );
                }
                true
            }
            Ok(_) => false,
            Err(error) => {
                self.say("a file with alerts can't be read", &error.to_string());
                false
            }
        }
    }

    fn count(&self, found: &Found) {
        self.accepted.inc_by(found.accepted);
        self.rejected.inc_by(found.rejected);
        if let Some(problem) = &found.problem {
            self.say("a line is no alert: it is left out", problem);
        }
    }

    /// Tries until the log has them: the file waits.
    async fn keep(&self, alerts: Vec<(u64, RawAlert)>) {
        while !alerts.is_empty()
            && let Err(error) = self.unordered.keep(&self.sensor, alerts.clone()).await
        {
            self.say("the log can't take alerts from a file now", &error.to_string());
            tokio::time::sleep(RETRY).await;
        }
    }

    fn say(&self, what: &str, problem: &str) {
        if let Some(unsaid) = self.sparse.says(Instant::now()) {
            tracing::warn!(file = self.name, problem, unsaid, "{what}");
        }
    }
}

/// Reads each line by itself: a bad one costs no other.
fn read(lines: &Lines, origin: Origin<'_>) -> Found {
    let mut found = Found { rejected: lines.too_long, ..Found::default() };
    if lines.too_long > 0 {
        found.problem = Some("it is too long".to_owned());
    }
    for line in lines.text.split(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match falco_json::read(line, origin) {
            Ok(alerts) => {
                found.accepted += 1;
                found.alerts.extend(alerts);
            }
            Err(error) => {
                found.rejected += 1;
                found.problem = Some(error.to_string());
            }
        }
    }
    found
}
