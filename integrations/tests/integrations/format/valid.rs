//! Whatever an alert says, each format stays readable and says the same.

use cadge_integrations::format::{
    Header, Matches, canonical, cef, cloudevent, cloudevent_headers, ecs, line_ended, logs, ocsf,
    octet_counted, syslog, uuid,
};
use cadge_proto::Alert;
use proptest::prelude::*;
use prost::Message;
use serde_json::Value;

use super::{alerts, readers};

const HEADER: Header<'_> =
    Header { facility: 1, app_name: "Falco", process: Some(7), structured: Some("falco@32473") };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_cloud_event_has_what_it_must_have(alert in alerts::any_alert()) {
        let event: Value = serde_json::from_str(&cloudevent(&alert, alerts::kinds)).unwrap();
        let data: Value = serde_json::from_str(&canonical(&alert, alerts::kinds)).unwrap();
        prop_assert_eq!(&event["data"], &data);
        prop_assert_eq!(&event["id"], &data["uuid"]);
        for (name, text) in cloudevent_headers(&alert) {
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{}: {}", name, text);
            if let Some(name) = name.strip_prefix("ce-") {
                let decoded = readers::decoded(&text).unwrap();
                prop_assert_eq!(Some(decoded.as_str()), event[name].as_str());
            }
        }
    }

    #[test]
    fn cef_reads_back(alert in alerts::any_alert()) {
        let line = cef(&alert);
        prop_assert!(!line.contains(['\n', '\r']));
        let (header, extension) = readers::cef(&line).unwrap();
        prop_assert_eq!(&header[..5], ["CEF:0", "Falcosecurity", "Falco", "1.0", "Falco Event"]);
        prop_assert_eq!(&header[5], &alert.rule.replace(['\n', '\r'], " "));
        prop_assert!(header[6].parse::<u8>().unwrap() <= 10);
        prop_assert_eq!(&extension["msg"], &alert.output);
        prop_assert_eq!(&extension["source"], &alert.source);
        prop_assert_eq!(&extension["uuid"], &uuid(&alert));
        prop_assert_eq!(extension.get("hostname").map_or("", String::as_str), &alert.hostname);
    }

    #[test]
    fn syslog_is_one_line_that_reads_back(alert in alerts::any_alert()) {
        for text in [canonical(&alert, alerts::kinds), cef(&alert)] {
            let line = syslog(&alert, &HEADER, &text);
            prop_assert!(!line.contains(['\n', '\r', '\0']));
            prop_assert_eq!(line_ended(&line).matches('\n').count(), 1);
            let read = readers::syslog(&line).unwrap();
            prop_assert_eq!(read.priority / 8, 1);
            prop_assert_eq!(&read.words[2..4], ["Falco", "7"]);
            let one_line = |text: &str| text.replace(['\n', '\r', '\0'], " ");
            prop_assert_eq!(&read.parameters["rule"], &one_line(&alert.rule));
            prop_assert_eq!(read.text, one_line(text.trim_end_matches('\n')));
            let framed = octet_counted(&line);
            let (length, rest) = framed.split_once(' ').unwrap();
            prop_assert_eq!(length.parse::<usize>().unwrap(), rest.len());
        }
    }

    #[test]
    fn ocsf_and_ecs_lose_no_field(alert in alerts::any_alert()) {
        let all: Value = serde_json::from_str(&canonical(&alert, alerts::kinds)).unwrap();
        let document = ecs(&alert, alerts::kinds);
        prop_assert_eq!(
            document["falco"]["output_fields"].as_object().unwrap().len(),
            all["output_fields"].as_object().unwrap().len()
        );
        let finding = ocsf(&alert, alerts::kinds).to_string();
        for (name, text) in &alert.output_fields {
            let value = &all["output_fields"][name];
            if !value.is_null() {
                let quoted = Value::from(text.as_str()).to_string();
                // What is an id, a port or an address elsewhere is written as that.
                let number = text.parse::<u64>().map(|number| number.to_string());
                let address = text.parse::<std::net::IpAddr>().map(|address| address.to_string());
                let others = [Ok(quoted), Ok(value.to_string()), number.map_err(drop), address.map_err(drop)];
                let is_there = others.into_iter().flatten().any(|written| finding.contains(&written));
                prop_assert!(is_there, "{} {}", name, text);
            }
        }
    }

    #[test]
    fn otlp_says_the_same_in_protobuf_and_json(alert in alerts::any_alert()) {
        let request = logs([&alert], alerts::kinds);
        let decoded = cadge_integrations::format::LogsRequest::decode(&*request.encode_to_vec()).unwrap();
        prop_assert_eq!(serde_json::to_value(&decoded).unwrap(), serde_json::to_value(&request).unwrap());
    }
}

#[test]
fn matches_are_counted_by_series_within_a_limit() {
    let mut matches = Matches::new(1);
    let alert = |rule: u32| Alert { rule: rule.to_string(), ..Alert::default() };
    for rule in 0..10_005 {
        matches.count(&alert(rule));
        matches.count(&alert(rule));
    }
    let request = serde_json::to_value(matches.request(9)).unwrap();
    let sum = &request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["sum"];
    let points = sum["dataPoints"].as_array().unwrap();
    assert_eq!((points.len(), &sum["isMonotonic"]), (10_001, &Value::Bool(true)));
    let of = |rule: &str| {
        let has = |point: &&Value| point["attributes"][0]["value"]["stringValue"] == rule;
        points.iter().find(has).unwrap()["asInt"].clone()
    };
    assert_eq!((of("7"), of("other")), ("2".into(), "10".into()));
}

#[test]
fn custom_fields_are_labels_of_every_series_but_do_not_hide_its_own() {
    let custom = [("team.name", "blue"), ("rule", "mine"), ("aa", "")];
    let custom = custom.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut matches = Matches::new(1).labelled(&custom);
    matches.count(&Alert { rule: "R".to_owned(), ..Alert::default() });
    let (labels, _) = matches.series().next().unwrap();
    let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // Prometheus wants them sorted.
    let name = ("__name__", "falcosecurity_falco_rules_matches_total");
    assert_eq!(labels, [name, ("priority", "Emergency"), ("rule", "R"), ("team_name", "blue")]);
    let request = serde_json::to_string(&matches.request(9)).unwrap();
    assert!(request.contains(r#""key":"team_name","value":{"stringValue":"blue"}"#), "{request}");
    assert!(!request.contains("mine"), "{request}");
}

#[test]
fn log_records_of_one_host_stand_together() {
    let of = |hostname: &str| Alert { hostname: hostname.to_owned(), ..Alert::default() };
    let alerts = [of("a"), of("b"), of("a")];
    let request = serde_json::to_value(logs(&alerts, alerts::kinds)).unwrap();
    let hosts = request["resourceLogs"].as_array().unwrap();
    let counts: Vec<usize> =
        hosts.iter().map(|host| host["scopeLogs"][0]["logRecords"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 1]);
}
