//! A storm of alerts at a destination with a rate limit: those of one rule that wait become one message with
//! their number. The log keeps all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cadge_proto::json;
use tokio::time::Instant;

use crate::Delivery;

/// A message to send, and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The alert that it shows.
    pub(super) delivery: Delivery,
    /// Alerts that it stands for.
    pub(super) alerts: Vec<Delivery>,
}

/// The limit: so many messages a minute, of which a minute's worth may be saved up.
#[derive(Debug)]
pub(super) struct Limit {
    per_minute: u32,
    left: f64,
    counted: Instant,
}

impl Limit {
    /// Without a limit it is `None`.
    pub(super) fn new(per_minute: u32) -> Option<Self> {
        let left = f64::from(per_minute);
        (per_minute > 0).then(|| Self { per_minute, left, counted: Instant::now() })
    }

    /// Messages that may be sent now.
    fn left(&mut self) -> f64 {
        let now = Instant::now();
        let earned = now.duration_since(self.counted).as_secs_f64() * f64::from(self.per_minute) / 60.0;
        self.counted = now;
        self.left = (self.left + earned).min(f64::from(self.per_minute));
        self.left
    }

    /// Whether so many messages may be sent at once.
    pub(super) fn admits(&mut self, messages: usize) -> bool {
        u32::try_from(messages).is_ok_and(|messages| f64::from(messages) <= self.left())
    }

    /// Waits until one more message may be sent.
    pub(super) async fn take(&mut self) {
        let missing = 1.0 - self.left();
        if missing > 0.0 {
            let wait = missing * 60.0 / f64::from(self.per_minute);
            tokio::time::sleep(Duration::from_secs_f64(wait)).await;
            self.left();
        }
        self.left -= 1.0;
    }
}

/// One message for each rule and priority, in the order of their first alerts.
pub(super) fn group(alerts: Vec<Delivery>) -> Vec<Message> {
    let mut groups: Vec<Message> = Vec::new();
    let mut known: HashMap<(String, i32), usize> = HashMap::new();
    for delivery in alerts {
        let key = (delivery.alert.rule.clone(), delivery.alert.priority);
        let index = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(message) => message.alerts.push(delivery),
            None => groups.push(Message { delivery: delivery.clone(), alerts: vec![delivery] }),
        }
    }
    groups.iter_mut().for_each(Message::tell);
    groups
}

impl Message {
    /// A message of one alert.
    pub(super) fn single(delivery: Delivery) -> Self {
        Self { delivery: delivery.clone(), alerts: vec![delivery] }
    }

    /// Says how many alerts it stands for, if it is several.
    fn tell(&mut self) {
        let (Some(last), true) = (self.alerts.last(), self.alerts.len() > 1) else { return };
        let until = json::time(&last.alert);
        let mut alert = cadge_proto::Alert::clone(&self.delivery.alert);
        alert.output.push_str(&format!(" ({} alerts of this rule until {until})", self.alerts.len()));
        self.delivery.alert = Arc::new(alert);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(position: u64, rule: &str) -> Delivery {
        let alert =
            cadge_proto::Alert { rule: rule.to_owned(), output: rule.to_owned(), ..Default::default() };
        Delivery { position, alert: Arc::new(alert) }
    }

    #[test]
    fn alerts_of_a_rule_become_one_message_that_says_so() {
        let alerts = vec![delivery(1, "A"), delivery(2, "B"), delivery(3, "A"), delivery(4, "A")];
        let groups = group(alerts);
        let outputs: Vec<&str> =
            groups.iter().map(|message| message.delivery.alert.output.as_str()).collect();
        assert!(outputs[0].starts_with("A (3 alerts of this rule until "), "{outputs:?}");
        assert_eq!((outputs.len(), outputs[1]), (2, "B"));
        assert_eq!(groups[0].alerts.iter().map(|alert| alert.position).collect::<Vec<_>>(), [1, 3, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_holds_so_many_messages() {
        let mut limit = Limit::new(30).unwrap();
        let start = Instant::now();
        assert!(limit.admits(30) && !limit.admits(31));
        for _ in 0..60 {
            limit.take().await;
        }
        assert!((59..=61).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        assert!(!limit.admits(1));
        assert!(Limit::new(0).is_none());
    }
}
