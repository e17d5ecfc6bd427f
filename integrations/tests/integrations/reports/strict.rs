//! Reports in what behaves as a cluster.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cadge_integrations::{DeadLetters, Running};
use cadge_proto::Alert;

use super::cluster::Cluster;
use crate::integrations::feed::{Log, alert};
use crate::integrations::server::wait_for_metric;

pub(super) const SHOP: &str = "namespaces/shop/policyreports/falco-policy-report";
pub(super) const BANK: &str = "namespaces/bank/policyreports/falco-policy-report";
pub(super) const ALL: &str = "clusterpolicyreports/falco-cluster-policy-report";

/// An alert of a namespace, if it is of one.
pub(super) fn of(namespace: &str, sequence: u64, priority: i32) -> Alert {
    let mut alert = alert(sequence, priority);
    if !namespace.is_empty() {
        alert.output_fields.insert("k8s.ns.name".to_owned(), namespace.to_owned());
        alert.output_fields.insert("k8s.pod.name".to_owned(), "web-1".to_owned());
    }
    alert
}

pub(super) fn counted(status: &str) -> String {
    format!("falcosecurity_falcosidekick_outputs_total{{destination=\"policyreport\",status=\"{status}\"}}")
}

pub(super) fn section(kubeconfig: &std::path::Path, more: &str) -> String {
    format!("policyreport:\n  enabled: true\n  kubeconfig: {}\n{more}", kubeconfig.display())
}

/// Waits until the destination's last failure says something.
pub(super) async fn fails(running: &Running, words: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let states = format!("{:?}", running.live().states());
        if states.contains(words) {
            return assert!(!states.contains("T0KEN"), "{states}");
        }
        assert!(Instant::now() < deadline, "{states}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) fn ends(sequences: impl IntoIterator<Item = u64>) -> Vec<String> {
    sequences.into_iter().map(|sequence| format!("Sensitive file #{sequence}")).collect()
}

#[tokio::test]
async fn an_open_report_names_the_source_and_the_rule() {
    let (cluster, log) = (Cluster::start().await, Log::default());
    for (sequence, namespace) in (1..).zip(["shop", "gone", "shop", ""]) {
        log.push(of(namespace, sequence, 4));
    }
    let yaml = section(&cluster.kubeconfig(), "").replace("policyreport", "openreport");
    let (_running, stop, registry) = log.start(&yaml);
    wait_for_metric(&registry, &counted("ok").replace("policyreport", "openreport"), 4.0).await;
    stop.cancel();
    check(&cluster, "namespaces/shop/reports/falco-report", [1, 3]);
    check(&cluster, "clusterreports/falco-cluster-report", [2, 4]);
    let report = cluster.with(|kept| kept.reports["clusterreports/falco-cluster-report"].clone());
    assert_eq!(
        (&report["apiVersion"], &report["kind"]),
        (&"openreports.io/v1alpha1".into(), &"ClusterReport".into())
    );
    let result = &report["results"][0];
    assert_eq!((&result["policy"], &result["rule"]), (&"syscall".into(), &"Sensitive file".into()));
}

fn check(cluster: &Cluster, place: &str, sequences: impl IntoIterator<Item = u64>) {
    let (texts, ends) = (cluster.texts(place), ends(sequences));
    assert_eq!(texts.len(), ends.len(), "{place}");
    for (text, end) in texts.iter().zip(&ends) {
        assert!(text.ends_with(end), "{place}: {text}, not {end}");
    }
}

#[tokio::test]
async fn each_namespace_has_its_alerts_in_order_in_few_writes() {
    let (cluster, log) = (Cluster::start().await, Log::default());
    for sequence in 1..=1500 {
        let namespace = ["", "shop", "bank"][usize::try_from(sequence % 3).unwrap()];
        log.push(of(namespace, sequence, 4));
    }
    let (_running, stop, registry) = log.start(&section(&cluster.kubeconfig(), ""));
    wait_for_metric(&registry, &counted("ok"), 1500.0).await;
    stop.cancel();
    check(&cluster, ALL, (1..=500).map(|number| number * 3));
    check(&cluster, SHOP, (0..500).map(|number| number * 3 + 1));
    check(&cluster, BANK, (0..500).map(|number| number * 3 + 2));
    let (report, writes) = cluster.with(|kept| (kept.reports[SHOP].clone(), kept.writes));
    assert!(writes <= 30, "{writes}");
    assert_eq!(report["summary"]["warn"], 500);
    assert_eq!(report["results"][0]["resources"][0]["name"], "web-1");
    assert_eq!(report["results"][0]["timestamp"]["seconds"], 1_718_200_000);
    let ids: BTreeSet<&str> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["properties"]["uuid"].as_str())
        .collect();
    assert_eq!(ids.len(), 500);
}

#[tokio::test]
async fn what_others_write_at_the_same_time_is_kept() {
    let (cluster, log) = (Cluster::start().await, Log::default());
    let (_running, stop, registry) = log.start(&section(&cluster.kubeconfig(), ""));
    log.push(of("shop", 1, 4));
    wait_for_metric(&registry, &counted("ok"), 1.0).await;
    // More often than it is read anew in one attempt.
    cluster.with(|kept| kept.rivals = 7);
    log.push(of("shop", 2, 4));
    wait_for_metric(&registry, &counted("ok"), 2.0).await;
    stop.cancel();
    check(&cluster, SHOP, 1..=2);
    let report = cluster.with(|kept| kept.reports[SHOP].clone());
    assert!(report["metadata"]["labels"]["rival"].is_string(), "{report}");
    assert_eq!(report["metadata"]["labels"]["app.kubernetes.io/managed-by"], "cadge");
}

#[tokio::test]
async fn what_was_written_though_it_was_not_answered_is_not_there_twice() {
    let (cluster, log) = (Cluster::start().await, Log::default());
    log.push(of("shop", 1, 4));
    log.fail(2);
    let (_running, stop, registry) = log.start(&section(&cluster.kubeconfig(), ""));
    // The log could not keep its place: the alert comes again.
    wait_for_metric(&registry, &counted("ok"), 3.0).await;
    stop.cancel();
    check(&cluster, SHOP, 1..=1);
}

#[tokio::test]
async fn a_namespace_that_is_gone_loses_no_alert() {
    for (more, shop, all) in [
        ("", &[4][..], &[1, 2, 3, 5][..]),
        ("  falconamespace: shop\n", &[1, 2, 4], &[3, 5]),
        ("  falconamespace: gone\n", &[4], &[1, 2, 3, 5]),
    ] {
        let (cluster, log) = (Cluster::start().await, Log::default());
        cluster.with(|kept| kept.ending.insert("bank"));
        for (sequence, namespace) in (1..).zip(["gone", "bank", "", "shop", "NOT/ONE"]) {
            log.push(of(namespace, sequence, 4));
        }
        let (_running, stop, registry) = log.start(&section(&cluster.kubeconfig(), more));
        wait_for_metric(&registry, &counted("ok"), 5.0).await;
        stop.cancel();
        check(&cluster, SHOP, shop.iter().copied());
        check(&cluster, ALL, all.iter().copied());
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_set_up_is_waited_for() {
    let (cluster, log) = (Cluster::start().await, Log::default());
    cluster.with(|kept| kept.has_definitions = false);
    std::fs::write(cluster.dir.path().join("token"), "an old one").unwrap();
    let dead = DeadLetters::open(None, 10).unwrap();
    let yaml = section(&cluster.kubeconfig(), "  maxattempts: 0\n");
    let (running, stop, registry) = log.start_with(&yaml, dead.clone());
    log.push(of("shop", 1, 4));
    fails(&running, "401 Unauthorized: why: Unauthorized").await;
    // A cluster renews it, in the same file.
    std::fs::write(cluster.dir.path().join("token"), super::cluster::TOKEN).unwrap();
    fails(&running, "install their definitions").await;
    cluster.with(|kept| (kept.has_definitions, kept.failures) = (true, vec![503, 429, 500]));
    wait_for_metric(&registry, &counted("ok"), 1.0).await;
    stop.cancel();
    check(&cluster, SHOP, [1]);
    assert!(dead.list(None, 0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn old_or_less_severe_results_make_room() {
    for (more, expected) in
        [("", (41..=50).collect::<Vec<u64>>()), ("  prunebypriority: true\n", (1..=10).collect())]
    {
        let (cluster, log) = (Cluster::start().await, Log::default());
        for sequence in 1..=50 {
            log.push(of("shop", sequence, if sequence <= 10 { 2 } else { 5 }));
        }
        let yaml = section(&cluster.kubeconfig(), &format!("  maxevents: 10\n{more}"));
        let (_running, stop, registry) = log.start(&yaml);
        wait_for_metric(&registry, &counted("ok"), 50.0).await;
        stop.cancel();
        check(&cluster, SHOP, expected);
        let pruned =
            cluster.with(|kept| kept.reports[SHOP]["metadata"]["annotations"]["cadge/pruned"].clone());
        assert_eq!(pruned, "40");
    }
}
