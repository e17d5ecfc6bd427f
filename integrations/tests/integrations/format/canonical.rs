//! Falco's JSON is written without `serde_json`, and has the bytes that it would write.

use std::hint::black_box;
use std::time::Instant;

use cadge_integrations::format::{canonical, uuid};
use cadge_proto::Alert;
use cadge_proto::json::{self, FieldKinds};
use proptest::prelude::*;
use serde_json::Value;

use super::alerts;

/// The plain way: through a value.
fn plainly(alert: &Alert, kinds: FieldKinds) -> String {
    let value = json::to_value(alert, kinds);
    let mut members = vec![("uuid", plain_uuid(alert).into())];
    let names = ["output", "priority", "rule", "time", "output_fields", "source", "tags", "hostname"];
    members.extend(names.map(|name| (name, value[name].clone())));
    members.retain(|(name, value)| match *name {
        "tags" => value.as_array().is_some_and(|tags| !tags.is_empty()),
        "hostname" => value != "",
        _ => true,
    });
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    let text = format!("{{{}}}\n", members.join(","));
    text.chars().fold(String::new(), |mut out, character| {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => out.push(other),
        }
        out
    })
}

fn plain_uuid(alert: &Alert) -> String {
    let bytes = alert.sensor.bytes().chain(alert.epoch.to_le_bytes());
    let high = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let low = alert.sequence;
    format!(
        "{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48 & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn canonical_has_the_bytes_of_the_plain_way(alert in alerts::any_alert()) {
        prop_assert_eq!(canonical(&alert, alerts::kinds), plainly(&alert, alerts::kinds));
        prop_assert_eq!(uuid(&alert), plain_uuid(&alert));
    }
}

#[test]
fn canonical_reads_back() {
    for (name, alert) in alerts::three() {
        let text = canonical(&alert, alerts::kinds);
        assert_eq!(text, plainly(&alert, alerts::kinds), "{name}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["output_fields"], json::to_value(&alert, alerts::kinds)["output_fields"], "{name}");
    }
}

/// `cargo test --release -p cadge-integrations canonical_costs -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a test"]
#[allow(clippy::print_stdout, reason = "its result")]
fn canonical_costs() {
    const TIMES: u32 = 200_000;
    let alert = &alerts::three()[0].1;
    let length = canonical(alert, alerts::kinds).len();
    for (name, write) in [("canonical", canonical as fn(&Alert, FieldKinds) -> String), ("plainly", plainly)]
    {
        let start = Instant::now();
        for _ in 0..TIMES {
            black_box(write(black_box(alert), alerts::kinds));
        }
        println!("{name}: {:?} for an alert of {length} bytes", start.elapsed() / TIMES);
    }
}
