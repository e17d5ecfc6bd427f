//! HTTP: alerts from stock Falco by `POST /`, `/metrics` and what says that the hub is alive.
//!
//! A server of our own around hyper, for everything has a bound here: connections, headers,
//! bodies, and the time that each may take.

mod server;
mod thread;
mod patient;
mod place;
mod routes;
mod caller;
mod callers;
mod body;
mod ingest;
mod together;
mod refusal;
mod counts;

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::config::{Config, Webserver};
use crate::connect::access::Access;
use crate::connect::clients::Clients;
use crate::connect::live::Live;
use crate::connect::tls::Tls;
use crate::connect::tokens::{Form, Tokens};
use crate::error::Error;
use crate::page::Page;
use crate::sparse::Sparse;
use crate::unordered::Unordered;

use counts::Counts;

/// What there is to serve, and to whom.
#[derive(Clone)]
pub(crate) struct Site {
    settings: Arc<Webserver>,
    tls: Option<Arc<Tls>>,
    access: Arc<Access>,
    live: Live,
    clients: Clients,
    audit: Audit,
    sparse: Arc<Sparse>,
    tokens: Option<Arc<Tokens>>,
    unordered: Unordered,
    page: Page,
    counts: Counts,
}

impl Site {
    /// Finds what is wrong with the configuration.
    pub(crate) fn new(
        config: &Config,
        unordered: Unordered,
        page: Page,
        audit: Audit,
    ) -> Result<Self, Error> {
        let settings = &config.webserver;
        check(settings)?;
        let tls = settings.ssl_enabled.then(|| Tls::for_http(&config.grpc, settings)).transpose()?;
        let tokens =
            settings.token_file.as_deref().map(|path| Tokens::open(path, Form::Names)).transpose()?;
        Ok(Self {
            settings: Arc::new(settings.clone()),
            tls: tls.map(Arc::new),
            access: Arc::new(Access::for_http(config)?),
            live: Live::default(),
            clients: Clients::default(),
            audit,
            sparse: Arc::default(),
            tokens: tokens.map(Arc::new),
            counts: Counts::new(&unordered.metrics.registry),
            unordered,
            page,
        })
    }

    /// Serves on a thread of its own until it is told to stop. What comes back ends when it has stopped.
    pub(crate) fn start(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> io::Result<impl Future<Output = ()> + Send> {
        let listener = listener.into_std()?;
        thread::run(move || async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => self.serve(listener, stop).await,
                Err(error) => tracing::error!(%error, "HTTP can't be served"),
            }
        })
    }

    async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        if self.tokens.is_some() && self.tls.is_none() && !local {
            tracing::warn!("tokens come in clear text: set `webserver.ssl_enabled`");
        }
        let watch = self.tls.clone().map(|tls| tls.watch(self.live.clone(), stop.clone()));
        let watch = async {
            if let Some(watch) = watch {
                watch.await;
            }
        };
        tokio::join!(watch, server::Server::new(self).run(listener, stop));
    }
}

/// Nothing can be served within a bound of 0.
fn check(settings: &Webserver) -> Result<(), Error> {
    let bounds = [
        ("connections_max", settings.connections_max as u64),
        ("header_timeout_ms", settings.header_timeout_ms),
        ("body_timeout_ms", settings.body_timeout_ms),
        ("body_bytes_max", settings.body_bytes_max as u64),
        ("bodies_bytes_max", settings.bodies_bytes_max as u64),
    ];
    match bounds.iter().find(|(_, bound)| *bound == 0) {
        Some((name, _)) => Err(Error::Configuration(format!("`webserver.{name}` must be 1 or more"))),
        None => Ok(()),
    }
}
