//! What Falco writes, and what nobody should.

use cadge_proto::Alert;
use cadge_proto::json::{FieldKind, to_falco};
use proptest::prelude::*;

use super::{Malformed, Origin, priority, read};
use crate::unordered::finish;

const ORIGIN: Origin<'static> = Origin { sensor: "http/t", hostname: "peer" };

const FALCO: &str = r#"{"hostname":"node-1","output":"o","output_fields":{"evt.time":1718200000123456789,"proc.tty":34816,"proc.pid":1e400,"user.name":null,"k8s.ns.name":7,"fd.x":[1, {"a":"]"}],"ok":true,"proc.name":"ca\"t"},"priority":"warning","rule":"R","source":"k8s_audit","tags":["b","a"],"time":"2024-06-12T13:46:40.123456789Z"}"#;

fn alerts(text: &str) -> Result<Vec<Alert>, Malformed> {
    let found = read(text.as_bytes(), ORIGIN)?;
    Ok(found
        .into_iter()
        .map(|(identity, raw)| {
            let alert = raw.decode().unwrap();
            assert_eq!((alert.sequence, alert.epoch), (identity, 0));
            alert
        })
        .collect())
}

fn refusal(text: &str) -> String {
    alerts(text).unwrap_err().to_string()
}

#[test]
fn falcos_object_is_an_alert() {
    let alert = alerts(FALCO).unwrap().pop().unwrap();
    let field = |name: &str| alert.output_fields[name].as_str();
    assert_eq!(field("evt.time"), "1718200000123456789");
    assert_eq!(field("proc.pid"), "1e400");
    assert_eq!(field("user.name"), "<NA>");
    assert_eq!(field("k8s.ns.name"), "7");
    assert_eq!(field("fd.x"), r#"[1, {"a":"]"}]"#);
    assert_eq!((field("ok"), field("proc.name")), ("true", "ca\"t"));
    assert_eq!((alert.priority, alert.source_deprecated), (4, 1));
    assert_eq!(alert.tags, ["a", "b"]);
    assert_eq!((alert.hostname.as_str(), alert.sensor.as_str()), ("node-1", "http/t"));
    assert_eq!(cadge_proto::json::time(&alert), "2024-06-12T13:46:40.123456789Z");
    // Written down for ever: a new version must recognise what an old one has taken.
    assert_eq!(alert.sequence, 12_017_576_907_369_622_149);
}

#[test]
fn what_falco_may_leave_out_may_be_missing() {
    let alert = alerts(
        r#"{"time":"2024-06-12T13:46:40Z","priority":"info","rule":"R","message":"m","hostname":"","tags":null}"#,
    );
    let alert = alert.unwrap().pop().unwrap();
    assert_eq!((alert.output.as_str(), alert.priority), ("m", 6));
    assert_eq!((alert.hostname.as_str(), alert.source.as_str()), ("peer", "syscall"));
}

#[test]
fn arrays_and_lines_are_taken_whole() {
    assert_eq!(alerts(&format!("[{FALCO},{FALCO}]")).unwrap().len(), 2);
    assert_eq!(alerts(&format!("{FALCO}\n{FALCO}\n\n[{FALCO}]\n")).unwrap().len(), 3);
    let text = format!("[{FALCO},{{\"rule\":\"R\"}}]");
    assert!(refusal(&text).starts_with("alert 2: missing field `time`"), "{}", refusal(&text));
}

#[test]
fn each_refusal_says_where_and_why() {
    let with = |from: &str, to: &str| FALCO.replace(from, to);
    for (text, why) in [
        (String::new(), "no alert"),
        ("[]".to_owned(), "no alert"),
        ("12:00:00 Warning A shell".to_owned(), "alert 1: "),
        ("\"text\"".to_owned(), "json_output: true"),
        ("[[]]".to_owned(), "an alert as a JSON object"),
        (with("\"warning\"", "4"), "expected a string"),
        (with("warning", "loud"), "unknown priority `loud`"),
        (with("2024-06-12T", "yesterday"), "is no time"),
        (with("\"rule\":\"R\"", "\"rule\":\"\""), "name is empty"),
        (with("\"tags\":[\"b\",\"a\"]", "\"tags\":\"a\""), "an array of tags"),
        (with("\"rule\":\"R\"", "\"rule\":\"R\",\"rule\":\"S\""), "duplicate field `rule`"),
        (FALCO[..FALCO.len() - 1].to_owned(), "EOF"),
        (with(":7,", &format!(":{}{},", "[".repeat(129), "]".repeat(129))), "128 deep"),
        (format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000)), "an alert as a JSON object"),
    ] {
        let refusal = refusal(&text);
        assert!(refusal.contains(why), "{refusal}, not {why}");
    }
}

#[test]
fn too_much_is_told_from_wrong() {
    let large = FALCO.replace("\"o\"", &format!("\"{}\"", "x".repeat(300_000)));
    assert!(matches!(alerts(&large), Err(Malformed::TooLarge(_))));
    let many = format!("[{}0]", format!("{FALCO},").repeat(16_385));
    assert!(matches!(alerts(&many), Err(Malformed::TooLarge(_))));
    let fields = (0..2000).fold(String::new(), |all, number| format!("{all}\"f{number}\":0,"));
    assert!(refusal(&FALCO.replace("\"ok\"", &format!("{fields}\"ok\""))).contains("1024 output fields"));
    let tags = FALCO.replace("\"b\",", &"\"b\",".repeat(300));
    assert!(refusal(&tags).contains("256 tags"));
}

#[test]
fn the_same_alert_has_the_same_identity_and_no_other() {
    let of = |text: &str| alerts(text).unwrap()[0].sequence;
    // Neither order of keys nor blanks matter.
    let value: serde_json::Value = serde_json::from_str(&FALCO.replace("1e400", "1")).unwrap();
    assert_eq!(
        of(&FALCO.replace("1e400", "1").replace("[1, {", "[1,{")),
        of(&serde_json::to_string_pretty(&value)
            .unwrap()
            .replace("[\n      1,\n      {\n        \"a\": \"]\"\n      }\n    ]", "[1,{\"a\":\"]\"}]"))
    );
    for (from, to) in [
        ("node-1", "node-2"),
        ("789Z", "788Z"),
        ("\"R\"", "\"S\""),
        ("34816", "34817"),
        ("k8s_audit", "syscall"),
    ] {
        assert_ne!(of(FALCO), of(&FALCO.replace(from, to)), "{from}");
    }
}

#[test]
fn priorities_in_any_case() {
    for (name, number) in
        [("EMERGENCY", Some(0)), ("Info", Some(6)), ("informational", Some(6)), ("debug", Some(7))]
    {
        assert_eq!(priority(name), number, "{name}");
    }
    assert_eq!((priority(""), priority("4")), (None, None));
}

fn kinds(name: &str) -> FieldKind {
    match name.as_bytes().first() {
        Some(b'n') => FieldKind::Number,
        Some(b'b') => FieldKind::Bool,
        _ => FieldKind::Text,
    }
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof!["null", "true", "-?[0-9]{1,30}", "\"[a-z\\\\u00e9]{0,5}\"", Just(FALCO.to_owned())];
    leaf.prop_recursive(6, 64, 8, |inner| {
        let key = prop_oneof!["rule", "time", "priority", "output_fields", "tags", "hostname", "[a-z.]{0,9}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(|list| format!("[{}]", list.join(","))),
            proptest::collection::vec((key, inner), 0..8).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics(text in any_json()) {
        let _ = read(text.as_bytes(), ORIGIN);
    }

    #[test]
    fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0..FALCO.len()) {
        let _ = read(&bytes, ORIGIN);
        bytes.splice(0..0, FALCO.bytes().take(at));
        let _ = read(&bytes, ORIGIN);
    }

    #[test]
    fn what_was_an_alert_is_the_same_again(
        rule in ".{1,9}", output in ".*", hostname in ".{1,9}", source in ".{1,9}", priority in 0..8i32,
        mut tags: Vec<String>, seconds in -4_000_000_000..4_000_000_000_i64, nanos in 0..1_000_000_000_i32,
        texts in proptest::collection::btree_map("t.{0,9}", ".*", 0..9),
        numbers in proptest::collection::btree_map("n.{0,9}", any::<u64>(), 0..9),
        truths in proptest::collection::btree_map("b.{0,9}", any::<bool>(), 0..3),
    ) {
        tags.sort_unstable();
        let mut alert = Alert { rule, output, hostname, source, priority, tags, sensor: "http/t".into(), ..Alert::default() };
        alert.time = Some(prost_types::Timestamp { seconds, nanos });
        alert.output_fields.extend(texts);
        alert.output_fields.extend(numbers.into_iter().map(|(name, number)| (name, number.to_string())));
        alert.output_fields.extend(truths.into_iter().map(|(name, truth)| (name, truth.to_string())));
        let (_, alert) = finish(alert);
        prop_assert_eq!(alerts(&to_falco(&alert, kinds)).unwrap(), vec![alert]);
    }
}
