//! What AWS's services have in common: the account, signed requests, and where they go.

mod answer;
mod batch;
mod bucket;
mod credentials;
pub(super) mod lambda;
pub(super) mod s3;
pub(super) mod securitylake;
pub(super) mod signature;
pub(super) mod sns;
pub(super) mod sqs;

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::{Client, Method, Url};

use self::answer::{code, is_transient, judge, within};
use self::credentials::{Keys, Place};
use self::signature::{Signed, Signer};
use super::lease::Lease;
use crate::http::{self, Reply};
use crate::settings::{Secret, Tls, keys};
use crate::{SendError, Setup};

keys! {
    /// Whose requests they are, and where to.
    pub(crate) struct Account {
        /// The access key's name. Empty: `AWS_ACCESS_KEY_ID` of the environment, or else what is there of a web identity
        /// (`AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`), of a container's credentials
        /// (`AWS_CONTAINER_CREDENTIALS_FULL_URI` or `..._RELATIVE_URI`) and of the instance's role, in this order.
        accesskeyid: String = "",
        /// The access key. Empty: `AWS_SECRET_ACCESS_KEY` of the environment.
        secretaccesskey: Secret = "",
        /// The token of a temporary access key. Empty: `AWS_SESSION_TOKEN` of the environment, with its key.
        sessiontoken: Secret = "",
        /// The region. Empty: `AWS_REGION` or `AWS_DEFAULT_REGION` of the environment.
        region: String = "",
        /// A role to take on with these keys: requests are then made with its keys.
        rolearn: String = "",
        /// What the role's owner asks for to take it on.
        externalid: String = "",
        /// Unused: an account that is wrong is told by the first request.
        checkidentity: bool = true,
        /// Where the service is, if not at AWS: `http://localhost:4566`. Empty: `AWS_ENDPOINT_URL_S3` (or `..._SQS`, as the
        /// service is called) or `AWS_ENDPOINT_URL` of the environment. The service that gives out a role's keys is where
        /// `AWS_ENDPOINT_URL_STS` or `AWS_ENDPOINT_URL` says, or in the region.
        endpoint: String = "",
    }
}

/// A service of AWS's, for one account.
struct Service {
    client: Client,
    signer: Signer,
    keys: Lease<Keys>,
    address: Url,
    /// Whether it is elsewhere than at AWS.
    is_elsewhere: bool,
}

impl Service {
    /// A service, at `host` unless the account says otherwise.
    fn new(
        service: &'static str,
        account: &Account,
        host: Option<&str>,
        tls: &Tls,
        setup: &Setup,
    ) -> Result<Self, String> {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        Self::from(service, account, host, variable, http::client(tls, setup)?)
    }

    fn from(
        service: &'static str,
        account: &Account,
        host: Option<&str>,
        variable: impl Fn(&str) -> String,
        client: Client,
    ) -> Result<Self, String> {
        let region = first([account.region.clone(), variable("AWS_REGION"), variable("AWS_DEFAULT_REGION")]);
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if region.is_empty() || !is_plain(&region) {
            return Err("`region` is missing, or none: give one, such as `eu-west-1`".to_owned());
        }
        let place = Place { client: &client, region: &region, variable: &variable };
        let keys = credentials::lease(account, &place)?;
        let endpoint = first([account.endpoint.clone(), place.endpoint(service)]);
        let address = match (endpoint.as_str(), host) {
            ("", Some(host)) => http::url("url", host)?,
            ("", None) => place.regional(service)?,
            (endpoint, _) => http::url("endpoint", endpoint)?,
        };
        if address.host_str().is_none() {
            return Err("`endpoint` has no host".to_owned());
        }
        let is_elsewhere = !endpoint.is_empty();
        Ok(Self { client, signer: Signer { region, service }, keys, address, is_elsewhere })
    }

    /// Posts a body to the service's own address.
    async fn post(
        &self,
        kind: &'static str,
        target: Option<&'static str>,
        body: String,
    ) -> Result<Reply, SendError> {
        let mut headers = BTreeMap::from([("content-type", kind.to_owned())]);
        headers.extend(target.map(|target| ("x-amz-target", target.to_owned())));
        self.call(Method::POST, &self.address, headers, body).await
    }

    /// Makes a request.
    async fn call(
        &self,
        method: Method,
        address: &Url,
        headers: BTreeMap<&'static str, String>,
        body: impl Into<Vec<u8>>,
    ) -> Result<Reply, SendError> {
        let keys = self.keys.get().await?;
        let request = (method, address, headers, body.into());
        let reply = self.signer.exchange(&self.client, &keys, request).await?;
        if !reply.status.is_success() && code(&reply.text).is_some_and(|code| credentials::is_over(&code)) {
            self.keys.drop(&keys).await;
        }
        Ok(reply)
    }
}

/// A request that is not signed yet.
type Unsigned<'a> = (Method, &'a Url, BTreeMap<&'static str, String>, Vec<u8>);

impl Signer {
    /// Sends a request, signed now: each attempt has a time of its own.
    async fn exchange(
        &self,
        client: &Client,
        keys: &Keys,
        request: Unsigned<'_>,
    ) -> Result<Reply, SendError> {
        let (method, address, mut headers, body) = request;
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let port = address.port().map_or_else(String::new, |port| format!(":{port}"));
        headers.insert("host", format!("{}{port}", address.host_str().unwrap_or_default()));
        headers.insert("x-amz-date", time.clone());
        if !keys.token.is_empty() {
            headers.insert("x-amz-security-token", keys.token.reveal().to_owned());
        }
        let signed = Signed { method: method.as_str(), address, headers: &headers, body: &body };
        let authorization = self.authorization(keys, &signed, &time);
        let mut request = client.request(method, address.clone());
        for (name, value) in headers.iter().filter(|(name, _)| **name != "host") {
            request = request.header(*name, value);
        }
        http::exchange(request.header("authorization", authorization).body(body)).await
    }
}

/// The first text that is not empty.
fn first<const N: usize>(texts: [String; N]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// Whether a queue or a topic is one that keeps order.
fn is_fifo(name: &str) -> bool {
    name.strip_suffix(".fifo").is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::destinations::near::tests::server;

    fn service(account: &Account, environment: &[(&str, &str)]) -> Result<Service, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value).to_owned()
        };
        Service::from("sns", account, None, variable, Client::new())
    }

    #[tokio::test]
    async fn keys_come_from_the_section_or_the_environment() {
        let environment = [
            ("AWS_ACCESS_KEY_ID", "E"),
            ("AWS_SECRET_ACCESS_KEY", "S"),
            ("AWS_SESSION_TOKEN", "T"),
            ("AWS_DEFAULT_REGION", "cn-north-1"),
        ];
        let found = service(&Account::default(), &environment).unwrap();
        let keys = found.keys.get().await.unwrap();
        assert_eq!((keys.id.as_str(), keys.token.reveal()), ("E", "T"));
        assert_eq!(found.address.as_str(), "https://sns.cn-north-1.amazonaws.com.cn/");
        let own = Account {
            accesskeyid: "A".to_owned(),
            secretaccesskey: "B".to_owned().into(),
            region: "eu-west-1".to_owned(),
            ..Account::default()
        };
        let found = service(&own, &environment).unwrap();
        let keys = found.keys.get().await.unwrap();
        assert_eq!((keys.id.as_str(), keys.token.reveal()), ("A", ""));
        assert_eq!(found.address.as_str(), "https://sns.eu-west-1.amazonaws.com/");
        for (account, word) in [
            (Account { region: "a/b".to_owned(), ..own.clone() }, "`region`"),
            (Account { accesskeyid: String::new(), ..own.clone() }, "`accesskeyid`"),
            (Account { endpoint: "unix:x".to_owned(), ..own }, "`endpoint`"),
        ] {
            let error = service(&account, &[]).err().unwrap();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn the_environment_may_say_where_services_are() {
        let own = Account {
            accesskeyid: "A".to_owned(),
            secretaccesskey: "B".to_owned().into(),
            region: "r".to_owned(),
            ..Account::default()
        };
        let all = [("AWS_ENDPOINT_URL", "http://all:1"), ("AWS_ENDPOINT_URL_SNS", "http://own:2")];
        let found = service(&own, &all).unwrap();
        assert_eq!((found.address.as_str(), found.is_elsewhere), ("http://own:2/", true));
        assert_eq!(service(&own, &all[..1]).unwrap().address.as_str(), "http://all:1/");
        let own = Account { endpoint: "http://here:3".to_owned(), ..own };
        assert_eq!(service(&own, &all).unwrap().address.as_str(), "http://here:3/");
    }

    /// How many keys the server has lent.
    static LENT: AtomicU32 = AtomicU32::new(0);

    #[tokio::test]
    async fn keys_that_are_over_are_replaced() {
        let (url, _) = server(|line, headers, _| {
            if line == "GET /keys" {
                let number = LENT.fetch_add(1, Ordering::SeqCst) + 1;
                return (
                    200,
                    format!("{{\"AccessKeyId\":\"KEY{number}\",\"SecretAccessKey\":\"S\",\"Token\":\"T\"}}"),
                );
            }
            let signed = headers["authorization"].to_str().unwrap();
            let is_over = signed.contains("Credential=KEY1/");
            if is_over {
                (403, "<Error><Code>ExpiredToken</Code></Error>".to_owned())
            } else {
                (200, String::new())
            }
        })
        .await;
        let keys = format!("{url}/keys");
        let account = Account { region: "r".to_owned(), endpoint: url, ..Account::default() };
        let service = service(&account, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &keys)]).unwrap();
        let send = async || judge(&service.post("text/plain", None, String::new()).await.unwrap());
        assert!(matches!(send().await, Err(SendError::Retry { .. })));
        assert!(send().await.is_ok() && send().await.is_ok());
        assert_eq!(LENT.load(Ordering::SeqCst), 2);
    }
}
