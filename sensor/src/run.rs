//! Puts the sensor together, and takes it apart in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cadge_engine::{Alert, Ruleset};
use cadge_proto::raw::v1::Hello;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::containers::containers;
use crate::counters::Counters;
use crate::encode::Encoder;
use crate::error::Error;
use crate::evaluate::Evaluate;
use crate::pending::{Bounds, Evaluator};
use crate::source::Source;
use crate::spool::{Spool, SpoolSettings};
use crate::state::HostNames;
use crate::uplink::Uplink;

/// At the end the uplink gets so long to hand over what is left. It is on disk anyway.
const FLUSH: Duration = Duration::from_secs(2);

/// A running sensor.
#[derive(Debug)]
pub struct Sensor {
    sources: Vec<String>,
    counters: Arc<Counters>,
    spool: Arc<Spool>,
    stop: Arc<AtomicBool>,
    stop_uplink: CancellationToken,
    threads: Vec<JoinHandle<()>>,
    uplink: tokio::task::JoinHandle<()>,
}

impl Sensor {
    /// Starts everything. To be called within a tokio runtime.
    pub fn start(
        config: Config,
        ruleset: Arc<Ruleset>,
        sources: Vec<Box<dyn Source>>,
    ) -> Result<Self, Error> {
        let address = &config.hub.address;
        if !address.starts_with("https://") {
            return Err(Error::Address { address: address.clone() });
        }
        for path in [&config.hub.cert_chain, &config.hub.private_key, &config.hub.root_certs] {
            std::fs::File::open(path).map_err(|cause| Error::File { path: path.clone(), cause })?;
        }
        let settings =
            SpoolSettings { bytes_max: config.spool.bytes_max, segment_bytes: config.spool.segment_bytes };
        let spool = Arc::new(Spool::open(&config.spool.path, settings)?);
        let counters = Arc::new(Counters::default());
        let stop = Arc::new(AtomicBool::new(false));
        let names: Vec<String> = sources.iter().map(|source| source.name().to_owned()).collect();
        let (queue, alerts) = sync_channel(config.outputs_queue.capacity.max(1));
        let encoder = Encoder::new(&config.name, &config.hostname(), spool.epoch());
        let hello = hello(&config, &ruleset, &names, spool.epoch());
        let writer = Writer {
            alerts,
            encoder,
            spool: Arc::clone(&spool),
            counters: Arc::clone(&counters),
            sync_interval: Duration::from_millis(config.spool.sync_interval_ms.max(1)),
        };
        let (containers, lookups) = containers(&config.container_engines, &counters);
        let bounds = Bounds {
            events_max: config.container_engines.pending_events_max,
            timeout: Duration::from_millis(config.container_engines.pending_timeout_ms),
        };
        let hosts = HostNames::start(ruleset.host_names(), Arc::clone(&counters));
        let evaluate = Evaluate {
            evaluator: Evaluator::new(ruleset, containers, bounds, Arc::clone(&counters)),
            hosts,
            sources,
            queue,
            counters: Arc::clone(&counters),
            stop: Arc::clone(&stop),
        };
        tokio::spawn(lookups.run());
        let threads =
            vec![thread("evaluate", move || evaluate.run())?, thread("spool", move || writer.run())?];
        let stop_uplink = CancellationToken::new();
        let uplink = Uplink {
            config: config.hub,
            hello,
            spool: Arc::clone(&spool),
            counters: Arc::clone(&counters),
            stop: stop_uplink.clone(),
        };
        let uplink = tokio::spawn(uplink.run());
        Ok(Self { sources: names, counters, spool, stop, stop_uplink, threads, uplink })
    }

    /// The names of the sources in use.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// What was counted since the start, by metric name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        self.counters.all()
    }

    /// Stops: first the events, then the spool, and the uplink once it has handed over what is
    /// left, or after two seconds.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.threads;
        let joined =
            tokio::task::spawn_blocking(move || threads.into_iter().all(|thread| thread.join().is_ok()));
        if !joined.await.unwrap_or(false) {
            tracing::error!("a thread of the sensor has panicked");
        }
        let deadline = Instant::now() + FLUSH;
        while self.spool.waiting() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.stop_uplink.cancel();
        let _ = self.uplink.await;
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new().name(format!("cadge-{name}")).spawn(run).map_err(Error::Thread)
}

fn hello(config: &Config, ruleset: &Ruleset, sources: &[String], epoch: u64) -> Hello {
    let mut digest = crc32fast::Hasher::new();
    for rule in ruleset.rules() {
        digest.update(rule.name.as_bytes());
        digest.update(rule.condition.to_string().as_bytes());
    }
    Hello {
        sensor: config.name.clone(),
        hostname: config.hostname(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        epoch,
        first_sequence: 0,
        next_sequence: 0,
        rules_digest: format!("{:08x}", digest.finalize()),
        sources: sources.to_vec(),
    }
}

/// The thread that encodes alerts and writes them down.
struct Writer {
    alerts: Receiver<Alert>,
    encoder: Encoder,
    spool: Arc<Spool>,
    counters: Arc<Counters>,
    sync_interval: Duration,
}

impl Writer {
    /// Runs until the queue's other end is gone and it is empty.
    fn run(self) {
        let mut synced = Instant::now();
        loop {
            match self.alerts.recv_timeout(self.sync_interval) {
                Ok(alert) => self.write(&alert),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if synced.elapsed() >= self.sync_interval {
                self.sync();
                synced = Instant::now();
            }
        }
        self.sync();
    }

    fn write(&self, alert: &Alert) {
        let outcome = self.spool.append(|sequence| {
            let (bytes, cut) = self.encoder.encode(alert, sequence);
            Counters::add(&self.counters.cut, u64::from(cut));
            bytes
        });
        match outcome {
            Ok(dropped) => {
                Counters::add(&self.counters.spooled, 1);
                Counters::add(&self.counters.spool_full, dropped);
            }
            Err(error) => {
                Counters::add(&self.counters.disk_error, 1);
                tracing::error!(%error, rule = %alert.rule, "the alert can't be written to the spool: it is lost");
            }
        }
    }

    fn sync(&self) {
        if let Err(error) = self.spool.sync() {
            tracing::error!(%error, "the spool can't be synchronised with the disk");
        }
    }
}
