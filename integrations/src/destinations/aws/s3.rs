//! Puts each alert into a bucket of Amazon S3, or of what speaks its protocol, as an object of its own.

use cadge_proto::json::FieldKinds;
use futures_util::future::{BoxFuture, FutureExt as _};

use super::Account;
use super::bucket::{self, Bucket};
use crate::destinations::{Section, object};
use crate::format::canonical;
use crate::settings::{Common, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

keys! {
    /// The section `aws.s3`.
    pub(crate) struct Config {
        /// The bucket.
        bucket: String = "",
        /// What the names of objects begin with: `PREFIX/2024-06-12/TIME-ID.json`, by the alert's own time and id, so
        /// that one that comes again is the same object.
        prefix: String = "falco",
        /// Who may read the objects, as S3's canned ACLs name it. Empty: nothing is said of it.
        objectcannedacl: String = "bucket-owner-full-control",
        + account: Account,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "aws.s3";
    const ABOUT: &'static str = "Puts each alert into a bucket of Amazon S3 as an object of its own.";
    const EXAMPLE: &'static str = "aws:\n  accesskeyid: AKIDEXAMPLE\n  secretaccesskey: T0KEN\n  region: eu-west-1\n  s3:\n    bucket: alerts\n    prefix: fleet a\n    endpoint: URL\n";

    fn is_on(&self) -> bool {
        !self.bucket.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        Ok(Box::new(self.s3(setup)?))
    }
}

impl Config {
    fn s3(&self, setup: &Setup) -> Result<S3, String> {
        if !self.objectcannedacl.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
            return Err("`objectcannedacl` is no name of an ACL".to_owned());
        }
        let prefix = bucket::prefix(&self.prefix)?;
        let bucket = Bucket::new(&self.bucket, &self.objectcannedacl, &self.account, &self.tls, setup)?;
        Ok(S3 { bucket, prefix: prefix.to_owned(), kinds: setup.kinds })
    }
}

struct S3 {
    bucket: Bucket,
    prefix: String,
    kinds: FieldKinds,
}

impl Integration for S3 {
    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        async move {
            let mut answer = Answer::default();
            for Delivery { alert, .. } in alerts {
                let body = canonical(alert, self.kinds).trim_end().as_bytes().to_vec();
                answer =
                    self.bucket.put(&object::name(&self.prefix, alert), "application/json", body).await?;
            }
            Ok(answer)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use cadge_proto::Alert;

    use super::*;

    fn object(account: Account, bucket: &str, prefix: &str) -> Result<String, String> {
        let own = Account {
            accesskeyid: "A".to_owned(),
            secretaccesskey: "B".to_owned().into(),
            region: "eu-west-1".to_owned(),
            ..account
        };
        let setup = Setup::bare();
        let config = Config {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            account: own,
            ..Config::default()
        };
        let time = Some(prost_types::Timestamp { seconds: 1_718_200_000, nanos: 0 });
        let s3 = config.s3(&setup)?;
        s3.bucket.object(&object::name(&s3.prefix, &Alert { time, ..Alert::default() })).map(Into::into)
    }

    #[test]
    fn objects_are_where_the_bucket_is() {
        let aws = |bucket, prefix| object(Account::default(), bucket, prefix).unwrap();
        let beginning = "https://alerts.s3.eu-west-1.amazonaws.com/falco/2024-06-12/2024-06-12T13%3A46%3A40";
        assert!(aws("alerts", "falco").starts_with(beginning), "{}", aws("alerts", "falco"));
        assert!(
            aws("my.alerts", "/").starts_with("https://s3.eu-west-1.amazonaws.com/my.alerts/2024-06-12/")
        );
        let own = Account { endpoint: "http://localhost:9000/".to_owned(), ..Account::default() };
        let found = object(own, "alerts", "a b").unwrap();
        assert!(found.starts_with("http://localhost:9000/alerts/a%20b/2024-06-12/"), "{found}");
        assert!(object(Account::default(), "alerts", "../other").is_err());
        for bucket in ["a/b", "a?b", "..", "ü"] {
            assert!(object(Account::default(), bucket, "").is_err(), "{bucket}");
        }
    }
}
