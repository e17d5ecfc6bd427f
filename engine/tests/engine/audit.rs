//! Events that are JSON objects: the audit log of Kubernetes.

use cadge_engine::fields::K8S_AUDIT;
use cadge_engine::{Given, Scratch};
use serde_json::json;

use super::build::ruleset;

const RULES: &str = "
- rule: Exec
  desc: d
  source: k8s_audit
  condition: ka.verb = create and ka.target.subresource in (exec, attach) and ka.uri.param[command] = /bin/sh
  output: user=%ka.user.name pod=%ka.target.name groups=%ka.user.groups
  priority: NOTICE
- rule: Privileged
  desc: d
  source: k8s_audit
  condition: >
    ka.verb = create and ka.req.pod.containers.privileged intersects (true)
    and not ka.req.pod.containers.image.repository in (registry.local:5000/tool)
  output: images=%ka.req.pod.containers.image first=%ka.req.pod.containers.image[0] user=%ka.req.pod.containers.eff_run_as_user
  priority: WARNING
- rule: Call
  desc: d
  condition: evt.type = execve
  output: o
  priority: NOTICE
";

fn alerts(object: serde_json::Value) -> Vec<(String, String)> {
    let rules = ruleset(RULES);
    let mut alerts = Vec::new();
    Given::object(object, K8S_AUDIT)
        .with(|event| rules.evaluate(event, &mut Scratch::default(), &mut alerts));
    alerts.into_iter().map(|alert| (alert.rule.to_string(), alert.message)).collect()
}

fn pod(image: &str) -> serde_json::Value {
    let container = json!({"image": image, "securityContext": {"privileged": true, "runAsUser": 7}});
    let spec = json!({"containers": [{"image": "registry.local:5000/tool"}, container]});
    json!({"verb": "create", "objectRef": {"resource": "pods"}, "requestObject": {"spec": spec}})
}

#[test]
fn an_exec_is_seen() {
    let event = json!({
        "verb": "create",
        "user": {"username": "ann", "groups": ["dev", "ops"]},
        "requestURI": "/api/v1/namespaces/a/pods/p/exec?command=%2Fbin%2Fsh&stdin=true",
        "objectRef": {"resource": "pods", "subresource": "exec", "name": "p"},
    });
    assert_eq!(alerts(event), [("Exec".to_owned(), "user=ann pod=p groups=(dev,ops)".to_owned())]);
}

#[test]
fn lists_are_compared_as_a_whole() {
    let message = "images=(registry.local:5000/tool,evil/x:1) first=(registry.local:5000/tool) user=(0,7)";
    assert_eq!(alerts(pod("evil/x:1")), [("Privileged".to_owned(), message.to_owned())]);
    assert_eq!(alerts(pod("registry.local:5000/tool:2")), []);
    assert_eq!(alerts(json!({"verb": "delete"})), []);
}
