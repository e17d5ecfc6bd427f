//! The section `webserver`.

use serde::Deserialize;

/// The HTTP server: `/metrics` and `/healthz`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webserver {
    /// Whether there is one.
    pub enabled: bool,
    /// Where it listens.
    pub listen_address: String,
    /// On which port.
    pub listen_port: u16,
}

impl Default for Webserver {
    fn default() -> Self {
        Self { enabled: true, listen_address: "0.0.0.0".to_owned(), listen_port: 8765 }
    }
}

impl Webserver {
    /// Sets address and port from `ADDRESS:PORT`. A port that is none leaves both as they are.
    pub fn listen(&mut self, at: &str) {
        if let Some((address, port)) = at.rsplit_once(':')
            && let Ok(port) = port.parse()
        {
            address.trim_matches(['[', ']']).clone_into(&mut self.listen_address);
            self.listen_port = port;
        }
    }
}
