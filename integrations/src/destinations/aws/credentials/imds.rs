//! Keys of the role of the instance that the hub runs on, from its metadata service, version 2.

use futures_util::future::BoxFuture;
use reqwest::{Client, Url};

use super::{Keys, Place, lacking, read};
use crate::SendError;
use crate::destinations::aws::first;
use crate::destinations::lease::{Lender, Lent};
use crate::destinations::near;
use crate::http;

/// Where the service is on every instance.
const SERVER: &str = "http://169.254.169.254";
const SERVER_IPV6: &str = "http://[fd00:ec2::254]";

const FROM: &str = "the instance's metadata";

/// The service.
pub(super) struct Instance {
    client: Client,
    tokens: Url,
    roles: Url,
}

impl Instance {
    pub(super) fn new(place: &Place<'_>) -> Result<Self, String> {
        let variable = |name: &str| (place.variable)(name);
        let mode = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        let usual = if mode.eq_ignore_ascii_case("ipv6") { SERVER_IPV6 } else { SERVER };
        let name = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        let server = first([variable(name), usual.to_owned()]);
        let roles = http::below(name, &server, "latest/meta-data/iam/security-credentials/")?;
        Ok(Self { client: near::client()?, tokens: http::below(name, &server, "latest/api/token")?, roles })
    }

    async fn keys(&self) -> Result<Lent<Keys>, SendError> {
        let request = self.client.put(self.tokens.clone());
        let reply = http::exchange(request.header("x-aws-ec2-metadata-token-ttl-seconds", "300")).await?;
        if !reply.status.is_success() {
            return Err(lacking(FROM, &reply));
        }
        let token = reply.text.trim();
        let get =
            |address: Url| http::exchange(self.client.get(address).header("x-aws-ec2-metadata-token", token));
        let reply = get(self.roles.clone()).await?;
        let role = reply.text.lines().next().unwrap_or_default().trim();
        let mut address = self.roles.clone();
        if !reply.status.is_success() || role.is_empty() {
            return Err(lacking(FROM, &"the instance has no role"));
        }
        if let Ok(mut parts) = address.path_segments_mut() {
            parts.pop_if_empty().push(role);
        }
        read(FROM, &get(address).await?)
    }
}

impl Lender<Keys> for Instance {
    fn lend(&self) -> BoxFuture<'_, Result<Lent<Keys>, SendError>> {
        Box::pin(async {
            self.keys().await.map_err(|error| match error {
                SendError::Unreachable(cause) | SendError::Away(cause) if !cause.contains(FROM) => {
                    lacking(FROM, &cause)
                }
                error => error,
            })
        })
    }
}
