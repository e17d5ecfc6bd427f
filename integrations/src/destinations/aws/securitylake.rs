//! Puts alerts into Amazon Security Lake as a custom source: OCSF findings in files of Apache Parquet, by their days.

use std::collections::BTreeSet;
use std::time::Duration;

use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use prost::Message as _;
use serde_json::Value;

use super::Account;
use super::bucket::{self, Bucket};
use crate::destinations::Section;
use crate::destinations::taken::Taken;
use crate::format::{lake_file, ocsf, uuid};
use crate::settings::{Common, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Bytes of alerts in a file, after which another begins: what a group of rows may have at most is 256 MB.
const FILE_BYTES: usize = 32 << 20;

/// Alerts in a file at most, whatever is asked for: they are in memory until it is written.
const BATCH_MAX: usize = 10_000;

/// Minutes of a day, which is what a file waits for at most.
const INTERVAL_MAX: u64 = 24 * 60;

keys! {
    /// The section `aws.securitylake`.
    pub(crate) struct Config {
        /// The lake's bucket: `aws-security-data-lake-eu-west-1-…`.
        bucket: String = "",
        /// The place of the custom source in it: `ext/falco/1.0`. Its class is Detection Finding. Below it objects are
        /// named `region=REGION/accountId=ACCOUNT/eventDay=20240612/ID.parquet`, by their alerts' own day and their
        /// first alert's id, so that a batch that comes again is the same object.
        prefix: String = "",
        /// The account that the alerts are about: its number, or the external id of the custom source.
        accountid: String = "",
        /// Minutes that alerts wait for others: AWS asks for 5 at least. 0: they do not wait. The cursor waits with them.
        interval: u64 = 5,
        /// Alerts in a file at most. That many do not wait.
        batchsize: usize = 1000,
        + account: Account,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "aws.securitylake";
    const ABOUT: &'static str =
        "Puts alerts into Amazon Security Lake, as OCSF findings in files of Apache Parquet.";
    const EXAMPLE: &'static str = "aws:\n  accesskeyid: AKIDEXAMPLE\n  secretaccesskey: T0KEN\n  region: eu-west-1\n  securitylake:\n    bucket: aws-security-data-lake\n    prefix: ext/falco/1.0\n    accountid: \"123456789012\"\n    interval: 0\n    endpoint: URL\n";

    fn is_on(&self) -> bool {
        !self.bucket.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        Ok(Box::new(self.lake(setup)?))
    }
}

impl Config {
    fn lake(&self, setup: &Setup) -> Result<SecurityLake, String> {
        let prefix = bucket::prefix(&self.prefix)?;
        if prefix.is_empty() {
            return Err(
                "`prefix` is missing: it is the custom source's place, such as `ext/falco/1.0`".to_owned()
            );
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if self.accountid.is_empty() || !self.accountid.bytes().all(is_plain) {
            return Err(
                "`accountid` is missing, or none: it is an account's number or an external id".to_owned()
            );
        }
        if self.interval > INTERVAL_MAX {
            return Err(format!("`interval: {}` is more than a day: {INTERVAL_MAX}", self.interval));
        }
        if !(1..=BATCH_MAX).contains(&self.batchsize) {
            return Err(format!("`batchsize: {}` is not within 1 and {BATCH_MAX}", self.batchsize));
        }
        let bucket = Bucket::new(&self.bucket, "bucket-owner-full-control", &self.account, &self.tls, setup)?;
        let folder = format!("{prefix}/region={}/accountId={}", bucket.region(), self.accountid);
        let (linger, batch) = (Duration::from_mins(self.interval), self.batchsize);
        Ok(SecurityLake { bucket, folder, linger, batch, kinds: setup.kinds, taken: Taken::default() })
    }
}

struct SecurityLake {
    bucket: Bucket,
    folder: String,
    linger: Duration,
    batch: usize,
    kinds: FieldKinds,
    taken: Taken,
}

/// An object to be.
#[derive(Debug, Default)]
struct Object {
    day: String,
    key: String,
    bytes: usize,
    positions: Vec<u64>,
    findings: Vec<Value>,
}

impl Integration for SecurityLake {
    fn batch(&self) -> usize {
        self.batch
    }

    fn linger(&self) -> Duration {
        self.linger
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            for object in self.objects(&self.taken.left(alerts)) {
                let file = lake_file(&object.findings).map_err(SendError::Refused)?;
                answer = self.bucket.put(&object.key, "application/vnd.apache.parquet", file).await?;
                self.taken.keep(object.positions);
            }
            self.taken.forget(alerts);
            Ok(answer)
        })
    }

    fn give_up(&self, alerts: &[Delivery]) -> BTreeSet<u64> {
        self.taken.forget(alerts)
    }
}

impl SecurityLake {
    /// One object for each day, in the order of their first alerts. Within one, rows are in the order of their time.
    ///
    /// A batch that comes again after a crash begins at the same alert, may be longer, and overwrites what was there:
    /// its cursor has not moved, so that everything behind it is in what comes.
    fn objects(&self, alerts: &[&Delivery]) -> Vec<Object> {
        let mut objects: Vec<Object> = Vec::new();
        for Delivery { position, alert } in alerts {
            let finding = ocsf(alert, self.kinds);
            let day = day(&finding);
            let open = objects.iter().rposition(|open| open.day == day);
            let open = open.filter(|open| objects[*open].bytes < FILE_BYTES).unwrap_or_else(|| {
                let key = format!("{}/eventDay={day}/{}.parquet", self.folder, uuid(alert));
                objects.push(Object { day, key, ..Object::default() });
                objects.len() - 1
            });
            let object = &mut objects[open];
            object.bytes += alert.encoded_len();
            object.positions.push(*position);
            object.findings.push(finding);
        }
        for object in &mut objects {
            object.findings.sort_by_key(|finding| finding["time"].as_i64());
        }
        objects
    }
}

/// The day of a finding, in UTC: `20240612`.
fn day(finding: &Value) -> String {
    let time = Timestamp::from_millisecond(finding["time"].as_i64().unwrap_or_default()).unwrap_or_default();
    time.strftime("%Y%m%d").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cadge_proto::Alert;

    use super::*;

    fn config() -> Config {
        let account = Account {
            accesskeyid: "A".to_owned(),
            secretaccesskey: "B".to_owned().into(),
            region: "eu-west-1".to_owned(),
            ..Account::default()
        };
        let [bucket, prefix, accountid] = ["lake", "/ext/falco/1.0/", "external_7"].map(str::to_owned);
        Config { bucket, prefix, accountid, account, ..Config::default() }
    }

    fn lake(config: &Config) -> Result<SecurityLake, String> {
        config.lake(&Setup::bare())
    }

    fn delivery((position, seconds, bytes): (u64, i64, usize)) -> Delivery {
        let time = Some(prost_types::Timestamp { seconds, nanos: 0 });
        let alert = Alert { time, sequence: position, output: "x".repeat(bytes), ..Alert::default() };
        Delivery { position, alert: Arc::new(alert) }
    }

    #[test]
    fn each_day_has_its_objects_and_each_of_them_the_id_of_its_first_alert() {
        let lake = lake(&config()).unwrap();
        let (one, two) = (1_718_200_000, 1_718_300_000);
        let alerts =
            [(1, one + 5, 1), (2, two, 1), (3, one, 1), (4, two, FILE_BYTES), (5, two, 1)].map(delivery);
        let objects = lake.objects(&alerts.iter().collect::<Vec<_>>());
        let positions: Vec<_> = objects.iter().map(|object| object.positions.clone()).collect();
        assert_eq!(positions, [vec![1, 3], vec![2, 4], vec![5]]);
        let folder = "ext/falco/1.0/region=eu-west-1/accountId=external_7";
        let key = format!("{folder}/eventDay=20240612/{}.parquet", uuid(&alerts[0].alert));
        assert_eq!(objects[0].key, key);
        let times: Vec<_> = objects[0].findings.iter().map(|finding| finding["time"].clone()).collect();
        assert_eq!(times, [one * 1000, (one + 5) * 1000]);
        // A batch that comes again with more behind it.
        let again = lake.objects(&alerts[..4].iter().collect::<Vec<_>>());
        assert_eq!((&again[0].key, &again[1].key), (&objects[0].key, &objects[1].key));
    }

    #[test]
    fn a_time_that_is_none_has_a_day() {
        let lake = lake(&config()).unwrap();
        for seconds in [i64::MIN, -1, 0, i64::MAX] {
            let alert = delivery((1, seconds, 1));
            assert!(lake.objects(&[&alert])[0].key.contains("/eventDay=19700101/"), "{seconds}");
        }
    }

    #[test]
    fn what_cannot_be_a_custom_source_is_refused() {
        let text = str::to_owned;
        for (config, word) in [
            (Config { prefix: text("/"), ..config() }, "`prefix`"),
            (Config { prefix: text("ext/../aws"), ..config() }, "`prefix`"),
            (Config { accountid: text("a/b"), ..config() }, "`accountid`"),
            (Config { accountid: String::new(), ..config() }, "`accountid`"),
            (Config { interval: 1441, ..config() }, "`interval: 1441`"),
            (Config { batchsize: 0, ..config() }, "`batchsize: 0`"),
            (Config { batchsize: 10_001, ..config() }, "`batchsize: 10001`"),
            (Config { bucket: text("a/b"), ..config() }, "`bucket`"),
        ] {
            let error = lake(&config).err().unwrap();
            assert!(error.contains(word), "{error}");
        }
    }
}
