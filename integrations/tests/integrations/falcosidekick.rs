//! falcosidekick's configuration, all of it: each key of a destination that is one here has its effect or is told to
//! have none, in a file as in the environment; each section that is none here is refused by name, or skipped.

use std::collections::BTreeMap;

use cadge_integrations::{Config, DESTINATIONS, Destination};
use serde_json::{Value, json};

use super::feed::Log;
use super::pki::Pki;

const FILE: &str = include_str!("falcosidekick.yaml");

/// falcosidekick's sections that are no destination here. One that has become one is to be taken out.
const LACKING: &[&str] = &[
    "aws.cloudwatchlogs",
    "aws.kinesis",
    "cliq",
    "dynatrace",
    "fission",
    "gcp.chronicle",
    "gcp.cloudfunctions",
    "gcp.cloudrun",
    "grafanaoncall",
    "kubeless",
    "logstash",
    "openfaas",
    "openobserve",
    "otlp.traces",
    "quickwit",
    "spyderbat",
    "stan",
    "sumologic",
    "talon",
    "tekton",
    "wavefront",
    "webex",
    "webui",
    "yandex.datastreams",
    "yandex.s3",
    "zincsearch",
];

/// Sections with sections in them.
const OUTER: &[&str] = &["aws", "azure", "gcp", "otlp", "yandex"];

/// Keys beside the sections.
const SHARED: &[&str] = &[
    "listenaddress",
    "listenport",
    "debug",
    "customfields",
    "templatedfields",
    "customtags",
    "bracketreplacer",
    "outputfieldformat",
    "mutualtlsfilespath",
    "mutualtlsclient",
    "tlsclient",
    "tlsserver",
    "prometheus",
];

type Members = BTreeMap<String, Value>;

fn file() -> Members {
    let file: Members = serde_saphyr::from_str(FILE).unwrap();
    file.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect()
}

/// The sections by their names, those within others with what these say for all of them.
fn sections() -> BTreeMap<String, Members> {
    let mut sections = BTreeMap::new();
    for (name, section) in file().into_iter().filter(|(name, _)| !SHARED.contains(&name.as_str())) {
        let members: Members = serde_json::from_value(section).unwrap();
        if !OUTER.contains(&name.as_str()) {
            sections.insert(name, members);
            continue;
        }
        let (inner, own): (Members, Members) = members.into_iter().partition(|(_, value)| value.is_object());
        for (section, members) in inner {
            let members: Members = serde_json::from_value(members).unwrap();
            sections.insert(
                format!("{name}.{}", section.to_lowercase()),
                own.clone().into_iter().chain(members).collect(),
            );
        }
    }
    sections
}

fn ours() -> impl Iterator<Item = (&'static Destination, Members)> {
    let mut sections = sections();
    DESTINATIONS.iter().filter_map(move |kind| Some((kind, sections.remove(kind.name)?)))
}

/// A file of one section.
fn alone(name: &str, members: &Members) -> Value {
    match name.split_once('.') {
        Some((outer, inner)) => json!({ outer: { inner: members } }),
        None => json!({ name: members }),
    }
}

fn read(file: &Value) -> Config {
    serde_json::from_value(file.clone()).unwrap_or_else(|error| panic!("{error}: {file}"))
}

/// A value as the environment has it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{name}:{}", text(value)))
            .collect::<Vec<_>>()
            .join(","),
        other => other.to_string(),
    }
}

fn variable(section: &str, key: &str) -> String {
    format!("{section}_{key}").replace('.', "_").to_uppercase()
}

#[test]
fn every_section_is_a_destination_or_known_to_be_none() {
    let sections = sections();
    let lacking: Vec<&str> =
        sections.keys().map(String::as_str).filter(|name| Destination::named(name).is_none()).collect();
    assert_eq!(lacking, LACKING, "the list of sections that are no destination here");
    assert!(sections.len() > 65, "{}", sections.len());
}

#[test]
fn every_key_has_its_effect_or_is_told_to_have_none() {
    let mut checked = 0;
    for (kind, members) in ours() {
        let whole = read(&alone(kind.name, &members));
        for (key, value) in &members {
            // Not left out, but empty: the default may be a secret, which is not shown.
            let mut others = members.clone();
            others.insert(key.clone(), "".into());
            let without = read(&alone(kind.name, &others));
            let setting = format!("{}.{}", kind.name, key.to_lowercase());
            let is_told = whole.unused().iter().any(|unused| unused.setting == setting);
            let is_declared = kind
                .keys()
                .iter()
                .any(|known| setting.ends_with(&format!(".{}", known.name)) && known.unused().is_some());
            assert_eq!(is_told, is_declared, "{setting}: {:?}", whole.unused());
            let (with, without) = (format!("{whole:?}"), format!("{without:?}"));
            assert_ne!(with, without, "{setting} = {value} changes nothing");
            checked += 1;
        }
    }
    assert!(checked > 300, "{checked} keys");
}

#[test]
fn a_variable_has_the_effect_of_its_key() {
    for (kind, members) in ours() {
        let whole = format!("{:?}", read(&alone(kind.name, &members)));
        for (key, value) in &members {
            // falcosidekick has no variable for all of this map: it has one for each member.
            if key == "batching" {
                continue;
            }
            let mut others = members.clone();
            others.remove(key);
            let mut config = read(&alone(kind.name, &others));
            let name = variable(kind.name, key);
            config.read_environment(|asked| (asked == name).then(|| text(value))).unwrap();
            let unused = |printed: &str| printed.split("unused: [").next().unwrap().to_owned();
            assert_eq!(unused(&format!("{config:?}")), unused(&whole), "{name}={}", text(value));
            assert_eq!(config.unused().len(), read(&alone(kind.name, &members)).unused().len(), "{name}");
        }
        let mut config = Config::default();
        let all = members.iter().map(|(key, value)| (variable(kind.name, key), text(value)));
        let all: BTreeMap<String, String> = all.filter(|(name, _)| !name.ends_with("BATCHING")).collect();
        config.read_environment(|name| all.get(name).cloned()).unwrap();
        assert_eq!(config.destinations().map(|kind| kind.name).collect::<Vec<_>>(), [kind.name]);
    }
}

#[test]
fn an_empty_variable_is_none() {
    for (kind, members) in ours() {
        let mut config = read(&alone(kind.name, &members));
        let before = format!("{config:?}");
        config.read_environment(|_| Some(String::new())).unwrap();
        assert_eq!(format!("{config:?}"), before);
    }
}

#[test]
fn keys_for_all_destinations_have_their_effect_and_their_variable() {
    let file = file();
    for name in [
        "customfields",
        "templatedfields",
        "customtags",
        "bracketreplacer",
        "outputfieldformat",
        "mutualtlsfilespath",
    ] {
        let with = format!("{:?}", read(&json!({ name: file[name] })));
        assert_ne!(with, format!("{:?}", Config::default()), "{name}");
        let mut config = Config::default();
        config.read_environment(|asked| (asked == name.to_uppercase()).then(|| text(&file[name]))).unwrap();
        assert_eq!(format!("{config:?}"), with, "{name}");
    }
    for outer in ["mutualtlsclient", "tlsclient"] {
        for (key, value) in file[outer].as_object().unwrap() {
            let with = format!("{:?}", read(&json!({ outer: { key: value } })));
            assert_ne!(with, format!("{:?}", Config::default()), "{outer}.{key}");
            let mut config = Config::default();
            config.read_environment(|name| (name == variable(outer, key)).then(|| text(value))).unwrap();
            assert_eq!(format!("{config:?}"), with, "{outer}.{key}");
        }
    }
    for name in ["listenaddress", "listenport", "debug", "tlsserver", "prometheus"] {
        let unused = read(&json!({ name: file[name] })).unused();
        assert_eq!(unused.iter().map(|unused| unused.setting.as_str()).collect::<Vec<_>>(), [name]);
    }
}

#[test]
fn a_section_that_is_no_destination_is_refused_by_name_or_skipped() {
    let sections = sections();
    for name in LACKING {
        let on = alone(name, &sections[*name]);
        let error = read(&on).check().unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")) && error.contains("skipunsupported"), "{error}");
        let mut skipping = on.clone();
        skipping["skipunsupported"] = true.into();
        let config = read(&skipping);
        config.check().unwrap();
        assert!(config.unused().iter().any(|unused| unused.setting == *name), "{:?}", config.unused());
        // The environment can skip what a file has.
        let mut config = read(&on);
        config.read_environment(|name| (name == "SKIPUNSUPPORTED").then(|| "true".to_owned())).unwrap();
        config.check().unwrap();
        // And switch on what is none.
        let mut config = Config::default();
        let variables: BTreeMap<String, String> =
            sections[*name].iter().map(|(key, value)| (variable(name, key), text(value))).collect();
        config.read_environment(|asked| variables.get(asked).cloned()).unwrap();
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")), "{error}");
        // Off, it is nothing to speak of.
        let off: Members = sections[*name].keys().map(|key| (key.clone(), "".into())).collect();
        let config = read(&alone(name, &off));
        config.check().unwrap();
        assert_eq!(config.unused(), []);
    }
}

#[tokio::test]
async fn the_whole_file_starts() {
    let folder = tempfile::tempdir().unwrap();
    Pki::new().write(folder.path(), &["client"]);
    let kubeconfig = "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n\
        clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n";
    std::fs::write(folder.path().join("kube"), kubeconfig).unwrap();
    let yaml = FILE.replace("FOLDER", folder.path().to_str().unwrap());
    let all: Value = serde_saphyr::from_str(&format!("skipunsupported: true\n{yaml}")).unwrap();
    let config = read(&all);
    let dead = cadge_integrations::DeadLetters::open(None, 10).unwrap();
    let (running, stop, _) = Log::default().start_config(&config, dead).unwrap();
    assert_eq!(running.live().states().len(), ours().count());
    stop.cancel();
    running.stopped().await;
}

#[tokio::test]
async fn a_value_that_cannot_be_had_here_is_refused_with_its_reason() {
    for (yaml, words) in [
        ("aws: {accesskeyid: x, s3: {bucket: b, region: r}}", "`secretaccesskey` is missing"),
        ("kafka: {hostport: 'a:1', topic: t, compression: ZSTD}", "`compression: ZSTD` is none of"),
        ("smtp: {hostport: a, from: a@b.c, to: a@b.c, authmechanism: external}", "`authmechanism: external`"),
        ("telegram: {token: t, chatid: c, messagethreadid: x}", "`messagethreadid: x` is no number"),
        ("tlsclient: {cacertfile: /nowhere}\nslack: {webhookurl: 'https://x'}", "/nowhere"),
        ("tlsclient: {cacertfile: /nowhere}\nsmtp: {hostport: a, from: a@b.c, to: a@b.c}", "/nowhere"),
        ("tlsclient: {cacertfile: /nowhere}\nredis: {address: a, tls: true}", "/nowhere"),
        ("tlsclient: {cacertfile: /nowhere}\nkafka: {hostport: 'a:1', topic: t, tls: true}", "/nowhere"),
        (
            "mutualtlsclient: {keyfile: /nowhere}\nslack: {webhookurl: 'https://x', mutualtls: true}",
            "reading",
        ),
    ] {
        let config: Config = serde_saphyr::from_str(yaml).unwrap();
        let dead = cadge_integrations::DeadLetters::open(None, 10).unwrap();
        let error = Log::default().start_config(&config, dead).err().unwrap_or_default();
        assert!(error.contains(words), "{yaml}: {error}");
    }
    for (yaml, words) in [
        ("dogstatsd: {tag: {env: prod}}", "`dogstatsd` has no key `tag`, did you mean `tags`?"),
        ("mutualtlsclient: {certificate: x}", "`mutualtlsclient` has no key `certificate`"),
    ] {
        let error = serde_saphyr::from_str::<Config>(yaml).unwrap_err().to_string();
        assert!(error.contains(words), "{yaml}: {error}");
    }
}
