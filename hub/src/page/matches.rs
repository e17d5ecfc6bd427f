//! Falco's count of matches by rule, read off the exporter's counter.

use std::collections::BTreeMap;

use prometheus::proto::MetricFamily;

use super::text::{Family, Kind};

/// Tags of one rule that become labels.
const TAGS_MAX: usize = 64;

/// The labels of the exporter's counter that a rule has.
const OF_A_RULE: [&str; 4] = ["rule", "priority", "source", "tags"];

/// The sums over hosts, namespaces and pods. Falco counts rules; what is internal is none.
pub(super) fn family(events: &MetricFamily) -> Family {
    let mut sums: BTreeMap<[&str; 4], f64> = BTreeMap::new();
    for metric in events.get_metric() {
        let labels = metric.get_label();
        let text =
            |name: &str| labels.iter().find(|label| label.name() == name).map_or("", |label| label.value());
        let rule = OF_A_RULE.map(text);
        if rule[2] != "internal" {
            *sums.entry(rule).or_default() += metric.get_counter().get_value();
        }
    }
    let name = "falcosecurity_falco_rules_matches_total";
    let mut family = Family::new(name, Kind::Counter, "Alerts by rule, of all hosts together.");
    for ([rule, priority, source, tags], sum) in sums {
        let tags = names(tags);
        let mut labels = vec![("priority", priority), ("rule_name", rule), ("source", source)];
        labels.extend(tags.iter().map(|name| (name.as_str(), "true")));
        family.add(&labels, sum);
    }
    family
}

/// `,container,T1059.004,` as names of labels: `tag_T1059_004`, `tag_container`.
fn names(tags: &str) -> Vec<String> {
    let name = |tag: &str| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        format!("tag_{}", tag.chars().map(plain).collect::<String>())
    };
    let mut names: Vec<String> = tags.split(',').filter(|tag| !tag.is_empty()).map(name).collect();
    names.sort_unstable();
    // Two tags may become one name, and a name may stand only once.
    names.dedup();
    names.truncate(TAGS_MAX);
    names
}

#[cfg(test)]
mod tests {
    use prometheus::{IntCounterVec, Opts, core::Collector as _};

    use super::*;

    #[test]
    fn rules_are_summed_over_hosts_and_tags_are_labels() {
        let labels = ["rule", "priority", "hostname", "source", "k8s_ns_name", "k8s_pod_name", "tags"];
        let events = IntCounterVec::new(Opts::new("falco_events", "x"), &labels).unwrap();
        let count = |rule: &str, host: &str, source: &str, tags: &str, count| {
            events.with_label_values(&[rule, "4", host, source, "", "", tags]).inc_by(count);
        };
        count("A \"shell\"", "h1", "syscall", ",b.c,b-c,a,", 2);
        count("A \"shell\"", "h2", "syscall", ",b.c,b-c,a,", 3);
        count("Cadge internal: sensor silent", "h", "internal", ",,", 1);
        count("B", "h1", "k8s_audit", ",,", 1);
        let mut page = String::new();
        family(&events.collect()[0]).write(&mut page);
        let lines: Vec<&str> = page.lines().skip(2).collect();
        let expected = [
            "falcosecurity_falco_rules_matches_total{priority=\"4\",rule_name=\"A \\\"shell\\\"\",source=\"syscall\",tag_a=\"true\",tag_b_c=\"true\"} 5",
            "falcosecurity_falco_rules_matches_total{priority=\"4\",rule_name=\"B\",source=\"k8s_audit\"} 1",
        ];
        assert_eq!(lines, expected);
    }

    proptest::proptest! {
        #[test]
        fn any_tags_are_names_of_labels(tags in ".*") {
            for name in names(&tags) {
                proptest::prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            }
        }
    }
}
