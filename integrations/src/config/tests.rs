use serde_json::json;

use super::*;
use crate::DESTINATIONS;

fn config(yaml: &str) -> Result<Config, String> {
    serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
}

fn on(config: &Config) -> Vec<&'static str> {
    config.destinations().map(|kind| kind.name).collect()
}

#[test]
fn every_destination_has_a_name_of_its_own_and_an_example_that_works() {
    for kind in DESTINATIONS {
        assert_eq!(DESTINATIONS.iter().filter(|other| other.label() == kind.label()).count(), 1, "{kind:?}");
        assert_eq!(on(&config(kind.example).unwrap()), [kind.name]);
        assert!(Destination::named(kind.name).is_some_and(|found| found.name == kind.name));
        let keys = kind.keys();
        for key in &keys {
            assert_eq!(
                keys.iter().filter(|other| other.name == key.name).count(),
                1,
                "{kind:?} {}",
                key.name
            );
            assert!(key.doc.ends_with('.'), "{kind:?} {}", key.name);
        }
    }
}

#[test]
fn what_has_a_default_only_is_off() {
    for kind in DESTINATIONS {
        let mut config = Config::default();
        config.section(kind);
        assert!(on(&config).is_empty(), "{kind:?}");
    }
}

#[test]
fn keys_may_be_in_any_case_but_names_of_headers_stay() {
    let config = config("Webhook:\n  Address: http://x\n  customHeaders: {X-Key: 7}\n").unwrap();
    assert_eq!(on(&config), ["webhook"]);
    assert!(format!("{config:?}").contains("X-Key"), "{config:?}");
}

#[test]
fn a_key_that_is_none_is_refused_with_the_one_that_was_meant() {
    for (yaml, error) in [
        ("slack: {webhokurl: x}", "`slack` has no key `webhokurl`, did you mean `webhookurl`?"),
        ("slak: {}", "unknown section `slak`, did you mean `slack`?"),
        ("webhook: {checkcert: perhaps}", "`webhook.checkcert` is neither true nor false"),
        ("slack: {webhookurl: a, webhookURL: b}", "`webhookurl` is there twice"),
        ("skipunsupported: 5", "`skipunsupported` is neither true nor false"),
        ("[]", "expected sections"),
    ] {
        let found = config(yaml).unwrap_err();
        assert!(found.contains(error), "{yaml}: {found}");
    }
}

#[test]
fn falcosidekicks_other_sections_are_refused_where_they_are_on() {
    let yaml = "listenport: 2801\ndebug: false\nwebex: {webhookurl: ''}\nyandex: {accesskeyid: '', s3: {bucket: ''}}\nslack: {webhookurl: http://x}\n";
    assert_eq!(on(&config(yaml).unwrap()), ["slack"]);
    let yaml = "webex: {webhookurl: http://x}\nslack: {webhookurl: http://x}\n";
    let error = config(yaml).unwrap().check().unwrap_err().to_string();
    assert!(error.contains("`webex`: it is no destination") && error.contains("skipunsupported"), "{error}");
    let skipped = config(&format!("{yaml}skipunsupported: true\n")).unwrap();
    assert!(skipped.check().is_ok());
    assert_eq!((on(&skipped), skipped.unused()[0].setting.as_str()), (vec!["slack"], "webex"));
    let error = config("yandex: {s3: {bucket: b}}").unwrap().check().unwrap_err().to_string();
    assert!(error.contains("`yandex.s3`"), "{error}");
}

#[test]
fn what_has_no_effect_is_told_where_it_is_set_to_anything_and_switched_on() {
    let told = |yaml: &str| {
        let unused = config(yaml).unwrap().unused();
        unused.into_iter().map(|unused| unused.setting).collect::<Vec<_>>()
    };
    let section =
        |hostport: &str, r#async: &str| format!("kafka: {{hostport: '{hostport}', async: {async}}}");
    assert_eq!(told(&section("a:1", "true")), ["kafka.async"]);
    assert_eq!(told(&section("a:1", "false")), Vec::<String>::new());
    assert_eq!(told(&section("", "true")), Vec::<String>::new());
    assert_eq!(told("listenport: 2801\ndebug: false\ntlsserver: {deploy: false}"), ["listenport"]);
    let mut by_environment = config("").unwrap();
    let variables = json!({"KAFKA_HOSTPORT": "a:1", "KAFKA_ASYNC": "true"});
    by_environment.read_environment(|name| Some(variables.get(name)?.as_str()?.to_owned())).unwrap();
    assert_eq!(by_environment.unused()[0].setting, "kafka.async");
}

#[test]
fn the_environment_adds_to_maps_and_leaves_what_is_empty() {
    let mut read = config("webhook: {address: http://x, customheaders: {A: 1}, checkcert: true}").unwrap();
    let variables =
        json!({"WEBHOOK_CUSTOMHEADERS": "B:2", "WEBHOOK_CHECKCERT": "", "SYSLOG_PORT": "tcp://10.0.0.1:514"});
    read.read_environment(|name| Some(variables.get(name)?.as_str()?.to_owned())).unwrap();
    let printed = format!("{read:?}");
    assert!(printed.contains(r#"{"A": ***, "B": ***}"#) && printed.contains("checkcert: true"), "{printed}");
    let error = config("syslog: {host: a}")
        .unwrap()
        .read_environment(|name| Some(variables.get(name)?.as_str()?.to_owned()));
    assert!(error.unwrap_err().contains("`SYSLOG_PORT` is no whole number"));
}

#[test]
fn the_environment_counts_before_the_file() {
    let mut config = config("slack: {webhookurl: http://x, channel: a}").unwrap();
    let variables = json!({"SLACK_CHANNEL": "b", "WEBHOOK_ADDRESS": "http://y", "MUTUALTLSFILESPATH": "/c"});
    config.read_environment(|name| Some(variables.get(name)?.as_str()?.to_owned())).unwrap();
    assert_eq!(on(&config), ["slack", "webhook"]);
    let printed = format!("{config:?}");
    assert!(printed.contains("channel: \"b\"") && printed.contains("/c"), "{printed}");
    let wrong = |name: &str| (name == "SLACK_CHECKCERT").then(|| "T0KEN".to_owned());
    let error = config.read_environment(wrong).unwrap_err();
    assert_eq!(error, "the environment variable `SLACK_CHECKCERT` is neither true nor false");
}

proptest::proptest! {
    #[test]
    fn any_value_is_read_or_refused(key in "[a-z.]{0,12}", text in ".*", number: i64) {
        for value in [json!(text), json!(number), json!([text, number]), json!({ key.clone(): text }), json!(null)] {
            for kind in DESTINATIONS {
                for known in kind.keys() {
                    let _ = kind.section().set(known.name, &value);
                }
            }
            let _ = Config::read(json!({ key.clone(): value.clone(), "slack": { key.clone(): value } }));
        }
    }
}

#[test]
fn shared_settings_are_falcosidekicks() {
    let yaml = "customfields: {Team: blue}\ntemplatedfields: {where: '{{ index . \"k8s.ns.name\" }}'}\ncustomtags: [a, b]\nbracketreplacer: _\n";
    let mut read = config(yaml).unwrap();
    let variables = json!({"CUSTOMFIELDS": "Team:%TEAM,site:here", "TEAM": "red"});
    read.read_environment(|name| Some(variables.get(name)?.as_str()?.to_owned())).unwrap();
    let dress = read.shared.dress.clone();
    assert_eq!(
        dress.customfields.into_iter().collect::<Vec<_>>(),
        [("Team".into(), "red".into()), ("site".into(), "here".into())]
    );
    assert_eq!(
        (dress.templatedfields.len(), dress.customtags.len(), dress.bracketreplacer.as_str()),
        (1, 2, "_")
    );
    let error = config("templatedfields: {where: '{{ index '}").unwrap_err();
    assert!(error.contains("`templatedfields` is no template"), "{error}");
    let error =
        read.read_environment(|name| (name == "CUSTOMFIELDS").then(|| "a:%NONE".to_owned())).unwrap_err();
    assert!(error.contains("CUSTOMFIELDS") && error.contains("NONE"), "{error}");
}

/// Every section that falcosidekick has, each with its first key empty, as in the file that it comes with.
#[test]
fn a_file_with_every_section_of_falcosidekicks_and_none_on_starts() {
    let mut file = json!({"listenaddress": "", "listenport": 2801, "debug": false, "customfields": null,
        "mutualtlsfilespath": "/etc/certs", "tlsserver": {"deploy": false}, "prometheus": {"extralabels": ""}});
    for (name, on) in foreign::SECTIONS {
        *place(&mut file, name) = json!({ *on: "", "minimumpriority": "" });
    }
    let error = Config::read(file.clone()).err();
    assert!(error.is_none(), "{error:?}");
    assert!(on(&Config::read(file.clone()).unwrap()).is_empty());
    for (name, key) in foreign::SECTIONS.iter().filter(|(name, _)| Destination::named(name).is_none()) {
        let mut file = file.clone();
        place(&mut file, name)[*key] = "x".into();
        let error = Config::read(file.clone()).unwrap().check().unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`: it is no destination of Cadge")), "{error}");
        file["skipunsupported"] = true.into();
        assert!(on(&Config::read(file).unwrap()).is_empty(), "{name}");
    }
}

/// The place of a section in a file.
fn place<'a>(file: &'a mut Value, name: &str) -> &'a mut Value {
    match name.split_once('.') {
        Some((outer, inner)) => &mut file[outer][inner],
        None => &mut file[name],
    }
}
