//! Servers that a cloud puts next to each machine of its own, to tell it who it is.

use reqwest::{Client, Url};

use crate::http;

/// A client for them: never through a proxy.
pub(super) fn client() -> Result<Client, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.build().map_err(|error| format!("the HTTP client can't be made: {error}"))
}

/// The address of one that the environment may name otherwise.
pub(super) fn address(variable: &str, host: &str, path: &str) -> Result<Url, String> {
    let server = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
    http::below(variable, &server, path)
}
