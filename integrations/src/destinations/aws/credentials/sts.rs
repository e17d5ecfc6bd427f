//! Keys of a role, from AWS's Security Token Service.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::future::BoxFuture;
use reqwest::{Client, Method, Url};

use super::{Keys, Place, is_over, lacking, lent};
use crate::SendError;
use crate::destinations::aws::signature::{Signer, form};
use crate::destinations::aws::within;
use crate::destinations::lease::{Lease, Lender, Lent, proof};
use crate::http::{self, Reply};

const FROM: &str = "AWS's token service";

/// The service.
pub(super) struct Sts {
    client: Client,
    signer: Signer,
    address: Url,
}

impl Sts {
    /// In the region, unless the environment says otherwise.
    pub(super) fn new(place: &Place<'_>) -> Result<Self, String> {
        let endpoint = place.endpoint("sts");
        let address = if endpoint.is_empty() {
            place.regional("sts")?
        } else {
            http::url("AWS_ENDPOINT_URL_STS", &endpoint)?
        };
        let signer = Signer { region: place.region.to_owned(), service: "sts" };
        Ok(Self { client: place.client.clone(), signer, address })
    }

    /// Asks for a role. A request with a web identity needs no keys.
    async fn ask(&self, keys: Option<&Keys>, pairs: &[(&str, &str)]) -> Result<Reply, SendError> {
        let mut all = vec![("Version", "2011-06-15")];
        all.extend(pairs.iter().filter(|(_, value)| !value.is_empty()));
        let (kind, body) = ("application/x-www-form-urlencoded", form(&all));
        let sent = if let Some(keys) = keys {
            let headers = BTreeMap::from([("content-type", kind.to_owned())]);
            let request = (Method::POST, &self.address, headers, body.into_bytes());
            self.signer.exchange(&self.client, keys, request).await
        } else {
            let request = self.client.post(self.address.clone()).header("content-type", kind);
            http::exchange(request.body(body)).await
        };
        sent.map_err(|error| lacking(FROM, &error))
    }
}

/// The keys of an answer. Of one that may have them nothing is shown.
pub(super) fn read(reply: &Reply) -> Result<Lent<Keys>, SendError> {
    let part = |name| within(&reply.text, name).next().unwrap_or_default().trim();
    if !reply.status.is_success() {
        let shown = format!("it answered {}: {}: {}", reply.status, part("Code"), part("Message"));
        return Err(lacking(FROM, &shown));
    }
    lent(["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"].map(part))
        .map_err(|problem| lacking(FROM, &problem))
}

/// A role that other keys take on.
pub(super) struct Role {
    pub(super) base: Lease<Keys>,
    pub(super) sts: Sts,
    pub(super) arn: String,
    pub(super) external: String,
    pub(super) session: String,
}

impl Lender<Keys> for Role {
    fn lend(&self) -> BoxFuture<'_, Result<Lent<Keys>, SendError>> {
        Box::pin(async {
            let keys = self.base.get().await?;
            let pairs = [
                ("Action", "AssumeRole"),
                ("RoleArn", self.arn.as_str()),
                ("RoleSessionName", self.session.as_str()),
                ("ExternalId", self.external.as_str()),
            ];
            let reply = self.sts.ask(Some(&keys), &pairs).await?;
            if within(&reply.text, "Code").next().is_some_and(is_over) {
                self.base.drop(&keys).await;
            }
            read(&reply)
        })
    }
}

/// A role that whoever runs the container vouches for, in a file that changes while the hub runs.
pub(super) struct WebIdentity {
    pub(super) sts: Sts,
    pub(super) file: PathBuf,
    pub(super) arn: String,
    pub(super) session: String,
}

impl Lender<Keys> for WebIdentity {
    fn lend(&self) -> BoxFuture<'_, Result<Lent<Keys>, SendError>> {
        Box::pin(async {
            let token = proof(&self.file).await.map_err(|problem| lacking("a web identity", &problem))?;
            let pairs = [
                ("Action", "AssumeRoleWithWebIdentity"),
                ("RoleArn", self.arn.as_str()),
                ("RoleSessionName", self.session.as_str()),
                ("WebIdentityToken", token.as_str()),
            ];
            read(&self.sts.ask(None, &pairs).await?)
        })
    }
}
