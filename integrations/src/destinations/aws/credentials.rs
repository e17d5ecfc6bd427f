//! Keys for AWS: those that are given, or those that AWS lends for a while. What the SDKs look for, in their order.

mod container;
mod imds;
mod sts;

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;

use self::container::Container;
use self::imds::Instance;
use self::sts::{Role, Sts, WebIdentity};
use super::{Account, first};
use crate::SendError;
use crate::destinations::lease::{Lease, Lender, Lent};
use crate::http::{self, Reply};
use crate::settings::Secret;

/// Names of errors, without `Exception`, that say that keys are no longer good.
const OVER: [&str; 4] = ["ExpiredToken", "InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClient"];

/// What signs requests.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Secret,
    /// Goes with keys that are lent.
    pub(super) token: Secret,
}

/// Where a hub runs, as its configuration and environment say.
pub(super) struct Place<'a> {
    pub(super) client: &'a Client,
    pub(super) region: &'a str,
    pub(super) variable: &'a dyn Fn(&str) -> String,
}

impl Place<'_> {
    /// Where the environment says that a service is.
    pub(super) fn endpoint(&self, service: &str) -> String {
        let own = (self.variable)(&format!("AWS_ENDPOINT_URL_{}", service.to_uppercase()));
        first([own, (self.variable)("AWS_ENDPOINT_URL")])
    }

    /// Where a service is in the region.
    pub(super) fn regional(&self, service: &str) -> Result<Url, String> {
        let zone = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        http::url("region", &format!("https://{service}.{}.{zone}", self.region))
    }
}

/// The keys of an account.
pub(super) fn lease(account: &Account, place: &Place<'_>) -> Result<Lease<Keys>, String> {
    let base = base(account, place)?;
    if account.rolearn.is_empty() {
        return Ok(base);
    }
    let session = session((place.variable)("AWS_ROLE_SESSION_NAME"));
    let (arn, external) = (account.rolearn.clone(), account.externalid.clone());
    Ok(Lease::new(Role { base, sts: Sts::new(place)?, arn, external, session }))
}

/// The keys that there are without taking on a role.
fn base(account: &Account, place: &Place<'_>) -> Result<Lease<Keys>, String> {
    let variable = |name: &str| (place.variable)(name);
    if let Some(keys) = given(account, place)? {
        return Ok(Lease::new(keys));
    }
    let (file, arn) = (variable("AWS_WEB_IDENTITY_TOKEN_FILE"), variable("AWS_ROLE_ARN"));
    if !file.is_empty() && !arn.is_empty() {
        let session = session(variable("AWS_ROLE_SESSION_NAME"));
        return Ok(Lease::new(WebIdentity { sts: Sts::new(place)?, file: file.into(), arn, session }));
    }
    if let Some(container) = Container::new(place)? {
        return Ok(Lease::new(container));
    }
    if variable("AWS_EC2_METADATA_DISABLED").eq_ignore_ascii_case("true") {
        return Err(
            "`accesskeyid` and `secretaccesskey` are missing: neither does the environment give keys, and \
                    the instance's role is switched off by `AWS_EC2_METADATA_DISABLED`"
                .to_owned(),
        );
    }
    Ok(Lease::new(Instance::new(place)?))
}

/// The keys that the section or the environment has.
fn given(account: &Account, place: &Place<'_>) -> Result<Option<Keys>, String> {
    let is_own = !account.accesskeyid.is_empty() || !account.secretaccesskey.is_empty();
    let variable = |name: &str| (place.variable)(name);
    let id = first([account.accesskeyid.clone(), variable("AWS_ACCESS_KEY_ID")]);
    let secret = first([account.secretaccesskey.reveal().to_owned(), variable("AWS_SECRET_ACCESS_KEY")]);
    // The environment's token is that of the environment's key.
    let token = account.sessiontoken.reveal().to_owned();
    let token = if token.is_empty() && !is_own { variable("AWS_SESSION_TOKEN") } else { token };
    match (id.is_empty(), secret.is_empty()) {
        (false, false) => Ok(Some(Keys { id, secret: secret.into(), token: token.into() })),
        (true, true) => Ok(None),
        _ => Err("`accesskeyid` or `secretaccesskey` is missing: give both, or `AWS_ACCESS_KEY_ID` and \
                  `AWS_SECRET_ACCESS_KEY` in the environment"
            .to_owned()),
    }
}

/// The name under which a role is taken on.
fn session(named: String) -> String {
    first([named, "cadge".to_owned()])
}

/// Whether an error says that keys are no longer good.
pub(super) fn is_over(code: &str) -> bool {
    OVER.contains(&code.trim_end_matches("Exception"))
}

/// Without keys nothing is known of what the destination would say: alerts wait.
fn lacking(from: &str, problem: &dyn std::fmt::Display) -> SendError {
    SendError::Unreachable(format!("there are no keys from {from}: {problem}"))
}

/// The keys of an answer by JSON. The error shows nothing of an answer that may have them.
fn read(from: &str, reply: &Reply) -> Result<Lent<Keys>, SendError> {
    if reply.status != StatusCode::OK {
        return Err(lacking(from, reply));
    }
    let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    let part = |name: &str| body[name].as_str().unwrap_or_default();
    lent([part("AccessKeyId"), part("SecretAccessKey"), part("Token"), part("Expiration")])
        .map_err(|problem| lacking(from, &problem))
}

/// Keys from their parts: their name, the key itself, its token, and until when they are good.
fn lent([id, secret, token, expiration]: [&str; 4]) -> Result<Lent<Keys>, &'static str> {
    if id.is_empty() || secret.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("what is answered has none");
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("what is answered has no valid token");
    }
    let keys = Keys { id: id.to_owned(), secret: secret.to_owned().into(), token: token.to_owned().into() };
    let ends: Option<Timestamp> = expiration.parse().ok();
    let left =
        |ends: Timestamp| Duration::try_from(ends.duration_since(Timestamp::now())).unwrap_or_default();
    Ok(Lent { value: keys, lasts: ends.map(left) })
}

/// Keys that are given last for ever.
impl Lender<Keys> for Keys {
    fn lend(&self) -> BoxFuture<'_, Result<Lent<Keys>, SendError>> {
        Box::pin(async { Ok(Lent { value: self.clone(), lasts: None }) })
    }
}

#[cfg(test)]
mod tests;
