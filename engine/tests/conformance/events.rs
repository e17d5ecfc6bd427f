//! The event table: every event that is the end of a system call, and its arguments.

use cadge_engine::EventType;
use serde_json::Value;

use super::report::{Report, read_file, same};

/// Flags of events that nothing makes any more.
const OLD: &[&str] = &["EF_OLD_VERSION", "EF_UNUSED"];

#[test]
fn event_table() {
    let Some(file) = read_file("evttable.json") else { return };
    let mut report = Report::new("event_table");
    for (code, event) in file.as_object().unwrap() {
        let flags = event[2].as_str().unwrap();
        if !code.ends_with("_X") {
            report.not_applicable("no end of a system call");
            continue;
        }
        if OLD.iter().any(|old| flags.contains(old)) {
            report.not_applicable("nothing makes it any more");
            continue;
        }
        let name = event[0].as_str().unwrap();
        let expected: Vec<&str> = event[3].as_array().unwrap().iter().map(name_of).collect();
        let have = EventType::from_name(name).map(|kind| kind.info().args.to_vec());
        report.case(code, same(&have, &Some(expected)));
    }
    report.finish();
}

fn name_of(parameter: &Value) -> &str {
    parameter[0].as_str().unwrap()
}
