//! The sensor's part: the real library, on events that this file makes up and numbers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cadge_engine::{Event, EventType, Fd, FdKind, RuleFile, Ruleset, Settings};
use cadge_sensor::source::{Source, SourceError};
use cadge_sensor::{Config, Sensor};
use tokio::signal::unix::{SignalKind, signal};

use crate::process::Part;
use crate::site;

/// The one rule: what is opened is an alert.
const RULES: &str = "
- rule: Torture
  desc: A numbered file was opened.
  condition: evt.type = open and fd.name startswith /torture/
  output: A numbered file was opened (file=%fd.name number=%evt.num)
  priority: WARNING
  tags: [torture]
";

/// Events are made so often.
const STEP: Duration = Duration::from_millis(10);

/// Runs the sensor until it is asked to stop.
pub(crate) async fn run(part: Part) {
    let mut asked = signal(SignalKind::terminate()).unwrap();
    let ruleset = Ruleset::load(&[RuleFile { name: "torture.yaml", text: RULES }], &Settings::default());
    let ruleset = Arc::new(ruleset.ruleset.unwrap_or_else(|| panic!("{:?}", ruleset.errors)));
    let source = Numbers::new(&part);
    let pki = |name: &str| part.dir.join("pki").join(name);
    let mut config = Config { name: part.name.clone(), ..Config::default() };
    config.spool.path = site::spool(&part.dir, &part.name);
    // Small segments, so that they come and go all the time.
    config.spool.segment_bytes = 64 << 10;
    config.spool.sync_interval_ms = 100;
    config.hub.address = format!("https://localhost:{}", part.port);
    config.hub.cert_chain = pki(&format!("{}.crt", part.name));
    config.hub.private_key = pki(&format!("{}.key", part.name));
    config.hub.root_certs = pki("ca.crt");
    config.hub.heartbeat_interval_ms = 500;
    let sensor = match Sensor::start(config, ruleset, vec![Box::new(source)]) {
        Ok(sensor) => sensor,
        Err(error) => {
            eprintln!("the sensor can't start: {error}");
            std::process::exit(1);
        }
    };
    asked.recv().await;
    sensor.stop().await;
}

/// Events that count.
struct Numbers {
    sensor: String,
    /// Tells the sensor's lives apart.
    life: u128,
    made: u64,
    rate: u64,
    started: Instant,
    /// While this file exists there are no events.
    quiet: PathBuf,
    kind: EventType,
}

impl Numbers {
    fn new(part: &Part) -> Self {
        let life = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let kind = EventType::from_name("open").unwrap();
        let (sensor, quiet) = (part.name.clone(), part.dir.join("quiet"));
        Self { sensor, life, made: 0, rate: part.rate, started: Instant::now(), quiet, kind }
    }

    fn event(&mut self, sink: &mut dyn FnMut(&Event<'_>)) {
        self.made += 1;
        let name = format!("/torture/{}/{}/{}", self.sensor, self.life, self.made);
        let fd = Fd {
            num: 3,
            kind: FdKind::File,
            name: name.as_bytes(),
            name_raw: name.as_bytes(),
            client_is_local: true,
            dev: 1,
            ino: self.made,
            ..Fd::default()
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        sink(&Event {
            num: self.made,
            time_ns: u64::try_from(now).unwrap(),
            tid: 1,
            result: Some(3),
            fd: Some(&fd),
            hostname: "torture",
            ..Event::new(self.kind)
        });
    }
}

impl Source for Numbers {
    fn name(&self) -> &'static str {
        "numbers"
    }

    fn poll(&mut self, _: Duration, sink: &mut dyn FnMut(&Event<'_>)) -> Result<bool, SourceError> {
        std::thread::sleep(STEP);
        if self.quiet.exists() {
            return Ok(true);
        }
        let due = u64::try_from(self.started.elapsed().as_millis()).unwrap() * self.rate / 1000;
        // After a pause there is a flood, but not one without an end.
        for _ in 0..due.saturating_sub(self.made).min(self.rate / 10) {
            self.event(sink);
        }
        Ok(true)
    }

    fn counters(&self) -> Vec<(String, u64)> {
        vec![("events_total{class=\"numbers\"}".to_owned(), self.made)]
    }
}
