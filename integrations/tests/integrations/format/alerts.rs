//! Alerts to write: three by hand, and any.

use cadge_proto::Alert;
use cadge_proto::json::FieldKind;
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;

pub(crate) fn kinds(name: &str) -> FieldKind {
    match name {
        "evt.time" | "proc.pid" | "proc.ppid" | "proc.tty" | "user.uid" | "fd.sport" | "fd.cport" => {
            FieldKind::Number
        }
        "fd.is_server" => FieldKind::Bool,
        _ => FieldKind::Text,
    }
}

fn alert(sequence: u64, rule: &str, priority: i32, output: &str) -> Alert {
    Alert {
        time: Some(prost_types::Timestamp { seconds: 1_718_200_000, nanos: 123_456_789 }),
        priority,
        rule: rule.to_owned(),
        output: output.to_owned(),
        hostname: "node-1".to_owned(),
        source: "syscall".to_owned(),
        sensor: "s1".to_owned(),
        epoch: 7,
        sequence,
        ..Alert::default()
    }
}

fn with(mut alert: Alert, tags: &[&str], fields: &[(&str, &str)]) -> Alert {
    alert.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    alert.output_fields =
        fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    alert
}

/// A shell in a container; a file that is read on the host; what an attacker would write.
pub(crate) fn three() -> [(&'static str, Alert); 3] {
    let shell = with(
        alert(1, "Terminal shell in container", 5, "13:46:40.123456789: Notice A shell was spawned"),
        &["T1059", "container", "mitre_execution", "shell"],
        &[
            ("container.id", "3f9d0c1e2a7b"),
            ("container.image.repository", "docker.io/library/nginx"),
            ("container.image.tag", "1.27"),
            ("container.name", "nginx"),
            ("evt.time", "1718200000123456789"),
            ("evt.type", "execve"),
            ("k8s.ns.name", "default"),
            ("k8s.pod.name", "nginx-5d5"),
            ("proc.aname[2]", "runc"),
            ("proc.cmdline", "bash -il"),
            ("proc.exepath", "/usr/bin/bash"),
            ("proc.name", "bash"),
            ("proc.pname", "runc"),
            ("proc.tty", "34816"),
            ("user.name", "root"),
            ("user.uid", "0"),
        ],
    );
    let read = with(
        alert(2, "Read sensitive file", 4, "13:46:40.123456789: Warning Sensitive file opened"),
        &["T1003.008", "filesystem", "mitre_credential_access"],
        &[
            ("container.id", "host"),
            ("container.name", "host"),
            ("evt.type", "openat"),
            ("fd.name", "/etc/shadow"),
            ("fd.is_server", "false"),
            ("proc.cmdline", "cat /etc/shadow"),
            ("proc.name", "cat"),
            ("proc.pid", "4242"),
            ("proc.pname", "<NA>"),
            ("proc.ppid", "4200"),
            ("proc.tty", "<NA>"),
            ("user.name", "eve"),
        ],
    );
    let text = "a\nb|c=d\"e]f\\g<h>&😀\u{2028}\r\tü\u{1}%";
    let hostile = with(
        alert(u64::MAX, &format!("Rule {text}"), 0, &format!("Emergency {text}")),
        &["a b", "x,y", "mitre_nothing", "T1"],
        &[
            ("proc.cmdline", text),
            ("proc.name", text),
            ("fd.name", "10.0.0.1:40000->[::1]:443"),
            ("fd.cip", "10.0.0.1"),
            ("fd.cport", "40000"),
            ("fd.sip", "::1"),
            ("fd.sport", "443"),
            ("fd.l4proto", "tcp"),
            ("evt.arg", "not an object"),
            ("evt.arg.flags", "O_RDONLY"),
            ("proc.pid", "-1"),
            ("user.uid", "1e2"),
            (text, text),
        ],
    );
    [("shell", shell), ("read", read), ("hostile", hostile)]
}

/// Names that mean something to a format.
const NAMES: &[&str] = &[
    "proc.name",
    "proc.pid",
    "proc.ppid",
    "proc.pname",
    "proc.tty",
    "user.uid",
    "user.name",
    "fd.name",
    "fd.sip",
    "fd.sport",
    "fd.cip",
    "fd.cport",
    "fd.l4proto",
    "fd.is_server",
    "container.id",
    "container.name",
    "container.image.repository",
    "container.image.tag",
    "k8s.pod.name",
    "k8s.ns.name",
    "evt.type",
    "evt.time",
    "evt.arg",
    "evt.arg.flags",
    "rule",
    "proc.exepath",
    "k8s.pod.uid",
    "",
];
/// Texts that are something else for a kind of field, or are hard to write.
const TEXTS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "007",
    "1.50",
    "1e400",
    "18446744073709551615",
    "18446744073709551616",
    "9999999999999999999",
    "-9223372036854775808",
    "-9999999999999999999",
    "443",
    "70000",
    "true",
    "<NA>",
    "",
    "host",
    "/",
    "/etc/passwd",
    "10.0.0.1",
    "::1",
    "a=b|c\\",
    "x\r\ny",
];

/// Any alert: names and values that mean something to a format as often as others.
pub(crate) fn any_alert() -> impl Strategy<Value = Alert> {
    let text = || {
        prop_oneof![
            proptest::sample::select(TEXTS).prop_map(str::to_owned),
            any::<String>(),
            "[ -~\u{0}-\u{20}\u{2020}-\u{2030}\"\\\\<>&]{0,80}",
        ]
    };
    let name = prop_oneof![3 => proptest::sample::select(NAMES).prop_map(str::to_owned), 1 => text()];
    let tag = prop_oneof![
        text(),
        Just("mitre_execution".to_owned()),
        Just("T1059".to_owned()),
        Just("T1059.004".to_owned())
    ];
    let time = proptest::option::of((prop_oneof![0..4_000_000_000_i64, any::<i64>()], any::<i32>()));
    let numbers = (time, -1..10_i32, any::<u64>(), any::<u64>());
    let texts = (text(), text(), text(), text(), text());
    (numbers, texts, vec(tag, 0..4), hash_map(name, text(), 0..12)).prop_map(
        |(numbers, texts, tags, fields)| {
            let (time, priority, epoch, sequence) = numbers;
            let (rule, output, hostname, source, sensor) = texts;
            let time = time.map(|(seconds, nanos)| prost_types::Timestamp { seconds, nanos });
            let output_fields = fields.into_iter().collect();
            Alert {
                time,
                priority,
                rule,
                output,
                output_fields,
                hostname,
                tags,
                source,
                sensor,
                epoch,
                sequence,
                ..Alert::default()
            }
        },
    )
}
