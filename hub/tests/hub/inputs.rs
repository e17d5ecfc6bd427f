//! Events that other programs hand in: what becomes of them, and what is refused.

use std::ops::RangeInclusive;

use cadge_client::{Alert, GetOptions, Start, SubscribeOptions};
use cadge_proto::BATCH_ALERTS_MAX;
use cadge_proto::cadge::v1::inputs_client::InputsClient;
use cadge_proto::cadge::v1::{Event, PushRequest, PushResponse};
use futures_util::StreamExt as _;
use prost_types::Timestamp;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::secured::Secured;
use super::site::{PATIENCE, Site, client_at};

/// A stream of events.
struct Pusher {
    requests: mpsc::Sender<PushRequest>,
    responses: Streaming<PushResponse>,
}

impl Pusher {
    async fn connect(channel: Channel) -> Result<Self, Status> {
        let (requests, outgoing) = mpsc::channel(64);
        let answer = InputsClient::new(channel).push(ReceiverStream::new(outgoing)).await?;
        Ok(Self { requests, responses: answer.into_inner() })
    }

    async fn send(&self, events: Vec<Event>) {
        self.requests.send(PushRequest { events }).await.unwrap();
    }

    async fn answer(&mut self) -> Result<PushResponse, Status> {
        let answer = tokio::time::timeout(PATIENCE, self.responses.message()).await.expect("an answer")?;
        Ok(answer.expect("the stream goes on"))
    }

    /// Sends events and waits for the answer: how many are acknowledged, and who was refused.
    async fn push(&mut self, events: Vec<Event>) -> (u64, Vec<u64>) {
        self.send(events).await;
        let answer = self.answer().await.unwrap();
        (answer.acknowledged, answer.refused.iter().map(|refused| refused.number).collect())
    }
}

fn event(number: u64) -> Event {
    Event {
        time: Some(Timestamp { seconds: 1_790_000_000, nanos: 7 }),
        priority: 5,
        rule: "Deploy".to_owned(),
        output: format!("event {number}"),
        output_fields: [("deploy.number".to_owned(), number.to_string())].into(),
        hostname: "h".to_owned(),
        tags: vec!["b".to_owned(), "a".to_owned()],
        source: "deploys".to_owned(),
    }
}

fn events(numbers: RangeInclusive<u64>) -> Vec<Event> {
    numbers.map(event).collect()
}

async fn pusher(site: &Site) -> Pusher {
    Pusher::connect(site.channel().await).await.unwrap()
}

async fn alerts(site: &Site) -> Vec<Alert> {
    let alerts = site.client().await.get(GetOptions::default()).await.unwrap();
    alerts.map(Result::unwrap).collect().await
}

fn outputs(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.output.as_str()).collect()
}

#[tokio::test]
async fn events_are_alerts_for_whoever_reads() {
    let site = Site::start().await;
    let options = SubscribeOptions { start: Start::Beginning, ..SubscribeOptions::default() };
    let mut subscription = site.client().await.subscribe(options);
    let mut pusher = pusher(&site).await;
    assert_eq!(pusher.push(events(1..=2)).await, (2, vec![]));
    let uid = nix::unistd::geteuid();
    let alerts = alerts(&site).await;
    assert_eq!(outputs(&alerts), ["event 1", "event 2"]);
    let alert = &alerts[0];
    assert_eq!((&*alert.rule, alert.priority.number(), &*alert.hostname), ("Deploy", 5, "h"));
    assert_eq!((&*alert.source, &alert.sensor, alert.epoch), ("deploys", &format!("input/{uid}"), 0));
    assert_eq!((&*alert.tags.join(" "), alert.output_fields.get("deploy.number").unwrap()), ("a b", "1"));
    assert_eq!(Some(alert.time.into()), event(1).time);
    for expected in &alerts {
        let alert = tokio::time::timeout(PATIENCE, subscription.next()).await.expect("it comes");
        assert_eq!(alert.unwrap().unwrap(), *expected);
    }
    // Nothing but a name: what is left out is filled in.
    let bare = Event { rule: "Bare".to_owned(), ..Event::default() };
    assert_eq!(pusher.push(vec![bare.clone(), bare]).await, (4, vec![]));
    let alerts = self::alerts(&site).await;
    assert_eq!((alerts.len(), &*alerts[3].source, &*alerts[3].hostname), (4, "input", &*uid.to_string()));
    assert!(alerts[2].time > std::time::UNIX_EPOCH && alerts[2].sequence != alerts[3].sequence);
}

#[tokio::test]
async fn refused_events_are_told_by_number_and_cost_no_other() {
    let site = Site::start().await;
    let mut pusher = pusher(&site).await;
    let nameless = Event { rule: String::new(), ..event(2) };
    let large = Event { output: "x".repeat(300_000), ..event(4) };
    assert_eq!(pusher.push(vec![event(1), nameless.clone(), event(3), large]).await, (4, vec![2, 4]));
    // Each is told once, and none of those that are there to be told comes alone.
    assert_eq!(pusher.push(vec![event(5)]).await, (5, vec![]));
    pusher.send(vec![nameless, Event { priority: 9, ..event(7) }]).await;
    let answer = pusher.answer().await.unwrap();
    let reasons: Vec<_> = answer.refused.iter().map(|refused| (refused.number, &*refused.reason)).collect();
    assert_eq!(
        reasons,
        [(6, "the rule's name is empty"), (7, "unknown priority 9: expected 0 (Emergency) to 7 (Debug)")]
    );
    assert_eq!(outputs(&alerts(&site).await), ["event 1", "event 3", "event 5"]);
}

#[tokio::test]
async fn what_is_sent_again_is_kept_once() {
    let mut site = Site::start().await;
    let mut first = pusher(&site).await;
    assert_eq!(first.push(events(1..=3000)).await, (3000, vec![]));
    site.restart().await;
    let mut second = pusher(&site).await;
    assert_eq!(second.push(events(2000..=3000)).await, (1001, vec![]));
    assert_eq!(second.push(events(3000..=3001)).await, (1003, vec![]));
    let expected: Vec<_> = (1..=3001).map(|number| format!("event {number}")).collect();
    assert_eq!(outputs(&alerts(&site).await), expected);
}

#[tokio::test]
async fn requests_are_in_flight_together_and_kept_in_their_order() {
    let site = Site::start().await;
    let mut pusher = pusher(&site).await;
    for request in 0..50_u64 {
        pusher.send(events(request * 100 + 1..=request * 100 + 100)).await;
    }
    for request in 1..=50 {
        assert_eq!(pusher.answer().await.unwrap().acknowledged, request * 100);
    }
    let expected: Vec<_> = (1..=5000).map(|number| format!("event {number}")).collect();
    assert_eq!(outputs(&alerts(&site).await), expected);
    // The sending side closes: the stream ends well.
    drop(pusher.requests);
    assert_eq!(pusher.responses.message().await.unwrap(), None);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_and_says_what_to_do() {
    let site = Site::start().await;
    for (events, why) in [
        (vec![event(1); BATCH_ALERTS_MAX + 1], "4096 at most"),
        (vec![Event { output: "x".repeat(200_000), ..event(1) }; 11], "2097152 at most"),
    ] {
        let mut pusher = pusher(&site).await;
        pusher.send(events).await;
        let status = pusher.answer().await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(why), "{status:?}");
    }
    let mut last = pusher(&site).await;
    assert_eq!(last.push(vec![event(1); BATCH_ALERTS_MAX]).await, (4096, vec![]));
    assert_eq!(outputs(&alerts(&site).await), ["event 1"]);
}

#[tokio::test]
async fn the_name_is_the_certificates_and_a_consumer_is_refused() {
    let site = Secured::start().await;
    let channel = site.channel(&site.pki.consumer("c")).await.unwrap();
    let Err(status) = Pusher::connect(channel).await else { panic!("a consumer was let in") };
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("needs the role sensor"), "{status:?}");
    for (shown, name) in
        [(site.pki.sensor("ci"), "ci"), (site.pki.issue("spiffe://cadge/admin/root", |_| ()), "root")]
    {
        let mut pusher = Pusher::connect(site.channel(&shown).await.unwrap()).await.unwrap();
        let hostless = Event { hostname: String::new(), ..event(1) };
        assert_eq!(pusher.push(vec![hostless, Event::default()]).await, (2, vec![2]));
        let client = client_at(&site.path("cadge.sock")).await;
        let alerts: Vec<_> =
            client.get(GetOptions::default()).await.unwrap().map(Result::unwrap).collect().await;
        let alert = alerts.last().unwrap();
        assert_eq!((&*alert.sensor, &*alert.hostname), (&*format!("input/{name}"), name));
    }
    assert_eq!(site.metric("cadge_hub_input_events_total{status=\"accepted\"}").await, 2);
    assert_eq!(site.metric("cadge_hub_input_events_total{status=\"rejected\"}").await, 2);
}
