//! Gives alerts to one or several Prometheus Alertmanagers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use cadge_proto::Alert;
use cadge_proto::json::MISSING;
use futures_util::future::{BoxFuture, join_all};
use serde_json::json;

use super::Section;
use super::post::{Batch, Post};
use crate::event::priority_number;
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::label_name;
use crate::{Answer, Delivery, Integration, SendError, Setup, http, within};

/// Severities by priority, most urgent first.
const SEVERITIES: [&str; 8] =
    ["critical", "critical", "critical", "warning", "warning", "information", "information", "information"];

const BATCH: Batch = Batch { alerts: 100, bytes: 1 << 20, frame: ["[", ",", "]"] };

/// What Alertmanager knows as no time.
const NEVER: &str = "0001-01-01T00:00:00Z";

keys! {
    /// The section `alertmanager`.
    pub(crate) struct Config {
        /// The Alertmanagers, such as `http://alertmanager:9093`. Each gets every alert. It counts as delivered once
        /// one has it, as Prometheus counts.
        hostport: Vec<String> = [],
        /// The path of the API.
        endpoint: String = "/api/v2/alerts",
        /// Seconds until an alert ends by itself. 0: as Alertmanager has it.
        expiresafter: u32 = 0,
        /// Labels to add.
        extralabels: BTreeMap<String, String> = {},
        /// Annotations to add.
        extraannotations: BTreeMap<String, String> = {},
        /// Severities by priority, such as `debug:none`, in place of the usual ones.
        customseveritymap: BTreeMap<String, String> = {},
        /// The least priority of an alert about dropped events that no threshold meets.
        dropeventdefaultpriority: String = "critical",
        /// Least priorities of alerts about dropped events, by what their number is above.
        dropeventthresholds: String = "10000:critical, 1000:critical, 100:critical, 10:warning, 1:warning",
        /// Headers to add to each request.
        customheaders: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "alertmanager";
    const ABOUT: &'static str = "Gives alerts to Prometheus Alertmanagers.";
    const EXAMPLE: &'static str = "alertmanager:\n  hostport: [URL]\n  extralabels:\n    team: infra\n";

    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let labels = Labels::of(self)?;
        let client = http::client(&self.tls, setup)?;
        let post = |server: &String| {
            let address = http::below("hostport", server, &self.endpoint)?;
            let labels = labels.clone();
            let post = Post::new(client.clone(), address, move |alert| labels.alert(alert));
            post.batched(BATCH).custom(&self.customheaders)
        };
        let posts = self.hostport.iter().map(post).collect::<Result<Vec<_>, _>>()?;
        // Less than the whole attempt has, so that one that hangs does not hide that another has answered.
        let patience = Duration::from_millis(self.common.timeoutms) * 4 / 5;
        Ok(Box::new(Each { posts, patience }))
    }
}

/// How labels are made.
#[derive(Clone)]
struct Labels {
    config: Config,
    severities: [String; 8],
    /// Highest first.
    thresholds: Vec<(u64, i32)>,
    default: i32,
}

impl Labels {
    fn of(config: &Config) -> Result<Self, String> {
        let priority = |key: &str, name: &str| {
            priority_number(name.trim()).ok_or_else(|| format!("`{key}`: `{}` is no priority", name.trim()))
        };
        let mut severities = SEVERITIES.map(str::to_owned);
        for (name, severity) in &config.customseveritymap {
            let number = priority("customseveritymap", name)?;
            severities[usize::try_from(number).unwrap_or(7)].clone_from(severity);
        }
        let key = "dropeventthresholds";
        let mut thresholds = Vec::new();
        for part in config.dropeventthresholds.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let pair =
                part.split_once(':').and_then(|(number, name)| Some((number.trim().parse().ok()?, name)));
            let (number, name) = pair.ok_or_else(|| format!("`{key}`: `{part}` is not `number:priority`"))?;
            thresholds.push((number, priority(key, name)?));
        }
        thresholds.sort_unstable_by(|one, other| other.cmp(one));
        let default = priority("dropeventdefaultpriority", &config.dropeventdefaultpriority)?;
        Ok(Self { config: config.clone(), severities, thresholds, default })
    }

    fn alert(&self, alert: &Alert) -> String {
        let mut priority = alert.priority.clamp(0, 7);
        let mut labels = BTreeMap::new();
        for (name, value) in &alert.output_fields {
            // Counts would make each alert another one.
            if value == MISSING || name.starts_with("n_evts") {
                continue;
            }
            let value = match value.parse() {
                Ok(count) if name.starts_with("n_drop") => self.dropped(count, &mut priority),
                _ => value.clone(),
            };
            labels.insert(label_name(name), value);
        }
        labels.extend(self.config.extralabels.iter().map(|(name, value)| (label_name(name), value.clone())));
        for (name, value) in [
            ("alertname", alert.rule.as_str()),
            ("rule", &alert.rule),
            ("source", "falco"),
            ("eventsource", &alert.source),
            ("priority", cadge_proto::priority_name(priority)),
            ("severity", &self.severities[usize::try_from(priority).unwrap_or(7)]),
            ("hostname", &alert.hostname),
            ("tags", &alert.tags.join(",")),
        ] {
            labels.insert(name.to_owned(), value.to_owned());
        }
        labels.retain(|name, value| !name.is_empty() && !value.is_empty());
        let mut annotations = self.config.extraannotations.clone();
        for (name, text) in
            [("info", &alert.output), ("description", &alert.output), ("summary", &alert.rule)]
        {
            annotations.insert(name.to_owned(), text.clone());
        }
        json!({"labels": labels, "annotations": annotations, "endsAt": self.ends()}).to_string()
    }

    /// The label that stands for a number of dropped events. Many of them make the alert more urgent.
    fn dropped(&self, count: u64, priority: &mut i32) -> String {
        if count == 0 {
            return "0".to_owned();
        }
        let met = self.thresholds.iter().find(|(number, _)| count > *number);
        *priority = met.map_or(self.default, |(_, least)| *least).min(*priority);
        met.map_or_else(|| count.to_string(), |(number, _)| format!(">{number}"))
    }

    /// From now on: an alert that is late would else have ended before it came.
    fn ends(&self) -> String {
        if self.config.expiresafter == 0 {
            return NEVER.to_owned();
        }
        let ends = SystemTime::now() + Duration::from_secs(self.config.expiresafter.into());
        cadge_proto::json::time(&Alert { time: Some(ends.into()), ..Alert::default() })
    }
}

/// Sends to each, at the same time.
struct Each {
    posts: Vec<Post>,
    patience: Duration,
}

impl Integration for Each {
    fn batch(&self) -> usize {
        BATCH.alerts
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let send = |post: &'a Post| within(self.patience, post.send(alerts));
            together(join_all(self.posts.iter().map(send)).await)
        })
    }

    fn give_up(&self, alerts: &[Delivery]) -> BTreeSet<u64> {
        self.posts.iter().flat_map(|post| post.give_up(alerts)).collect()
    }
}

/// Taken, if one has taken it; refused, if all have refused it.
fn together(results: Vec<Result<Answer, SendError>>) -> Result<Answer, SendError> {
    let all = results.len();
    let (taken, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let errors = failed.into_iter().filter_map(Result::err);
    let worst = errors.max_by_key(|error| !matches!(error, SendError::Refused(_)));
    match (taken.into_iter().next(), worst) {
        (None, worst) => Err(worst.unwrap_or_else(|| SendError::Unreachable("there is none".to_owned()))),
        (Some(taken), Some(cause)) => {
            tracing::warn!(%cause, all, "an alertmanager has not taken alerts that another has");
            taken
        }
        (Some(taken), None) => taken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_dropped_events_are_more_urgent() {
        let labels = Labels::of(&Config::default()).unwrap();
        let found = |count: u64| {
            let mut priority = 7;
            (labels.dropped(count, &mut priority), priority)
        };
        assert_eq!(found(0), ("0".to_owned(), 7));
        assert_eq!(found(1), ("1".to_owned(), 2));
        assert_eq!(found(9), (">1".to_owned(), 4));
        assert_eq!(found(20_000), (">10000".to_owned(), 2));
        let wrong = Config { dropeventthresholds: "many".to_owned(), ..Config::default() };
        assert!(Labels::of(&wrong).is_err_and(|error| error.contains("`many`")));
    }

    #[test]
    fn one_that_takes_an_alert_is_enough() {
        let (ok, refused, away) = (
            Ok(Answer("taken".to_owned())),
            Err(SendError::Refused("no".to_owned())),
            Err(SendError::Unreachable("away".to_owned())),
        );
        assert_eq!(together(vec![away.clone(), ok.clone(), refused.clone()]), ok);
        assert_eq!(together(vec![away.clone(), refused.clone()]), away);
        assert_eq!(together(vec![refused.clone(), refused.clone()]), refused);
    }
}
