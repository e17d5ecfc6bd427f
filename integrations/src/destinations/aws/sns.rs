//! Publishes alerts to a topic of Amazon SNS, up to ten in a request.

use std::collections::BTreeSet;

use cadge_proto::json::FieldKinds;
use cadge_proto::{Alert, priority_name};
use futures_util::future::BoxFuture;

use super::batch::{self, Entries};
use super::signature::form;
use super::{Account, Service, within};
use crate::destinations::Section;
use crate::destinations::taken::Taken;
use crate::format::{canonical, uuid};
use crate::settings::{Common, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

keys! {
    /// The section `aws.sns`.
    pub(crate) struct Config {
        /// The topic: `arn:aws:sns:eu-west-1:123456789012:alerts`. If its name ends with `.fifo`, alerts of one sensor
        /// keep their order, and one that comes again is known.
        topicarn: String = "",
        /// Whether the alert's JSON is published, not its output. Rule, priority, source, hostname and tags are
        /// attributes in both cases.
        rawjson: bool = false,
        + account: Account,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "aws.sns";
    const ABOUT: &'static str = "Publishes alerts to a topic of Amazon SNS.";
    const EXAMPLE: &'static str = "aws:\n  accesskeyid: AKIDEXAMPLE\n  secretaccesskey: T0KEN\n  region: eu-west-1\n  sns:\n    topicarn: arn:aws:sns:eu-west-1:123456789012:alerts\n    rawjson: true\n    endpoint: URL\n";

    fn is_on(&self) -> bool {
        !self.topicarn.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let service = Service::new("sns", &self.account, None, &self.tls, setup)?;
        Ok(Box::new(Sns { service, config: self.clone(), kinds: setup.kinds, taken: Taken::default() }))
    }
}

struct Sns {
    service: Service,
    config: Config,
    kinds: FieldKinds,
    taken: Taken,
}

impl Integration for Sns {
    fn batch(&self) -> usize {
        batch::ENTRIES
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            for (some, bodies) in batch::requests(self.taken.left(alerts), |delivery| self.body(delivery)) {
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

impl Sns {
    fn body(&self, delivery: &Delivery) -> String {
        if self.config.rawjson {
            return canonical(&delivery.alert, self.kinds).trim_end().to_owned();
        }
        // A message must have something in it.
        let alert = &delivery.alert;
        if alert.output.is_empty() { alert.rule.clone() } else { alert.output.clone() }
    }

    async fn request(&self, alerts: &[&Delivery], bodies: &[String]) -> Result<Answer, SendError> {
        let topic = &self.config.topicarn;
        let mut pairs = vec![("Action".to_owned(), "PublishBatch".to_owned())];
        pairs.push(("TopicArn".to_owned(), topic.clone()));
        pairs.push(("Version".to_owned(), "2010-03-31".to_owned()));
        for (index, (delivery, text)) in alerts.iter().zip(bodies).enumerate() {
            let of_entry = format!("PublishBatchRequestEntries.member.{}", index + 1);
            let entry = self.entry(index, &delivery.alert, text).into_iter();
            pairs.extend(entry.map(|(key, value)| (format!("{of_entry}.{key}"), value)));
        }
        let reply = self.service.post("application/x-www-form-urlencoded", None, form(&pairs)).await?;
        let answer = super::judge(&reply)?;
        self.taken.settle(alerts, &told(&reply.text), answer)
    }

    /// An entry's parameters.
    fn entry(&self, index: usize, alert: &Alert, text: &str) -> Vec<(String, String)> {
        let mut entry = vec![("Id".to_owned(), index.to_string()), ("Message".to_owned(), text.to_owned())];
        // No fields: a subscription that passes the message on as it is takes ten attributes, and drops what has more.
        let attributes = [
            ("rule", alert.rule.clone()),
            ("priority", priority_name(alert.priority).to_owned()),
            ("source", alert.source.clone()),
            ("hostname", alert.hostname.clone()),
            ("tags", alert.tags.join(",")),
        ];
        let attributes = attributes.into_iter().filter(|(_, value)| !value.is_empty());
        for (number, (name, value)) in (1..).zip(attributes) {
            let key = format!("MessageAttributes.entry.{number}");
            entry.push((format!("{key}.Name"), name.to_owned()));
            entry.push((format!("{key}.Value.DataType"), "String".to_owned()));
            entry.push((format!("{key}.Value.StringValue"), value));
        }
        if super::is_fifo(&self.config.topicarn) {
            entry.push(("MessageGroupId".to_owned(), batch::group(&alert.sensor)));
            entry.push(("MessageDeduplicationId".to_owned(), uuid(alert)));
        }
        entry
    }
}

/// What the answer says of each entry.
fn told(text: &str) -> Entries {
    let id = |entry: &str| within(entry, "Id").next()?.trim().parse::<usize>().ok();
    let members = |name| within(text, name).flat_map(|list| within(list, "member"));
    let mut entries = Entries { taken: members("Successful").filter_map(id).collect(), ..Entries::default() };
    for entry in members("Failed") {
        let Some(index) = id(entry) else { continue };
        let part = |name| within(entry, name).next().unwrap_or_default().trim();
        let cause = format!("{}: {}", part("Code"), part("Message"));
        let is_final = part("SenderFault") == "true" && !super::is_transient(part("Code"));
        if is_final { &mut entries.refused } else { &mut entries.failed }.push((index, cause));
    }
    entries
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_entry_has_its_fate() {
        let found = told(
            "<PublishBatchResponse><PublishBatchResult><Failed>
               <member><Id>1</Id><Code>InvalidParameter</Code><Message>m</Message><SenderFault>true</SenderFault></member>
               <member><Id>2</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member>
             </Failed><Successful><member><MessageId>u</MessageId><Id>0</Id></member><member><Id>3</Id></member>
             </Successful></PublishBatchResult></PublishBatchResponse>",
        );
        assert_eq!(found.taken, BTreeSet::from([0, 3]));
        assert_eq!(found.refused, [(1, "InvalidParameter: m".to_owned())]);
        assert_eq!(found.failed, [(2, "InternalError: ".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(text in "(<Failed>|</Failed>|<member>|</member>|<Id>|</Id>|1|ü){0,14}") {
            let _ = told(&text);
        }
    }
}
