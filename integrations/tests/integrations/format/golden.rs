//! Three alerts in every format, as they were last looked at. `UPDATE_GOLDEN=1 cargo test` writes them anew.

use std::path::Path;

use cadge_integrations::format::{
    Header, Matches, canonical, cef, cloudevent, cloudevent_headers, ecs, logs, ocsf, octet_counted, syslog,
};
use cadge_proto::Alert;
use prost::Message;
use serde_json::Value;

use super::alerts;

fn pretty(value: &impl serde::Serialize) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap())
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// 32 bytes a line.
fn dump(bytes: &[u8]) -> String {
    bytes.chunks(32).map(|line| hexadecimal(line) + "\n").collect()
}

fn matches(alert: &Alert) -> Matches {
    let mut matches = Matches::new(1_718_000_000_000_000_000);
    matches.count(alert);
    matches
}

fn in_every_format(alert: &Alert) -> Vec<(&'static str, String)> {
    let kinds = alerts::kinds;
    let event: Value = serde_json::from_str(&cloudevent(alert, kinds)).unwrap();
    let headers =
        cloudevent_headers(alert).into_iter().map(|(name, text)| name + ": " + &text + "\n").collect();
    let header = Header { facility: 0, app_name: "Falco", process: None, structured: Some("falco@32473") };
    let bare = Header { structured: None, ..header };
    let lines = [syslog(alert, &header, &canonical(alert, kinds)), syslog(alert, &bare, &cef(alert))];
    vec![
        ("falco.json", canonical(alert, kinds)),
        ("cloudevent.json", pretty(&event)),
        ("cloudevent-headers.txt", headers),
        ("ocsf.json", pretty(&ocsf(alert, kinds))),
        ("ecs.json", pretty(&ecs(alert, kinds))),
        ("otlp-logs.json", pretty(&logs([alert], kinds))),
        ("otlp-logs.hex", dump(&logs([alert], kinds).encode_to_vec())),
        ("otlp-metrics.json", pretty(&matches(alert).request(1_718_200_000_000_000_000))),
        ("cef.txt", cef(alert) + "\n"),
        ("syslog.txt", lines.map(|line| octet_counted(&line) + "\n").concat()),
    ]
}

#[test]
fn formats_are_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format");
    for (alert_name, alert) in alerts::three() {
        for (format, text) in in_every_format(&alert) {
            let path = folder.join(format!("{alert_name}.{format}"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &text).unwrap();
            }
            let golden = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(text, golden, "{}: UPDATE_GOLDEN=1 writes it anew", path.display());
        }
    }
}
