//! Puts each alert into a bucket of Google Cloud Storage as an object of its own.

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use reqwest::{StatusCode, Url};

use super::{Account, Service};
use crate::destinations::aws::signature::encoded;
use crate::destinations::{Section, bearer, object};
use crate::format::canonical;
use crate::http::{self, Reply};
use crate::settings::{Common, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

keys! {
    /// The section `gcp.storage`.
    pub(crate) struct Config {
        /// The bucket.
        bucket: String = "",
        /// What the names of objects begin with: `PREFIX/2024-06-12/TIME-ID.json`, by the alert's own time and id, so
        /// that one that comes again is the same object. It is not written again: to create objects is enough of a
        /// permission.
        prefix: String = "",
        + account: Account,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "gcp.storage";
    const ABOUT: &'static str =
        "Puts each alert into a bucket of Google Cloud Storage as an object of its own.";
    const EXAMPLE: &'static str =
        "gcp:\n  storage:\n    bucket: alerts\n    prefix: fleet a\n    endpoint: URL\n";

    fn is_on(&self) -> bool {
        !self.bucket.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let scope = "https://www.googleapis.com/auth/devstorage.read_write";
        let service = Service::new("https://storage.googleapis.com", scope, &self.account, &self.tls, setup)?;
        let path = format!("upload/storage/v1/b/{}/o", encoded(&self.bucket, false));
        let address = http::below("bucket", &service.address, &path)?;
        Ok(Box::new(Storage { service, address, config: self.clone(), kinds: setup.kinds }))
    }
}

struct Storage {
    service: Service,
    address: Url,
    config: Config,
    kinds: FieldKinds,
}

impl Integration for Storage {
    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            for delivery in alerts {
                let body = canonical(&delivery.alert, self.kinds).trim_end().to_owned();
                answer = judge(&self.service.post(&self.object(&delivery.alert), body).await?)?;
            }
            Ok(answer)
        })
    }
}

impl Storage {
    /// Where an alert's object is made, unless there is one.
    fn object(&self, alert: &Alert) -> Url {
        let name = encoded(&object::name(&self.config.prefix, alert), false);
        let mut address = self.address.clone();
        address.set_query(Some(&format!("uploadType=media&ifGenerationMatch=0&name={name}")));
        address
    }
}

/// What an answer means: that the object is there already is as good as that it is made.
fn judge(reply: &Reply) -> Result<Answer, SendError> {
    let is_there = reply.status == StatusCode::PRECONDITION_FAILED && !reply.text.contains("constraint");
    if is_there { Ok(Answer(reply.to_string())) } else { bearer::judge(reply) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_is_there_is_not_made_again() {
        let told = |status, text: &str| judge(&Reply { status, after: None, text: text.to_owned() });
        let there = r#"{"error":{"code":412,"errors":[{"reason":"conditionNotMet","location":"If-Match"}]}}"#;
        assert!(told(StatusCode::PRECONDITION_FAILED, there).is_ok());
        let policy =
            r#"{"error":{"code":412,"message":"Request violates constraint 'constraints/storage.x'"}}"#;
        assert!(matches!(told(StatusCode::PRECONDITION_FAILED, policy), Err(SendError::Refused(_))));
        assert!(matches!(told(StatusCode::UNAUTHORIZED, ""), Err(SendError::Retry { .. })));
        assert!(matches!(told(StatusCode::FORBIDDEN, ""), Err(SendError::Refused(_))));
    }
}
