//! Keys that whoever runs the container gives out: ECS, or EKS by its pod identity.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Url};

use super::{Keys, Place, lacking, read};
use crate::SendError;
use crate::destinations::lease::{Lender, Lent, proof};
use crate::destinations::near;
use crate::http;
use crate::settings::Secret;

/// Where ECS gives out keys.
const SERVER: &str = "http://169.254.170.2";

/// Hosts beside the container's own that are asked without TLS: those of ECS and EKS. A token goes nowhere else.
const HOSTS: [&str; 6] =
    ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "127.0.0.1", "[::1]"];

const FROM: &str = "the container's credentials";

/// Who gives them out, and what says that they may be had.
pub(super) struct Container {
    client: Client,
    address: Url,
    token: Secret,
    file: Option<PathBuf>,
}

impl Container {
    /// `None`: the environment does not speak of any.
    pub(super) fn new(place: &Place<'_>) -> Result<Option<Self>, String> {
        let variable = |name: &str| (place.variable)(name);
        let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let address = match (relative.as_str(), full.as_str()) {
            ("", "") => return Ok(None),
            ("", full) => http::url("AWS_CONTAINER_CREDENTIALS_FULL_URI", full)?,
            (path, _) => http::below("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", SERVER, path)?,
        };
        let is_near = address.host_str().is_some_and(|host| HOSTS.contains(&host));
        if address.scheme() != "https" && !is_near {
            return Err(
                "`AWS_CONTAINER_CREDENTIALS_FULL_URI` is neither by HTTPS nor at the container's own host"
                    .to_owned(),
            );
        }
        let file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let file = (!file.is_empty()).then(|| file.into());
        let token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").into();
        Ok(Some(Self { client: near::client()?, address, token, file }))
    }

    /// The token: a file's changes while the hub runs.
    async fn token(&self) -> Result<String, String> {
        let Some(file) = &self.file else { return Ok(self.token.reveal().to_owned()) };
        proof(file).await
    }
}

impl Lender<Keys> for Container {
    fn lend(&self) -> BoxFuture<'_, Result<Lent<Keys>, SendError>> {
        Box::pin(async {
            let token = self.token().await.map_err(|problem| lacking(FROM, &problem))?;
            let mut request = self.client.get(self.address.clone());
            if !token.is_empty() {
                let value = http::secret_value(&token);
                let value = value.map_err(|_| lacking(FROM, &"the token is none that a header can hold"))?;
                request = request.header(AUTHORIZATION, value);
            }
            let reply = http::exchange(request).await.map_err(|error| lacking(FROM, &error))?;
            read(FROM, &reply)
        })
    }
}
