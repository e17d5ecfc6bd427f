//! A bucket of Amazon S3, or of what speaks its protocol, and the objects that are put into it.

use std::collections::BTreeMap;

use reqwest::{Method, Url};

use super::signature::{encoded, sha256};
use super::{Account, Service};
use crate::http;
use crate::settings::Tls;
use crate::{Answer, SendError, Setup};

pub(super) struct Bucket {
    service: Service,
    /// Who may read the objects, as S3's canned ACLs name it. Empty: nothing is said of it.
    acl: String,
}

impl Bucket {
    /// A bucket by the name of the setting `bucket`.
    pub(super) fn new(
        name: &str,
        acl: &str,
        account: &Account,
        tls: &Tls,
        setup: &Setup,
    ) -> Result<Self, String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !name.bytes().all(is_plain) || name.starts_with('.') {
            return Err("`bucket` is no name of a bucket".to_owned());
        }
        let mut service = Service::new("s3", account, None, tls, setup)?;
        // The bucket stands before AWS's host. No certificate is for a name with more dots, and no other server
        // need have such names.
        let host = service.address.host_str().unwrap_or_default();
        let own = format!("{name}.{host}");
        if service.is_elsewhere || name.contains(['.', '_']) {
            service.address = http::below("bucket", service.address.as_str(), name)?;
        } else if service.address.set_host(Some(&own)).is_err() {
            return Err("`bucket` is no name of a bucket".to_owned());
        }
        Ok(Self { service, acl: acl.to_owned() })
    }

    /// The region that it is in.
    pub(super) fn region(&self) -> &str {
        &self.service.signer.region
    }

    /// Where an object is.
    pub(super) fn object(&self, key: &str) -> Result<Url, String> {
        http::below("prefix", self.service.address.as_str(), &encoded(key, true))
    }

    /// Puts an object in place of what may be there.
    pub(super) async fn put(
        &self,
        key: &str,
        kind: &'static str,
        body: Vec<u8>,
    ) -> Result<Answer, SendError> {
        let address = self.object(key).map_err(SendError::Refused)?;
        let mut headers =
            BTreeMap::from([("content-type", kind.to_owned()), ("x-amz-content-sha256", sha256(&body))]);
        if !self.acl.is_empty() {
            headers.insert("x-amz-acl", self.acl.clone());
        }
        super::judge(&self.service.call(Method::PUT, &address, headers, body).await?)
    }
}

/// What names of objects begin with: parts that mean another place would have another signature.
pub(super) fn prefix(prefix: &str) -> Result<&str, String> {
    if prefix.split('/').any(|part| matches!(part, "." | "..")) {
        return Err("`prefix` has a part that is `.` or `..`".to_owned());
    }
    Ok(prefix.trim_matches('/'))
}
