//! Three consumers, one in each language, while the hub is killed again and again: none of them misses an alert.

use std::collections::{HashMap, HashSet};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::connection::{Connection, issue};
use crate::feed::Feed;
use crate::language::{LANGUAGES, Language};
use crate::log;
use crate::program::Program;
use crate::stage::QUIET;
use crate::support::{Process, Site};

/// Alerts a second, and in all at least.
const RATE: u64 = 5_000;
const ALERTS: u64 = 60_000;

/// How often the hub is killed.
const KILLS: u64 = 10;

/// Each consumer has so many further alerts before the hub is killed again: it was connected.
const BETWEEN: u64 = 500;

/// The longest time without anything new: a consumer that had no luck waits 10 s, and machines are busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A consumer, and the file that it writes the ids into.
struct Consumer {
    language: Language,
    program: Program,
    file: PathBuf,
    /// Where reading has come, and the lines up to there.
    read: u64,
    lines: u64,
}

impl Consumer {
    fn start(site: &Site, language: Language) -> Self {
        let (name, file) = (language.name(), site.path(language.name()));
        issue(site, "consumer", name);
        let mut command = language.example("resume", &Connection::tls(site, name));
        let program = Program::start(command.arg("restarts").arg(&file));
        Self { language, program, file, read: 0, lines: 0 }
    }

    /// How many lines its file has.
    fn lines(&mut self) -> u64 {
        self.program.is_up();
        let Ok(mut file) = std::fs::File::open(&self.file) else { return 0 };
        file.seek(std::io::SeekFrom::Start(self.read)).unwrap();
        let mut text = String::new();
        self.read += file.read_to_string(&mut text).unwrap() as u64;
        self.lines += text.matches('\n').count() as u64;
        self.lines
    }

    /// How often it has had each alert.
    fn received(&self) -> HashMap<String, u64> {
        let mut received = HashMap::new();
        for line in std::fs::read_to_string(&self.file).unwrap().lines() {
            *received.entry(line.to_owned()).or_default() += 1;
        }
        received
    }
}

/// Waits until every consumer has written so many lines; whoever stands still for too long fails.
fn wait_for_lines(consumers: &mut [Consumer], wanted: &[u64]) {
    for (consumer, wanted) in consumers.iter_mut().zip(wanted) {
        let (mut seen, mut since) = (consumer.lines(), Instant::now());
        while seen < *wanted {
            let lines = consumer.lines();
            if lines > seen {
                (seen, since) = (lines, Instant::now());
            }
            let language = consumer.language;
            assert!(since.elapsed() < PATIENCE, "{language:?} stands still at {seen} of {wanted} alerts");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Waits until the sensor has so many alerts on the hub's disk.
fn wait_for_alerts(feed: &Feed, wanted: u64) {
    let (mut seen, mut since) = (feed.acknowledged(), Instant::now());
    while seen < wanted {
        let acknowledged = feed.acknowledged();
        if acknowledged > seen {
            (seen, since) = (acknowledged, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "the sensor stands still at {seen} of {wanted} alerts");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Kills the hub again and again while everybody is at work. The consumers must have had alerts of each of
/// its lives.
fn disturb(site: &Site, mut hub: Process, feed: &Feed, consumers: &mut [Consumer]) -> Process {
    for kill in 1..=KILLS {
        let wanted: Vec<u64> = consumers.iter_mut().map(|consumer| consumer.lines() + BETWEEN).collect();
        wait_for_lines(consumers, &wanted);
        wait_for_alerts(feed, kill * ALERTS / (KILLS + 1));
        hub.kill();
        hub = site.hub();
    }
    hub
}

/// Waits until a consumer has had so many different alerts, and ends it: how often it has had each.
fn finish(consumer: &mut Consumer, alerts: u64) -> HashMap<String, u64> {
    let mut wanted = alerts;
    loop {
        wait_for_lines(std::slice::from_mut(consumer), &[wanted]);
        if consumer.received().len() as u64 >= alerts {
            break;
        }
        wanted = consumer.lines() + 1;
    }
    consumer.program.end(Signal::SIGTERM);
    consumer.received()
}

/// Asserts that a consumer has had what the log has, and nothing else. Answers what it has had twice.
fn compare(language: Language, received: &HashMap<String, u64>, log: &HashSet<String>) -> u64 {
    let missing: Vec<_> = log.iter().filter(|id| !received.contains_key(*id)).take(5).collect();
    let foreign: Vec<_> = received.keys().filter(|id| !log.contains(*id)).take(5).collect();
    assert!(
        missing.is_empty() && foreign.is_empty(),
        "{language:?}: missing {missing:?}, foreign {foreign:?}"
    );
    received.values().map(|count| count - 1).sum()
}

#[test]
fn nobody_misses_an_alert_while_the_hub_is_killed_ten_times() {
    let test = "nobody_misses_an_alert_while_the_hub_is_killed_ten_times";
    let languages: Vec<_> = LANGUAGES.into_iter().filter(|language| language.is_here(test)).collect();
    if languages.is_empty() {
        return;
    }
    let site = Site::new(QUIET);
    let hub = site.hub();
    let socket = site.path("cadge.sock");
    let mut consumers: Vec<_> =
        languages.into_iter().map(|language| Consumer::start(&site, language)).collect();
    let start = Instant::now();
    let feed = Feed::start(&socket, RATE, u64::MAX);
    let _hub = disturb(&site, hub, &feed, &mut consumers);
    let alerts = feed.finish(ALERTS);
    let rate = alerts * 1000 / u64::try_from(start.elapsed().as_millis()).unwrap();
    let mut report = format!("sdk: {alerts} alerts, {rate}/s, the hub was killed {KILLS} times;");
    let received: Vec<_> = consumers.iter_mut().map(|consumer| finish(consumer, alerts)).collect();
    let log: HashSet<String> = log::ids(&socket).into_iter().collect();
    assert_eq!(log.len() as u64, alerts, "the log has what the sensor sent");
    for (consumer, received) in consumers.iter().zip(&received) {
        let doubled = compare(consumer.language, received, &log);
        report += &format!(" {:?}: {} ids, {doubled} doubled;", consumer.language, received.len());
    }
    // Past the test runner's capture: the figure is what the test is for.
    let _ = writeln!(std::io::stderr(), "{}", report.trim_end_matches(';'));
}
