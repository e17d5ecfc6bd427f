//! Puts the hub together, and takes it apart in order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::announce::Announcer;
use crate::audit::Audit;
use crate::config::{Config, Grpc, KafkaLog, LogConfig, LogKind};
use crate::connect::access::Access;
use crate::connect::bearers::Entrance;
use crate::connect::clients::Clients;
use crate::connect::listen::Accept;
use crate::connect::tls::Tls;
use crate::connect::tokens::{Form, Tokens};
use crate::connect::unix_socket::UnixSocket;
use crate::consume::Consumers;
use crate::error::Error;
use crate::exporter::Exporter;
use crate::fleet::Fleet;
use crate::forward::{LogFeeds, field_kind};
use crate::history::{Follower, History};
use crate::log::{Kafka, KafkaSecurity, KafkaSettings, Log, Sqlite, SqliteSettings};
use crate::metrics::Metrics;
use crate::page::Page;
use crate::service::{self, Context, Gate};
use crate::unordered::Unordered;
use crate::{descriptors, http, inputs};

/// At the end everything gets so long.
const STOP: Duration = Duration::from_secs(3);

/// Connections between their handshake and their service.
const CONNECTIONS: usize = 64;

/// Connections that the kernel keeps until they are accepted; Linux cuts it to its own bound.
const BACKLOG: u32 = 4096;

/// A running hub.
#[derive(Debug)]
pub struct Hub {
    grpc: Option<SocketAddr>,
    unix: Option<PathBuf>,
    http: Option<SocketAddr>,
    https: bool,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Hub {
    /// Starts everything. What is wrong with the configuration is found before anything is served.
    pub async fn start(config: Config) -> Result<Self, Error> {
        let tls =
            if config.grpc.bind_address.is_empty() { None } else { Some(Arc::new(Tls::new(&config.grpc)?)) };
        let access = Arc::new(Access::new(&config)?);
        let metrics = Metrics::new();
        descriptors::raise();
        let log = open_log(&config.log, &metrics).await?;
        let stop = CancellationToken::new();
        let announcer = Announcer::new(Arc::clone(&log));
        let fleet = Fleet::open(&config.fleet, &config.log, Arc::clone(&log));
        let unordered = Unordered { log: Arc::clone(&log), metrics: metrics.clone() };
        let consumers = Consumers::new(log, announcer.clone(), metrics.clone());
        let mut tasks = JoinSet::new();
        let (connections, accepted) = mpsc::channel(CONNECTIONS);
        let outputs = config.grpc.outputs.clone();
        let audit = Audit::start(&config.audit_log, &metrics.audit_lost, &mut tasks)?;
        let accept = Accept::new(
            connections,
            &config.grpc,
            Arc::clone(&access),
            audit.clone(),
            metrics.clone(),
            stop.clone(),
        );
        let entrance = open_entrance(&config.grpc, &access, accept.clients(), &stop, &mut tasks)?;
        let gate = Gate::new(accept.clients(), entrance, audit.clone(), metrics.clone());
        let grpc = match tls {
            Some(tls) => Some(listen_tcp(&config, tls, accept.clone(), &stop, &mut tasks).await?),
            None => None,
        };
        let unix = listen_unix(&config.grpc, accept, &mut tasks)?;
        let https = config.webserver.ssl_enabled;
        inputs::start(&config, &unordered, &stop, &mut tasks)?;
        let page = Page {
            registry: metrics.registry.clone(),
            consumers: consumers.clone(),
            fleet: fleet.clone(),
            log_bytes_max: config.log.bytes_max,
            metrics_sensors_max: config.fleet.metrics_sensors_max,
        };
        let http = listen_http(&config, unordered, page, audit.clone(), &stop, &mut tasks).await?;
        let history = follow_log(&config, &consumers, &metrics, &stop, &mut tasks);
        let running = start_integrations(&config, &consumers, &metrics, &stop)?;
        let integrations = running.live();
        tasks.spawn(running.stopped());
        tasks.spawn(Exporter::new(&metrics.registry).run(consumers.clone(), stop.clone()));
        tasks.spawn(fleet.clone().watch(announcer.clone(), stop.clone()));
        let context = Context {
            consumers,
            history,
            integrations,
            metrics,
            fleet,
            announcer,
            outputs,
            stop: stop.clone(),
        };
        tasks.spawn(async move {
            if let Err(error) = service::serve(context, gate, accepted).await {
                tracing::error!(%error, "the gRPC server has failed");
            }
        });
        Ok(Self { grpc, unix, http, https, stop, tasks })
    }

    /// Where it serves gRPC by TCP.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc
    }

    /// Where it serves gRPC by Unix socket.
    pub fn unix_socket(&self) -> Option<&Path> {
        self.unix.as_deref()
    }

    /// Where it serves HTTP.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Whether that is with TLS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Stops: streams end, connections close, the socket's file goes. Takes three seconds at most.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP, all).await.is_err() {
            tracing::warn!("some connections did not end in time: they are closed");
        }
        self.tasks.shutdown().await;
    }
}

/// Where tokens count, if there are any.
fn open_entrance(
    config: &Grpc,
    access: &Arc<Access>,
    clients: Clients,
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Result<Option<Entrance>, Error> {
    let Some(path) = &config.token_file else { return Ok(None) };
    let tokens = Arc::new(Tokens::open(path, Form::Roles)?);
    tasks.spawn(Arc::clone(&tokens).watch(stop.clone()));
    Ok(Some(Entrance { tokens, access: Arc::clone(access), clients }))
}

async fn open_log(config: &LogConfig, metrics: &Metrics) -> Result<Arc<dyn Log>, Error> {
    Ok(match config.kind {
        LogKind::Sqlite => {
            let (deleted, bounds) = (Some(metrics.deleted.clone()), Some(metrics.log_bounds.clone()));
            Arc::new(Sqlite::open(&SqliteSettings { deleted, bounds, ..SqliteSettings::from(config) })?)
        }
        LogKind::Kafka => Arc::new(Kafka::open(kafka_settings(config)?).await?),
    })
}

fn kafka_settings(config: &LogConfig) -> Result<KafkaSettings, Error> {
    let KafkaLog { hostport, topic, clientid, replication, .. } = config.kafka.clone();
    if hostport.is_empty() || topic.is_empty() {
        let text = "`log.kind: kafka` needs `log.kafka.hostport` and `log.kafka.topic`";
        return Err(Error::Configuration(text.to_owned()));
    }
    let security = KafkaSecurity::of(&config.kafka)?;
    Ok(KafkaSettings { hostport, topic, clientid, replication, bytes_max: config.bytes_max, security })
}

/// Starts the history, if it is wanted.
fn follow_log(
    config: &Config,
    consumers: &Consumers,
    metrics: &Metrics,
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Option<History> {
    if !config.history.enabled {
        return None;
    }
    let path = config.history.path_beside(&config.log.path);
    let follower = Follower::new(&path, Arc::clone(consumers.log()), &metrics.registry);
    let history = follower.history();
    tasks.spawn(follower.run(stop.clone()));
    Some(history)
}

async fn bind(address: &str) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |cause| Error::Listen { address: address.to_owned(), cause };
    let listener = listen(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Listens with a backlog that a burst of connections does not fill: the kernel drops what comes then,
/// and whoever connects waits for a second.
async fn listen(address: &str) -> std::io::Result<TcpListener> {
    let mut outcome = Err(std::io::ErrorKind::AddrNotAvailable.into());
    for address in lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        outcome = socket.bind(address).and_then(|()| socket.listen(BACKLOG));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

async fn listen_tcp(
    config: &Config,
    tls: Arc<Tls>,
    accept: Accept,
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Result<SocketAddr, Error> {
    let (listener, bound) = bind(&config.grpc.bind_address).await?;
    tasks.spawn(Arc::clone(&tls).watch(accept.live(), stop.clone()));
    tasks.spawn(accept.tcp(listener, tls));
    Ok(bound)
}

fn listen_unix(config: &Grpc, accept: Accept, tasks: &mut JoinSet<()>) -> Result<Option<PathBuf>, Error> {
    let Some(path) = &config.unix_socket else { return Ok(None) };
    let socket = UnixSocket::bind(path, config)?;
    tasks.spawn(accept.unix(socket));
    Ok(Some(path.clone()))
}

async fn listen_http(
    config: &Config,
    unordered: Unordered,
    page: Page,
    audit: Audit,
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Result<Option<SocketAddr>, Error> {
    if !config.webserver.enabled {
        return Ok(None);
    }
    let site = http::Site::new(config, unordered, page, audit)?;
    let address = &config.webserver.listen_address;
    let host = if address.contains(':') { format!("[{address}]") } else { address.clone() };
    let (listener, bound) = bind(&format!("{host}:{}", config.webserver.listen_port)).await?;
    let failed = |cause| Error::Listen { address: bound.to_string(), cause };
    tasks.spawn(site.start(listener, stop.clone()).map_err(failed)?);
    Ok(Some(bound))
}

fn start_integrations(
    config: &Config,
    consumers: &Consumers,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> Result<cadge_integrations::Running, Error> {
    // Without integrations there is nothing to keep. What is there of others that were switched off is shown.
    let path = config.dead_letters.path_beside(&config.log.path);
    let is_used = config.integrations.destinations().next().is_some() || path.exists();
    let path = is_used.then_some(path);
    let dead = cadge_integrations::DeadLetters::open(path.as_deref(), config.dead_letters.letters_max)?;
    let context = cadge_integrations::Context {
        dead,
        feeds: Arc::new(LogFeeds(consumers.clone())),
        field_kinds: field_kind,
        registry: metrics.registry.clone(),
        stop: stop.clone(),
    };
    Ok(cadge_integrations::start(&config.integrations, &context)?)
}
