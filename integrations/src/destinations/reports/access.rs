//! How the API server is reached: as a pod's service account, or as a kubeconfig says.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Client, Identity};
use serde::Deserialize;

use crate::destinations::lease;
use crate::http;
use crate::settings::Secret;

/// Where a pod finds its account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The way to an API server.
pub(super) struct Access {
    pub(super) client: Client,
    pub(super) server: String,
    token: Token,
}

#[derive(Clone)]
enum Token {
    None,
    Fixed(Secret),
    /// Read anew for each request: a cluster renews it every hour.
    File(PathBuf),
}

impl Access {
    /// As falcosidekick: a pod's account, and `kubeconfig` where there is none.
    pub(super) fn new(kubeconfig: &str) -> Result<Self, String> {
        let named = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let account = Path::new(ACCOUNT);
        match (named("KUBERNETES_SERVICE_HOST"), named("KUBERNETES_SERVICE_PORT")) {
            (Some(host), Some(port)) if account.join("token").exists() => Self::of_pod(&host, &port, account),
            _ => Self::of_file(&expanded(kubeconfig, named("HOME").as_deref())),
        }
    }

    fn of_pod(host: &str, port: &str, account: &Path) -> Result<Self, String> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let authority = read(&account.join("ca.crt"))?;
        let builder = http::builder().tls_certs_only(certificates("ca.crt", &authority)?);
        Ok(Self {
            client: http::build(builder)?,
            server: format!("https://{host}:{port}"),
            token: Token::File(account.join("token")),
        })
    }

    fn of_file(path: &Path) -> Result<Self, String> {
        let named = |problem: String| format!("`kubeconfig` {}: {problem}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        // An error may quote the line, and a line may hold a token.
        let file: File = serde_saphyr::from_str(&text).map_err(|error| {
            let line = error.location().map_or(0, |location| location.line());
            named(format!("it is no kubeconfig, as line {line} shows"))
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        file.access(folder).map_err(named)
    }

    /// What to show, if anything.
    pub(super) async fn token(&self) -> Result<Option<String>, String> {
        match &self.token {
            Token::None => Ok(None),
            Token::Fixed(token) => Ok(Some(token.reveal().to_owned())),
            Token::File(path) => lease::proof(path).await.map(Some),
        }
    }
}

/// The parts of a kubeconfig that are used, and those that cannot be.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct File {
    current_context: String,
    contexts: Vec<Context>,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct Context {
    name: String,
    context: Pair,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pair {
    cluster: String,
    user: String,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: String,
    certificate_authority_data: String,
    insecure_skip_tls_verify: bool,
    tls_server_name: String,
    proxy_url: String,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct User {
    client_certificate: String,
    client_certificate_data: String,
    client_key: String,
    client_key_data: String,
    token: String,
    #[serde(rename = "tokenFile")]
    token_file: String,
    username: String,
    exec: Option<serde_json::Value>,
    auth_provider: Option<serde_json::Value>,
}

impl File {
    /// The way that its current context describes. Files are relative to its own folder.
    fn access(&self, folder: &Path) -> Result<Access, String> {
        let wanted = &self.current_context;
        let context = self.contexts.iter().find(|known| known.name == *wanted);
        let Pair { cluster, user } =
            &context.ok_or_else(|| format!("`current-context: {wanted}` is none of its contexts"))?.context;
        let found = self.clusters.iter().find(|known| known.name == *cluster);
        let cluster = &found.ok_or_else(|| format!("the context's cluster `{cluster}` is missing"))?.cluster;
        let found = self.users.iter().find(|known| known.name == *user);
        let user = &found.ok_or_else(|| format!("the context's user `{user}` is missing"))?.user;
        refuse(cluster, user)?;
        let token = match (user.token_file.as_str(), user.token.is_empty()) {
            ("", true) => Token::None,
            ("", false) => Token::Fixed(Secret::from(user.token.clone())),
            (path, _) => Token::File(folder.join(path)),
        };
        let client = client(cluster, user, folder)?;
        Ok(Access { client, server: cluster.server.clone(), token })
    }
}

/// Says what cannot be had here, before anything is tried without it.
fn refuse(cluster: &Cluster, user: &User) -> Result<(), String> {
    let needs = "use a service account's token or a client certificate";
    if user.exec.is_some() {
        return Err(format!("its user gets credentials by a command (exec), which is not run here: {needs}"));
    }
    if user.auth_provider.is_some() || !user.username.is_empty() {
        return Err(format!(
            "its user has a password or an auth-provider, which clusters know no more: {needs}"
        ));
    }
    if !cluster.proxy_url.is_empty() || !cluster.tls_server_name.is_empty() {
        return Err("its cluster has a proxy-url or a tls-server-name, which are not known here".to_owned());
    }
    if !cluster.server.starts_with("https://") && !cluster.server.starts_with("http://") {
        return Err("its cluster has no `server: https://…`".to_owned());
    }
    Ok(())
}

/// What asks a cluster as a user: whom it trusts, and what it shows.
fn client(cluster: &Cluster, user: &User, folder: &Path) -> Result<Client, String> {
    let mut builder = http::builder();
    if cluster.insecure_skip_tls_verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    } else if let Some(authority) =
        inline_or_file(&cluster.certificate_authority_data, &cluster.certificate_authority, folder)?
    {
        builder = builder.tls_certs_only(certificates("certificate-authority", &authority)?);
    }
    let certificate = inline_or_file(&user.client_certificate_data, &user.client_certificate, folder)?;
    let key = inline_or_file(&user.client_key_data, &user.client_key, folder)?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            let identity = Identity::from_pem(&[certificate, b"\n".to_vec(), key].concat());
            let identity = identity.map_err(|error| format!("client-certificate or client-key: {error}"))?;
            builder = builder.identity(identity);
        }
        (None, None) => {}
        _ => return Err("client-certificate and client-key need each other".to_owned()),
    }
    http::build(builder)
}

fn inline_or_file(data: &str, path: &str, folder: &Path) -> Result<Option<Vec<u8>>, String> {
    match (data, path) {
        ("", "") => Ok(None),
        ("", path) => read(&folder.join(path)).map(Some),
        (data, _) => {
            STANDARD.decode(data).map(Some).map_err(|_| "its certificates or keys are no base64".to_owned())
        }
    }
}

fn certificates(what: &str, bytes: &[u8]) -> Result<Vec<Certificate>, String> {
    let found = Certificate::from_pem_bundle(bytes).map_err(|error| format!("{what}: {error}"))?;
    if found.is_empty() { Err(format!("{what}: there is no certificate in it")) } else { Ok(found) }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("reading {}: {error}", path.display()))
}

fn expanded(path: &str, home: Option<&str>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests;
