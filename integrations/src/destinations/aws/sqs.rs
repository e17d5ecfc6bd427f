//! Sends alerts to a queue of Amazon SQS, up to ten in a request.

use std::collections::BTreeSet;

use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::batch::{self, Entries};
use super::{Account, Service};
use crate::destinations::Section;
use crate::destinations::taken::Taken;
use crate::format::{canonical, uuid};
use crate::http;
use crate::settings::{Common, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

keys! {
    /// The section `aws.sqs`.
    pub(crate) struct Config {
        /// The queue: `https://sqs.eu-west-1.amazonaws.com/123456789012/alerts`. If its name ends with `.fifo`, alerts
        /// of one sensor keep their order, and one that comes again is known.
        url: String = "",
        + account: Account,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "aws.sqs";
    const ABOUT: &'static str = "Sends alerts to a queue of Amazon SQS.";
    const EXAMPLE: &'static str = "aws:\n  accesskeyid: AKIDEXAMPLE\n  secretaccesskey: T0KEN\n  region: eu-west-1\n  sqs:\n    url: https://sqs.eu-west-1.amazonaws.com/123456789012/alerts\n    endpoint: URL\n";

    fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let mut server = http::url("url", &self.url)?;
        if server.host_str().is_none() {
            return Err("`url` has no host".to_owned());
        }
        server.set_path("/");
        let service = Service::new("sqs", &self.account, Some(server.as_str()), &self.tls, setup)?;
        let (queue, is_fifo) = (self.url.clone(), super::is_fifo(&self.url));
        Ok(Box::new(Sqs { service, queue, is_fifo, kinds: setup.kinds, taken: Taken::default() }))
    }
}

struct Sqs {
    service: Service,
    queue: String,
    is_fifo: bool,
    kinds: FieldKinds,
    taken: Taken,
}

impl Integration for Sqs {
    fn batch(&self) -> usize {
        batch::ENTRIES
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            let body = |delivery: &Delivery| canonical(&delivery.alert, self.kinds).trim_end().to_owned();
            for (some, bodies) in batch::requests(self.taken.left(alerts), body) {
                answer = self.request(&some, &bodies).await?;
            }
            self.taken.forget(alerts);
            Ok(answer)
        })
    }

    fn give_up(&self, alerts: &[Delivery]) -> BTreeSet<u64> {
        self.taken.forget(alerts)
    }
}

impl Sqs {
    async fn request(&self, alerts: &[&Delivery], bodies: &[String]) -> Result<Answer, SendError> {
        let entries = alerts.iter().zip(bodies).enumerate();
        let entries: Vec<Value> =
            entries.map(|(id, (delivery, body))| self.entry(id, delivery, body)).collect();
        let body = json!({"Entries": entries, "QueueUrl": self.queue}).to_string();
        let target = Some("AmazonSQS.SendMessageBatch");
        let reply = self.service.post("application/x-amz-json-1.0", target, body).await?;
        let answer = super::judge(&reply)?;
        self.taken.settle(alerts, &told(&reply.text), answer)
    }

    fn entry(&self, id: usize, delivery: &Delivery, body: &str) -> Value {
        let mut entry = Map::from_iter([
            ("Id".to_owned(), id.to_string().into()),
            ("MessageBody".to_owned(), body.into()),
        ]);
        if self.is_fifo {
            entry.insert("MessageGroupId".to_owned(), batch::group(&delivery.alert.sensor).into());
            entry.insert("MessageDeduplicationId".to_owned(), uuid(&delivery.alert).into());
        }
        entry.into()
    }
}

/// What the answer says of each entry.
fn told(text: &str) -> Entries {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
    let id = |entry: &Value| entry["Id"].as_str()?.parse::<usize>().ok();
    let mut entries =
        Entries { taken: list("Successful").iter().filter_map(id).collect(), ..Entries::default() };
    for entry in list("Failed") {
        let Some(index) = id(&entry) else { continue };
        let code = entry["Code"].as_str().unwrap_or_default();
        let cause = format!("{code}: {}", entry["Message"].as_str().unwrap_or_default());
        let is_final = entry["SenderFault"].as_bool() == Some(true) && !super::is_transient(code);
        if is_final { &mut entries.refused } else { &mut entries.failed }.push((index, cause));
    }
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_entry_has_its_fate() {
        let found = told(
            r#"{"Successful":[{"Id":"0"},{"Id":"x"}],"Failed":[
                {"Id":"1","SenderFault":true,"Code":"InvalidMessageContents","Message":"m"},
                {"Id":"2","SenderFault":false,"Code":"InternalError"},
                {"Id":"3","SenderFault":true,"Code":"RequestThrottled"}]}"#,
        );
        assert_eq!(found.taken, BTreeSet::from([0]));
        assert_eq!(found.refused, [(1, "InvalidMessageContents: m".to_owned())]);
        assert_eq!(found.failed.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(told("<html>"), Entries::default());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(text in "\\PC{0,60}", id in "\\PC{0,8}") {
            let _ = told(&text);
            let _ = told(&json!({"Failed": [{"Id": id}], "Successful": [{"Id": id}, text]}).to_string());
            prop_assert!((1..=128).contains(&batch::group(&text).len()));
        }
    }
}
