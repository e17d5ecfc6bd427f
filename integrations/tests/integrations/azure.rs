//! An event hub of Azure, by an identity that the environment gives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::{Router, routing::post};
use reqwest::Url;
use serde_json::{Value, json};

use super::counterpart::again;
use super::feed::{Log, alert};
use super::secrets;
use super::server::wait_for_metric;

const COUNT: u32 = 1000;

/// What came: tokens that were asked for, requests that had none that was good, alerts.
#[derive(Default)]
struct Seen {
    tokens: usize,
    refused: usize,
    outputs: Vec<String>,
}

/// Gives out a token for the right secret. The first one is good for one request only.
fn token(seen: &Mutex<Seen>, body: &str) -> (StatusCode, String) {
    let form = Url::parse(&format!("http://form/?{body}")).unwrap();
    let form: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
    let parts = ["client_id", "client_secret", "scope", "grant_type"].map(|name| form[name].as_str());
    assert_eq!(parts, ["hub", "S3CRET", "https://eventhubs.azure.net/.default", "client_credentials"]);
    let mut seen = seen.lock().unwrap();
    seen.tokens += 1;
    let token = json!({"access_token": format!("T0KEN{}", seen.tokens), "expires_in": 3599});
    (StatusCode::OK, token.to_string())
}

fn take(seen: &Mutex<Seen>, headers: &HeaderMap, body: &str) -> StatusCode {
    let mut seen = seen.lock().unwrap();
    let is_over = seen.tokens == 1 && !seen.outputs.is_empty();
    if headers["authorization"] != format!("Bearer T0KEN{}", seen.tokens) || is_over {
        seen.refused += 1;
        return StatusCode::UNAUTHORIZED;
    }
    for event in serde_json::from_str::<Vec<Value>>(body).unwrap() {
        let alert: Value = serde_json::from_str(event["Body"].as_str().unwrap()).unwrap();
        seen.outputs.push(alert["output"].as_str().unwrap().to_owned());
    }
    StatusCode::CREATED
}

/// Azure's token service and an event hub.
async fn serve(seen: &Arc<Mutex<Seen>>) -> String {
    let (tokens, taken) = (Arc::clone(seen), Arc::clone(seen));
    let give = move |body: String| async move { token(&tokens, &body) };
    let take = move |uri: Uri, headers: HeaderMap, body: String| async move {
        assert_eq!(uri.path(), "/alerts/messages");
        take(&taken, &headers, &body)
    };
    let site = Router::new().route("/fleet/oauth2/v2.0/token", post(give)).fallback(take);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, site).await });
    url
}

#[tokio::test]
async fn an_application_sends_with_one_token_until_it_is_not_accepted() {
    if let Ok(url) = std::env::var("AZURE_AUTHORITY_HOST") {
        secrets::listen();
        let log = Log::default();
        for sequence in 1..=COUNT {
            log.push(alert(sequence.into(), 4));
        }
        let yaml = format!("azure: {{eventhub: {{namespace: fleet, name: alerts, endpoint: '{url}'}}}}\n");
        let (_running, stop, registry) = log.start(&yaml);
        let line = "falcosecurity_falcosidekick_outputs_total{destination=\"azureeventhub\",status=\"ok\"}";
        wait_for_metric(&registry, line, COUNT.into()).await;
        assert!(!secrets::is_logged("S3CRET") && !secrets::is_logged("T0KEN"));
        return stop.cancel();
    }
    let seen = Arc::default();
    let url = serve(&seen).await;
    let run = move || {
        let name = "azure::an_application_sends_with_one_token_until_it_is_not_accepted";
        let application =
            [("AZURE_TENANT_ID", "fleet"), ("AZURE_CLIENT_ID", "hub"), ("AZURE_CLIENT_SECRET", "S3CRET")];
        again(name, &[&application[..], &[("AZURE_AUTHORITY_HOST", url.as_str())]].concat());
    };
    tokio::task::spawn_blocking(run).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((seen.tokens, seen.refused, seen.outputs.len()), (2, 1, 1000));
    for (sequence, output) in (1..).zip(&seen.outputs) {
        assert!(output.ends_with(&format!(" #{sequence}")), "{sequence}: {output}");
    }
}
