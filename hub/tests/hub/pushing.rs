//! The SDK's pusher against a hub: what it hands in is there once, whatever happens to the hub.

use std::collections::BTreeSet;
use std::time::Duration;

use cadge_client::{Client, Error, Event, GetOptions, Priority};
use futures_util::StreamExt as _;

use super::secured::Secured;
use super::site::{PATIENCE, Site};

fn event(number: u64) -> Event {
    Event { hostname: "h".to_owned(), ..Event::new("Deploy", format!("event {number}")) }
        .field("deploy.number", number.to_string())
}

async fn outputs(site: &Site) -> Vec<String> {
    let alerts = site.client().await.get(GetOptions::default()).await.unwrap();
    alerts.map(|alert| alert.unwrap().output).collect().await
}

#[tokio::test]
async fn what_is_pushed_is_kept_and_what_is_refused_comes_back() {
    let site = Site::start().await;
    let client = site.client().await;
    let nameless = Event::new("", "no rule");
    let same = event(1);
    let pushed = client.push([same.clone(), nameless, event(2), same]).await.unwrap();
    assert_eq!((pushed.kept, pushed.refused.len(), pushed.refused[0].number), (3, 1, 1));
    assert_eq!(pushed.refused[0].event.output, "no rule");
    assert!(pushed.refused[0].reason.contains("rule"), "{}", pushed.refused[0].reason);
    // Two that are the same but for the moment are two.
    assert_eq!(outputs(&site).await, ["event 1", "event 2", "event 1"]);
    let alerts = client.get(GetOptions::default()).await.unwrap();
    let first = alerts.map(Result::unwrap).collect::<Vec<_>>().await.swap_remove(0);
    assert_eq!((first.priority, &*first.source, &*first.hostname), (Priority::Notice, "input", "h"));
    assert_eq!(first.output_fields.get("deploy.number"), Some("1"));
    assert_eq!(client.push([]).await.unwrap().kept, 0);
    let too_large = Event::new("R", "x".repeat(3 << 20));
    assert!(matches!(client.push([too_large]).await, Err(Error::InvalidRequest(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_once_although_the_hub_restarts_again_and_again() {
    const COUNT: u64 = 30_000;
    let mut site = Site::start().await;
    let client = site.client().await;
    let pushing = tokio::spawn(async move {
        let mut pusher = client.pusher();
        for number in 0..COUNT {
            pusher.push(event(number)).await.unwrap();
            if number % 1000 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        tokio::time::timeout(2 * PATIENCE, pusher.flush()).await.expect("an answer").unwrap()
    });
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        site.restart().await;
    }
    let pushed = pushing.await.unwrap();
    assert_eq!((pushed.kept, pushed.refused), (COUNT, vec![]));
    let outputs = outputs(&site).await;
    assert_eq!(outputs.len() as u64, COUNT);
    assert_eq!(outputs.into_iter().collect::<BTreeSet<_>>().len() as u64, COUNT);
}

#[tokio::test]
async fn who_may_not_push_is_told_at_the_next_call() {
    let site = Secured::start().await;
    let consumer = site.pki.consumer("c");
    let address = format!("https://localhost:{}", site.hub.grpc_address().unwrap().port());
    let connect = Client::connect(address).ca(site.pki.pem()).identity(consumer.cert, consumer.key);
    let client = connect.await.unwrap();
    let error = client.push([event(1)]).await.unwrap_err();
    assert!(matches!(error, Error::PermissionDenied(_)), "{error:?}");
    let mut pusher = client.pusher();
    let refused = async {
        loop {
            if let Err(error) = pusher.push(event(1)).await {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let error = tokio::time::timeout(PATIENCE, refused).await.expect("an error");
    assert!(matches!(error, Error::PermissionDenied(_)), "{error:?}");
    assert_eq!(pusher.flush().await, Err(error));
}
