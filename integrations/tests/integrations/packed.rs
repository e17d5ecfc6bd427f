//! Protocols that pack alerts into something of their own, and answer about each of them.

use axum::body::Bytes;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use reqwest::Url;
use serde_json::{Value, json};

/// What a file of Apache Parquet is sent as.
pub(crate) const PARQUET: &str = "application/vnd.apache.parquet";

/// A body as text: what is none, in Base64.
pub(crate) fn text(headers: &HeaderMap, body: &[u8]) -> String {
    if kind(headers) == PARQUET { STANDARD.encode(body) } else { String::from_utf8_lossy(body).into_owned() }
}

/// The alerts of a body as they are, a line each; the body itself if it packs nothing.
pub(crate) fn alerts(headers: &HeaderMap, body: &str) -> String {
    let found: Vec<String> = match kind(headers) {
        "application/x-amz-json-1.0" => {
            entries(body).iter().map(|entry| entry["MessageBody"].as_str().unwrap().to_owned()).collect()
        }
        "application/x-www-form-urlencoded" => parameters(body, ".Message"),
        "application/vnd.microsoft.servicebus.json" => {
            let events: Vec<Value> = serde_json::from_str(body).unwrap();
            events.iter().map(|event| event["Body"].as_str().unwrap().to_owned()).collect()
        }
        "application/vnd.kafka.binary.v2+json" => records(body),
        "application/json" if body.starts_with(r#"{"messages":[{"#) => published(body),
        PARQUET => rows(body),
        _ => return body.to_owned(),
    };
    found.join("\n")
}

/// What a server answers that takes them all.
pub(crate) fn answer(headers: &HeaderMap, body: &str) -> Option<String> {
    match kind(headers) {
        "application/x-amz-json-1.0" => {
            let taken: Vec<Value> = entries(body).iter().map(|entry| json!({"Id": entry["Id"]})).collect();
            Some(json!({"Successful": taken}).to_string())
        }
        "application/x-www-form-urlencoded" => {
            let mut taken = String::new();
            for id in parameters(body, ".Id") {
                taken.push_str(&format!("<member><Id>{id}</Id></member>"));
            }
            Some(format!("<Failed/><Successful>{taken}</Successful>"))
        }
        _ => None,
    }
}

/// The values of records for Kafka's REST proxy.
fn records(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap();
    let values = body["records"].as_array().unwrap().iter().map(|record| record["value"].as_str().unwrap());
    values.map(|value| String::from_utf8(STANDARD.decode(value).unwrap()).unwrap()).collect()
}

/// What is published to a topic of Google's.
fn published(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap();
    let entries = body["messages"].as_array().unwrap().iter().map(|entry| entry["data"].as_str().unwrap());
    entries.map(|data| String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()).collect()
}

/// The rows of a file, as the crate that wrote it reads them.
fn rows(body: &str) -> Vec<String> {
    let file = SerializedFileReader::new(Bytes::from(STANDARD.decode(body).unwrap())).unwrap();
    file.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect()
}

pub(crate) fn kind(headers: &HeaderMap) -> &str {
    headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

fn entries(body: &str) -> Vec<Value> {
    let body: Value = serde_json::from_str(body).unwrap();
    body["Entries"].as_array().unwrap().clone()
}

/// The values of a form's parameters whose names end so.
fn parameters(body: &str, end: &str) -> Vec<String> {
    let form = Url::parse(&format!("http://form/?{body}")).unwrap();
    let found = form.query_pairs().filter(|(name, _)| name.ends_with(end));
    found.map(|(_, value)| value.into_owned()).collect()
}
