//! What falcosidekick's files have and this configuration has not.

use serde_json::Value;

use crate::destinations::DESTINATIONS;
use crate::settings::Key;

/// falcosidekick's sections, with the key that switches each on, as of version 2.34. Those that are destinations here
/// have been read before.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("aws.cloudwatchlogs", "loggroup"),
    ("aws.kinesis", "streamname"),
    ("aws.lambda", "functionname"),
    ("aws.s3", "bucket"),
    ("aws.securitylake", "bucket"),
    ("aws.sns", "topicarn"),
    ("aws.sqs", "url"),
    ("alertmanager", "hostport"),
    ("azure.eventhub", "name"),
    ("cliq", "webhookurl"),
    ("cloudevents", "address"),
    ("datadog", "apikey"),
    ("datadoglogs", "apikey"),
    ("discord", "webhookurl"),
    ("dogstatsd", "forwarder"),
    ("dynatrace", "apitoken"),
    ("elasticsearch", "hostport"),
    ("fission", "function"),
    ("gcp.chronicle", "projectid"),
    ("gcp.cloudfunctions", "name"),
    ("gcp.cloudrun", "endpoint"),
    ("gcp.pubsub", "topic"),
    ("gcp.storage", "bucket"),
    ("googlechat", "webhookurl"),
    ("gotify", "hostport"),
    ("grafana", "hostport"),
    ("grafanaoncall", "webhookurl"),
    ("influxdb", "hostport"),
    ("kafkarest", "address"),
    ("kubeless", "function"),
    ("logstash", "address"),
    ("loki", "hostport"),
    ("mattermost", "webhookurl"),
    ("mqtt", "broker"),
    ("n8n", "address"),
    ("nats", "hostport"),
    ("nodered", "address"),
    ("openfaas", "functionname"),
    ("openobserve", "hostport"),
    ("openreport", "enabled"),
    ("opsgenie", "apikey"),
    ("otlp.logs", "endpoint"),
    ("otlp.metrics", "endpoint"),
    ("otlp.traces", "endpoint"),
    ("pagerduty", "routingkey"),
    ("policyreport", "enabled"),
    ("quickwit", "hostport"),
    ("rabbitmq", "url"),
    ("redis", "address"),
    ("rocketchat", "webhookurl"),
    ("smtp", "hostport"),
    ("splunk", "host"),
    ("spyderbat", "orguid"),
    ("stan", "hostport"),
    ("statsd", "forwarder"),
    ("sumologic", "receiverurl"),
    ("syslog", "host"),
    ("talon", "address"),
    ("teams", "webhookurl"),
    ("tekton", "eventlistener"),
    ("telegram", "token"),
    ("timescaledb", "host"),
    ("wavefront", "endpointtype"),
    ("webex", "webhookurl"),
    ("webui", "url"),
    ("yandex.datastreams", "streamname"),
    ("yandex.s3", "bucket"),
    ("zincsearch", "hostport"),
];

/// falcosidekick's keys about itself, not about destinations, and what stands for them here.
pub(super) const OWN: &[(&str, &str)] = &[
    ("listenaddress", "the hub listens at `webserver.listen_address`"),
    ("listenport", "the hub listens at `webserver.listen_port`"),
    ("tlsserver", "the hub's certificates are in `webserver` and `grpc`"),
    ("debug", "use `RUST_LOG=debug`; payloads are never printed"),
    ("prometheus", "labels of `falco_events` are fixed"),
];

/// The sections that are no destination here, with the keys that switch them on.
pub(super) fn others() -> impl Iterator<Item = (&'static str, &'static str)> {
    SECTIONS.iter().copied().filter(|(name, _)| !DESTINATIONS.iter().any(|kind| kind.name == *name))
}

/// Whether a value switches nothing on.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty() || text == "false",
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// Whether a key is set to what it is without being set.
pub(super) fn is_usual(key: &Key, value: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
    let default = serde_json::from_str(&key.default).unwrap_or_default();
    text(value) == text(&default) || is_empty(value) && is_empty(&default)
}
