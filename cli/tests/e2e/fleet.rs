//! The state of the fleet, as an admin asks for it, and as everybody else may not.

use crate::support::{Site, cadge, stderr, stdout, wait_for};
use crate::synthetic::Sensor;

#[test]
fn the_status_is_a_table_for_people_and_json_for_machines() {
    let site = Site::new("");
    let _hub = site.hub();
    let socket = site.path("cadge.sock");
    let mut sensor = Sensor::connect(&socket);
    sensor.send_up_to(10);
    let status = |flags: &[&str]| {
        let output = cadge().args(["hub", "status", "--socket"]).arg(&socket).args(flags).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    let json = wait_for("exporter without a lag", || {
        let json: serde_json::Value = serde_json::from_str(&status(&["--json"])).unwrap();
        (json["consumers"][0]["lag"] == 0).then_some(json)
    });
    assert_eq!((&json["log"]["head"], &json["sensors"][0]["acknowledged"]), (&10.into(), &10.into()));
    let text = status(&[]);
    for expected in ["SENSOR", "CONSUMER", "exporter", "log sqlite"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let sensor = text.lines().find(|line| line.starts_with("synthetic")).unwrap();
    assert!(sensor.contains(" up "), "{sensor}");
    assert!(!text.contains('\x1b'), "no colour but on a terminal");
}

#[test]
fn the_status_is_for_admins() {
    let site = Site::new("");
    let _hub = site.hub();
    for name in ["consumer", "sensor"] {
        let output = cadge().args(["hub", "status"]).args(site.client(name)).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = stderr(&output);
        assert!(text.contains("permission denied") && text.contains("role admin"), "{text}");
    }
}
