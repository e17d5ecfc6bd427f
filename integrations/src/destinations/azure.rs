//! An identity of Azure's: that of an application, of a workload, or of the machine. What the SDKs look for, in their
//! order.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use reqwest::{Client, RequestBuilder, Url};

use super::aws::signature::form;
use super::lease::{self, Lender, Lent};
use super::{bearer, near};
use crate::SendError;
use crate::http;
use crate::settings::Secret;

/// Who gives out tokens for applications and workloads, unless `AZURE_AUTHORITY_HOST` says otherwise.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// Who gives out those of the machine, unless `AZURE_POD_IDENTITY_AUTHORITY_HOST` says otherwise.
const METADATA: &str = "169.254.169.254";

/// What vouches for a workload is of this kind.
const BY_SIGNATURE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Who gives out tokens, and for whom.
pub(super) enum Identity {
    /// An application with a secret, or a workload with a file that vouches for it and changes while the hub runs.
    Application { client: Client, address: Url, pairs: Vec<(&'static str, String)>, proof: Proof },
    /// The machine, or what runs on it as an app.
    Machine { client: Client, address: Url, header: (&'static str, HeaderValue) },
}

/// How an application shows that it is that.
pub(super) enum Proof {
    Secret(Secret),
    File(PathBuf),
}

/// The identity that the environment gives, for a service of Azure's: `https://eventhubs.azure.net`.
pub(super) fn identity(
    service: &str,
    client: &Client,
    variable: impl Fn(&str) -> String,
) -> Result<Identity, String> {
    let (secret, file) = (variable("AZURE_CLIENT_SECRET"), variable("AZURE_FEDERATED_TOKEN_FILE"));
    let (name, proof) = match (secret.is_empty(), file.is_empty()) {
        (false, _) => ("AZURE_CLIENT_SECRET", Proof::Secret(secret.into())),
        (true, false) => ("AZURE_FEDERATED_TOKEN_FILE", Proof::File(file.into())),
        (true, true) if !variable("AZURE_CLIENT_CERTIFICATE_PATH").is_empty() => {
            let problem = "`AZURE_CLIENT_CERTIFICATE_PATH` is not supported: give the application a secret in \
                           `AZURE_CLIENT_SECRET`";
            return Err(problem.to_owned());
        }
        (true, true) => return machine(service, variable),
    };
    let (tenant, application) = (variable("AZURE_TENANT_ID"), variable("AZURE_CLIENT_ID"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if tenant.is_empty() || application.is_empty() || !tenant.bytes().all(is_plain) {
        return Err(format!(
            "`{name}` is no use without `AZURE_TENANT_ID` and `AZURE_CLIENT_ID`, or they are none"
        ));
    }
    let host = variable("AZURE_AUTHORITY_HOST");
    let host = match host.as_str() {
        "" => AUTHORITY.to_owned(),
        host if host.contains("://") => host.to_owned(),
        host => format!("https://{host}"),
    };
    let address = http::below("AZURE_AUTHORITY_HOST", &host, &format!("{tenant}/oauth2/v2.0/token"))?;
    let pairs = vec![
        ("client_id", application),
        ("scope", format!("{service}/.default")),
        ("grant_type", "client_credentials".to_owned()),
    ];
    Ok(Identity::Application { client: client.clone(), address, pairs, proof })
}

/// The identity of the machine, or of the app that its host speaks of.
fn machine(service: &str, variable: impl Fn(&str) -> String) -> Result<Identity, String> {
    let (endpoint, app_secret) = (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER"));
    let is_app = !endpoint.is_empty() && !app_secret.is_empty();
    let (mut address, version, header) = if is_app {
        let value = http::secret_value(&app_secret);
        let value = value.map_err(|_| "`IDENTITY_HEADER` has characters that no header can hold")?;
        (http::url("IDENTITY_ENDPOINT", &endpoint)?, "2019-08-01", ("x-identity-header", value))
    } else {
        let name = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        let host = variable(name);
        let host = if host.is_empty() { METADATA } else { host.as_str() };
        let address = near::address(name, host, "metadata/identity/oauth2/token")?;
        (address, "2018-02-01", ("metadata", HeaderValue::from_static("true")))
    };
    address.query_pairs_mut().append_pair("api-version", version).append_pair("resource", service);
    // One of several that a machine may have.
    let named = variable("AZURE_CLIENT_ID");
    if !named.is_empty() {
        address.query_pairs_mut().append_pair("client_id", &named);
    }
    Ok(Identity::Machine { client: near::client()?, address, header })
}

impl Identity {
    async fn request(&self) -> Result<RequestBuilder, SendError> {
        let (client, address, pairs, proof) = match self {
            Self::Machine { client, address, header: (name, value) } => {
                return Ok(client.get(address.clone()).header(*name, value));
            }
            Self::Application { client, address, pairs, proof } => (client, address, pairs, proof),
        };
        let mut pairs = pairs.clone();
        match proof {
            Proof::Secret(secret) => pairs.push(("client_secret", secret.reveal().to_owned())),
            Proof::File(file) => {
                pairs.push(("client_assertion_type", BY_SIGNATURE.to_owned()));
                pairs.push(("client_assertion", lease::proof(file).await.map_err(SendError::Unreachable)?));
            }
        }
        let request = client.post(address.clone());
        Ok(request.header("content-type", "application/x-www-form-urlencoded").body(form(&pairs)))
    }
}

impl Lender<Secret> for Identity {
    fn lend(&self) -> BoxFuture<'_, Result<Lent<Secret>, SendError>> {
        Box::pin(async { bearer::token(self.request().await?).await })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::super::lease::Lease;
    use super::near::tests::server;
    use super::*;

    const TOKEN: &str = r#"{"access_token":"T0KEN","expires_in":"3599"}"#;

    fn found(environment: &[(&str, &str)]) -> Result<Lease<Secret>, String> {
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value).to_owned()
        };
        identity("https://eventhubs.azure.net", &near::client()?, variable).map(Lease::new)
    }

    async fn token(environment: &[(&str, &str)]) -> Result<String, String> {
        let token = found(environment)?.get().await;
        token.map(|token| token.reveal().to_owned()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn an_application_shows_its_secret() {
        let (url, sent) = server(|line, _, body| match line {
            "POST /fleet/oauth2/v2.0/token" if body.ends_with("client_secret=S+1") => (200, TOKEN.to_owned()),
            _ => (401, r#"{"error":"invalid_client","error_description":"AADSTS7000215"}"#.to_owned()),
        })
        .await;
        let environment = [
            ("AZURE_AUTHORITY_HOST", url.as_str()),
            ("AZURE_TENANT_ID", "fleet"),
            ("AZURE_CLIENT_ID", "hub"),
            ("AZURE_CLIENT_SECRET", "S 1"),
        ];
        assert_eq!(token(&environment).await.unwrap(), "T0KEN");
        let form = "client_id=hub&scope=https%3A%2F%2Feventhubs.azure.net%2F.default&grant_type=client_credentials&client_secret=S+1";
        assert_eq!(*sent.lock().unwrap(), [form]);
        let wrong = [environment[0], environment[1], environment[2], ("AZURE_CLIENT_SECRET", "S3CRET")];
        let error = token(&wrong).await.unwrap_err();
        assert!(error.contains("invalid_client: AADSTS7000215") && !error.contains("S3CRET"), "{error}");
        let error = token(&environment[2..]).await.unwrap_err();
        assert!(error.contains("`AZURE_CLIENT_SECRET` is no use without"), "{error}");
        let error = token(&[("AZURE_CLIENT_CERTIFICATE_PATH", "/x")]).await.unwrap_err();
        assert!(error.contains("is not supported"), "{error}");
    }

    #[tokio::test]
    async fn a_workload_shows_its_file_as_it_is_now() {
        let (url, sent) = server(|_, _, _| (200, TOKEN.to_owned())).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let environment = [
            ("AZURE_AUTHORITY_HOST", url.as_str()),
            ("AZURE_TENANT_ID", "fleet"),
            ("AZURE_CLIENT_ID", "hub"),
            ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
        ];
        let lease = found(&environment).unwrap();
        assert!(lease.get().await.unwrap_err().to_string().contains("reading"));
        for text in ["one\n", "two"] {
            std::fs::write(&file, text).unwrap();
            lease.drop(&lease.get().await.unwrap()).await;
        }
        let ends: Vec<String> =
            sent.lock().unwrap().iter().map(|form| form[form.len() - 90..].to_owned()).collect();
        let kind = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        for (end, text) in ends.iter().zip(["one", "two"]) {
            let whole = format!("{kind}&client_assertion={text}");
            assert!(whole.ends_with(end.as_str()), "{end}");
        }
        assert_eq!(ends.len(), 2);
    }

    fn right(headers: &HeaderMap, name: &str, value: &str) -> (u16, String) {
        let is_right = headers.get(name).is_some_and(|found| found == value);
        if is_right { (200, TOKEN.to_owned()) } else { (400, String::new()) }
    }

    #[tokio::test]
    async fn a_machine_and_an_app_ask_their_hosts() {
        let (url, sent) = server(|_, headers, _| right(headers, "metadata", "true")).await;
        let machine = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str()), ("AZURE_CLIENT_ID", "own one")];
        assert_eq!(token(&machine).await.unwrap(), "T0KEN");
        let resource = "resource=https%3A%2F%2Feventhubs.azure.net";
        let path = "/metadata/identity/oauth2/token?api-version=2018-02-01";
        assert_eq!(*sent.lock().unwrap(), [format!("GET {path}&{resource}&client_id=own+one")]);
        let (url, sent) = server(|_, headers, _| right(headers, "x-identity-header", "H")).await;
        let endpoint = format!("{url}/msi/token");
        let app = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", "H")];
        assert_eq!(token(&app).await.unwrap(), "T0KEN");
        assert_eq!(*sent.lock().unwrap(), [format!("GET /msi/token?api-version=2019-08-01&{resource}")]);
    }
}
