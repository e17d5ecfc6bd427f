//! Events per second on one core, with Cadge's own rules.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(missing_docs, reason = "a benchmark is no library")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cadge_engine::{
    Arg, ArgValue, Event, EventType, Fd, FdKind, L4Proto, Process, RuleFile, Ruleset, Scratch, Settings,
    flags,
};

const RULES: &str = include_str!("../../rules/cadge_rules.yaml");

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(1);

fn main() {
    let report = Ruleset::load(&[RuleFile { name: "cadge_rules.yaml", text: RULES }], &Settings::default());
    let ruleset = report.ruleset.expect("our own rules load");
    println!("engine rules: {}", ruleset.rules().len());
    println!("engine unique expressions: {}", ruleset.expressions());
    let open_read = (EventType::OPENAT, flags::O_RDONLY, "/usr/lib/x86_64-linux-gnu/libc.so.6");
    let open_write = (EventType::OPENAT, flags::O_WRONLY | flags::O_CREAT, "/var/log/app/current.log");
    let exec = (EventType::EXECVE, 0, "");
    let exit = (EventType::PROCEXIT, 0, "");
    for (name, mix) in [
        ("open for reading", vec![open_read]),
        ("open for writing", vec![open_write]),
        ("exec", vec![exec]),
        (
            "mix of 8 opens, exec, exit",
            vec![
                open_read, open_read, open_write, open_read, open_read, exec, open_read, open_write,
                open_read, exit,
            ],
        ),
    ] {
        println!("engine events/s per core, {name}: {:.0}", rate(&ruleset, &mix));
    }
}

fn rate(ruleset: &Ruleset, mix: &[(EventType, u32, &str)]) -> f64 {
    let processes = processes();
    let mut scratch = Scratch::default();
    let mut alerts = Vec::new();
    let start = Instant::now();
    let mut events = 0_u32;
    while start.elapsed() < SPAN {
        for _ in 0..1000 {
            for (kind, open_flags, path) in mix {
                let fd = fd(path.as_bytes());
                let args = [Arg { name: "flags", value: ArgValue::OpenFlags(*open_flags) }];
                let event = Event {
                    num: u64::from(events),
                    time_ns: 1,
                    kind: *kind,
                    cpu: 0,
                    tid: 30,
                    result: Some(3),
                    args: &args,
                    process: processes.get(&30),
                    processes: &processes,
                    fd: if path.is_empty() { None } else { Some(&fd) },
                    hostname: "host",
                    source: "syscall",
                    json: None,
                };
                ruleset.evaluate(&event, &mut scratch, &mut alerts);
                events += 1;
            }
        }
    }
    assert!(alerts.is_empty(), "the events are ordinary ones");
    f64::from(events) / start.elapsed().as_secs_f64()
}

fn fd(path: &[u8]) -> Fd<'_> {
    Fd {
        num: 3,
        kind: FdKind::File,
        name: path,
        name_raw: path,
        client: None,
        server: None,
        client_is_local: true,
        l4proto: L4Proto::Unknown,
        connected: false,
        name_changed: false,
        dev: 1,
        ino: 1,
    }
}

fn processes() -> HashMap<i64, Process> {
    [(10, 0, "systemd"), (20, 10, "bash"), (30, 20, "python3")]
        .into_iter()
        .map(|(pid, ppid, name)| {
            let mut process = Process { pid, ppid, ..Process::default() };
            process.exe_path = format!("/usr/bin/{name}").into_bytes().into();
            process.set_argv(name.as_bytes(), format!("{name}\0-m\0server\0").as_bytes());
            (pid, process)
        })
        .collect()
}
