//! Servers that a cloud puts next to each machine of its own, to tell it who it is.

use std::time::Duration;

use reqwest::{Client, Url};

use crate::http;

/// Where there is no such server, none answers.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// A client for them: never through a proxy.
pub(super) fn client() -> Result<Client, String> {
    http::build(http::builder().no_proxy().connect_timeout(CONNECT_MAX))
}

/// The address of one that the environment may name otherwise.
pub(super) fn address(variable: &str, host: &str, path: &str) -> Result<Url, String> {
    let server = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
    http::below(variable, &server, path)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::http::{HeaderMap, Method, StatusCode, Uri};

    /// What a server is sent, in the order in which it came: bodies, or methods and paths where there is none.
    pub(in crate::destinations) type Sent = Arc<Mutex<Vec<String>>>;

    /// A server that answers each request by a function of its method and path, its headers, and its body.
    pub(in crate::destinations) async fn server(
        answer: fn(&str, &HeaderMap, &str) -> (u16, String),
    ) -> (String, Sent) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (url, sent) = (format!("http://{}", listener.local_addr().unwrap()), Sent::default());
        let kept = Arc::clone(&sent);
        let site = move |method: Method, uri: Uri, headers: HeaderMap, body: String| async move {
            let line = format!("{method} {uri}");
            let (status, text) = answer(&line, &headers, &body);
            kept.lock().unwrap().push(if body.is_empty() { line } else { body });
            (StatusCode::from_u16(status).unwrap(), text)
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(site)).await });
        (url, sent)
    }
}
