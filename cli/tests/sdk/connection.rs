//! How a program reaches a hub: what its environment says.

use std::path::Path;
use std::process::Command;

use crate::support::{Site, run, stderr};

/// All that a program's environment may say of it.
const NAMES: [&str; 5] = ["CADGE_HUB", "CADGE_CA", "CADGE_CERT", "CADGE_KEY", "CADGE_TOKEN"];

/// A program's way to a hub.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Vec<(&'static str, String)>);

impl Connection {
    /// By a Unix socket.
    pub(crate) fn socket(path: &Path) -> Self {
        Self::default().with("CADGE_HUB", format!("unix://{}", path.display()))
    }

    /// By mutual TLS, with the certificate of this name.
    pub(crate) fn tls(site: &Site, name: &str) -> Self {
        Self::default()
            .with("CADGE_HUB", format!("https://localhost:{}", site.grpc))
            .with("CADGE_CA", file(site, "ca.crt"))
            .with("CADGE_CERT", file(site, &format!("{name}.crt")))
            .with("CADGE_KEY", file(site, &format!("{name}.key")))
    }

    /// The same, but for one setting.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value));
        self
    }

    /// The same without a setting.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self
    }

    /// Gives a program this way, and no other.
    pub(crate) fn apply(&self, command: &mut Command) {
        for name in NAMES {
            command.env_remove(name);
        }
        command.envs(self.0.iter().map(|(name, value)| (name, value)));
    }
}

/// A file in the site's folder of certificates.
pub(crate) fn file(site: &Site, name: &str) -> String {
    site.path("pki").join(name).display().to_string()
}

/// Has the site's authority sign one more certificate.
pub(crate) fn issue(site: &Site, role: &str, name: &str) {
    let issued = run(&["pki", "issue", role, name, "--dir", site.path("pki").to_str().unwrap()]);
    assert!(issued.status.success(), "{}", stderr(&issued));
}
