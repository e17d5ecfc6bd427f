//! What AWS's services have in common: the account, signed requests, and what an answer means.

mod batch;
mod bucket;
pub(super) mod lambda;
pub(super) mod s3;
pub(super) mod securitylake;
pub(super) mod signature;
pub(super) mod sns;
pub(super) mod sqs;

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::{Client, Method, Url};

use self::signature::{Signed, Signer};
use crate::http::{self, Reply};
use crate::settings::{Secret, Tls, keys};
use crate::{Answer, SendError, Setup};

/// Errors with status 400 or 403 that are over after a while, or once the clock or the key is right again.
const TRANSIENT: [&str; 16] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "KMS.ThrottlingException",
    "KMSThrottling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "OverLimit",
    "BandwidthLimitExceeded",
    "SlowDown",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ExpiredToken",
];

keys! {
    /// Whose requests they are, and where to.
    pub(crate) struct Account {
        /// The access key's name. Empty: `AWS_ACCESS_KEY_ID` of the environment.
        accesskeyid: String = "",
        /// The access key. Empty: `AWS_SECRET_ACCESS_KEY` of the environment.
        secretaccesskey: Secret = "",
        /// The token of a temporary access key. Empty: `AWS_SESSION_TOKEN` of the environment, with its key.
        sessiontoken: Secret = "",
        /// The region. Empty: `AWS_REGION` or `AWS_DEFAULT_REGION` of the environment.
        region: String = "",
        /// Refused if set: give keys of that role.
        rolearn: String = "",
        /// Goes with `rolearn`.
        externalid: String = "",
        /// Unused: an account that is wrong is told by the first request.
        checkidentity: bool = true,
        /// Where the service is, if not at AWS: `http://localhost:4566`.
        endpoint: String = "",
    }
}

/// A service of AWS's, for one account.
struct Service {
    client: Client,
    signer: Signer,
    token: Secret,
    address: Url,
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
        if !account.rolearn.is_empty() {
            return Err("`rolearn` is not supported: give keys of that role".to_owned());
        }
        let or = |text: &str, name: &str| if text.is_empty() { variable(name) } else { text.to_owned() };
        let region = or(&or(&account.region, "AWS_REGION"), "AWS_DEFAULT_REGION");
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if region.is_empty() || !is_plain(&region) {
            return Err("`region` is missing, or none: give one, such as `eu-west-1`".to_owned());
        }
        let is_own = !account.accesskeyid.is_empty();
        let key_id = or(&account.accesskeyid, "AWS_ACCESS_KEY_ID");
        let secret = or(account.secretaccesskey.reveal(), "AWS_SECRET_ACCESS_KEY");
        if key_id.is_empty() || secret.is_empty() {
            let both = "`accesskeyid` or `secretaccesskey` is missing: give both, or `AWS_ACCESS_KEY_ID` and \
                        `AWS_SECRET_ACCESS_KEY` in the environment";
            return Err(both.to_owned());
        }
        // The environment's token is that of the environment's key.
        let token = account.sessiontoken.reveal().to_owned();
        let token = if token.is_empty() && !is_own { variable("AWS_SESSION_TOKEN") } else { token };
        let zone = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let address = match (account.endpoint.as_str(), host) {
            ("", Some(host)) => http::url("url", host)?,
            ("", None) => http::url("region", &format!("https://{service}.{region}.{zone}"))?,
            (endpoint, _) => http::url("endpoint", endpoint)?,
        };
        if address.host_str().is_none() {
            return Err("`endpoint` has no host".to_owned());
        }
        let signer = Signer { key_id, secret, region, service };
        Ok(Self { client, signer, token: token.into(), address })
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

    /// Makes a request, signed now: each attempt has a time of its own.
    async fn call(
        &self,
        method: Method,
        address: &Url,
        mut headers: BTreeMap<&'static str, String>,
        body: impl Into<Vec<u8>>,
    ) -> Result<Reply, SendError> {
        let body = body.into();
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let port = address.port().map_or_else(String::new, |port| format!(":{port}"));
        headers.insert("host", format!("{}{port}", address.host_str().unwrap_or_default()));
        headers.insert("x-amz-date", time.clone());
        if !self.token.is_empty() {
            headers.insert("x-amz-security-token", self.token.reveal().to_owned());
        }
        let signed = Signed { method: method.as_str(), address, headers: &headers, body: &body };
        let authorization = self.signer.authorization(&signed, &time);
        let mut request = self.client.request(method, address.clone());
        for (name, value) in headers.iter().filter(|(name, _)| **name != "host") {
            request = request.header(*name, value);
        }
        http::exchange(request.header("authorization", authorization).body(body)).await
    }
}

/// What an answer means: AWS says some of what is over after a while with status 400 or 403.
fn judge(reply: &Reply) -> Result<Answer, SendError> {
    reply.judge().map_err(|error| match error {
        SendError::Refused(cause) if code(&reply.text).is_some_and(|code| is_transient(&code)) => {
            SendError::Retry { after: reply.after, cause }
        }
        error => error,
    })
}

/// Whether a queue or a topic is one that keeps order.
fn is_fifo(name: &str) -> bool {
    name.strip_suffix(".fifo").is_some()
}

/// Whether an error with this name is over after a while.
fn is_transient(code: &str) -> bool {
    let code = code.trim_end_matches("Exception");
    TRANSIENT.iter().any(|known| known.trim_end_matches("Exception") == code)
}

/// The name of an answer's error: in JSON behind a `#` or before a `:`, in XML within `Code`.
fn code(text: &str) -> Option<String> {
    if let Ok(body) = serde_json::from_str::<serde_json::Value>(text) {
        let named = ["__type", "code", "Code"].iter().find_map(|key| body[key].as_str())?;
        let name = named.rsplit('#').next().unwrap_or_default();
        return Some(name.split(':').next().unwrap_or_default().to_owned());
    }
    within(text, "Code").next().map(str::to_owned)
}

/// What stands within each element of a name, in XML without attributes.
fn within<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (found, behind) = rest.split_once(&begin)?.1.split_once(&end)?;
        rest = behind;
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::StatusCode;

    use super::*;

    fn refused(text: &str) -> Reply {
        Reply { status: StatusCode::BAD_REQUEST, after: None, text: text.to_owned() }
    }

    #[test]
    fn what_is_over_after_a_while_is_told_from_what_is_not() {
        for text in [
            r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"x"}"#,
            r#"{"__type":"ThrottlingException"}"#,
            r#"{"__type":"ExpiredTokenException:http://internal.amazon.com/x/"}"#,
            "<Error><Code>SlowDown</Code></Error>",
            "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>",
        ] {
            assert!(matches!(judge(&refused(text)), Err(SendError::Retry { .. })), "{text}");
        }
        for text in [
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#,
            "<Code>AccessDenied</Code>",
            "<Code>",
            "Throttling",
            "{}",
            "",
        ] {
            assert!(matches!(judge(&refused(text)), Err(SendError::Refused(_))), "{text}");
        }
    }

    fn service(account: &Account, environment: &[(&str, &str)]) -> Result<Service, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value).to_owned()
        };
        Service::from("sns", account, None, variable, Client::new())
    }

    #[test]
    fn keys_come_from_the_section_or_the_environment() {
        let environment = [
            ("AWS_ACCESS_KEY_ID", "E"),
            ("AWS_SECRET_ACCESS_KEY", "S"),
            ("AWS_SESSION_TOKEN", "T"),
            ("AWS_DEFAULT_REGION", "cn-north-1"),
        ];
        let found = service(&Account::default(), &environment).unwrap();
        assert_eq!((found.signer.key_id.as_str(), found.token.reveal()), ("E", "T"));
        assert_eq!(found.address.as_str(), "https://sns.cn-north-1.amazonaws.com.cn/");
        let own = Account {
            accesskeyid: "A".to_owned(),
            secretaccesskey: "B".to_owned().into(),
            region: "eu-west-1".to_owned(),
            ..Account::default()
        };
        let found = service(&own, &environment).unwrap();
        assert_eq!((found.signer.key_id.as_str(), found.token.reveal()), ("A", ""));
        assert_eq!(found.address.as_str(), "https://sns.eu-west-1.amazonaws.com/");
        for (account, word) in [
            (Account { region: "a/b".to_owned(), ..own.clone() }, "`region`"),
            (Account { rolearn: "arn".to_owned(), ..own.clone() }, "`rolearn`"),
            (Account { accesskeyid: String::new(), ..own.clone() }, "`accesskeyid`"),
            (Account { endpoint: "unix:x".to_owned(), ..own }, "`endpoint`"),
        ] {
            let error = service(&account, &[]).err().unwrap();
            assert!(error.contains(word), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(text in "(<Code>|</Code>|\\{\"__type\":\"|#|\"\\}|x|ü){0,12}") {
            let _ = judge(&refused(&text));
        }
    }
}
