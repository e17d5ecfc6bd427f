//! Calls a function of AWS Lambda with each alert.

use std::collections::BTreeMap;

use cadge_proto::json::FieldKinds;
use futures_util::future::{BoxFuture, FutureExt as _};
use reqwest::{Method, Url};
use serde_json::Value;

use super::signature::encoded;
use super::{Account, Service};
use crate::destinations::Section;
use crate::format::canonical;
use crate::http::{self, Reply};
use crate::settings::{Common, Tls, keys, one_of};
use crate::{Answer, Delivery, Integration, SendError, Setup};

keys! {
    /// The section `aws.lambda`.
    pub(crate) struct Config {
        /// The function: its name or its ARN, with `:VERSION` behind it if need be.
        functionname: String = "",
        /// `RequestResponse` waits for the function, and tries again what it fails with; `Event` leaves that to AWS;
        /// `DryRun` only asks whether it might be called.
        invocationtype: String = "RequestResponse",
        /// `Tail` asks for the end of the function's own log, which nobody reads; `None` does not.
        logtype: String = "Tail",
        + account: Account,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "aws.lambda";
    const ABOUT: &'static str = "Calls a function of AWS Lambda with each alert.";
    const EXAMPLE: &'static str = "aws:\n  accesskeyid: AKIDEXAMPLE\n  secretaccesskey: T0KEN\n  region: eu-west-1\n  lambda:\n    functionname: arn:aws:lambda:eu-west-1:123456789012:function:alerts\n    endpoint: URL\n";

    fn is_on(&self) -> bool {
        !self.functionname.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        one_of("invocationtype", &self.invocationtype, &["RequestResponse", "Event", "DryRun"])?;
        one_of("logtype", &self.logtype, &["Tail", "None"])?;
        let service = Service::new("lambda", &self.account, None, &self.tls, setup)?;
        let path = format!("2015-03-31/functions/{}/invocations", encoded(&self.functionname, false));
        let address = http::below("functionname", service.address.as_str(), &path)?;
        Ok(Box::new(Lambda { service, address, config: self.clone(), kinds: setup.kinds }))
    }
}

struct Lambda {
    service: Service,
    address: Url,
    config: Config,
    kinds: FieldKinds,
}

impl Integration for Lambda {
    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        async move {
            let mut answer = Answer::default();
            for delivery in alerts {
                answer = self.invoke(delivery).await?;
            }
            Ok(answer)
        }
        .boxed()
    }
}

impl Lambda {
    async fn invoke(&self, delivery: &Delivery) -> Result<Answer, SendError> {
        let headers = BTreeMap::from([
            ("content-type", "application/json".to_owned()),
            ("x-amz-invocation-type", self.config.invocationtype.clone()),
            ("x-amz-log-type", self.config.logtype.clone()),
        ]);
        let body = canonical(&delivery.alert, self.kinds).trim_end().to_owned();
        check(&self.service.call(Method::POST, &self.address, headers, body).await?)
    }
}

/// A function that fails is answered with status 200, and what it failed with: another time it may not.
fn check(reply: &Reply) -> Result<Answer, SendError> {
    let answer = super::judge(reply)?;
    let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    if body["errorMessage"].is_string() {
        return Err(SendError::Retry { after: reply.after, cause: format!("the function failed: {reply}") });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn a_function_that_fails_is_called_again() {
        let checked =
            |text: &str| check(&Reply { status: StatusCode::OK, after: None, text: text.to_owned() });
        let failed = checked(r#"{"errorMessage":"boom","errorType":"Error"}"#);
        assert!(matches!(failed, Err(SendError::Retry { cause, .. }) if cause.contains("boom")));
        for text in ["", "null", "\"done\"", "{\"statusCode\":200}"] {
            assert!(checked(text).is_ok(), "{text}");
        }
    }
}
