//! What rules can ask and the live source does not answer, and why. Everything else of the event table and
//! of the fields it does: a test asks the stock rules' questions on the running kernel.

use std::collections::BTreeSet;

use cadge_engine::fields::SYSCALL;
use cadge_engine::{EventType, Rule, Ruleset};

use super::ebpf::calls;

/// Names that are not answered for the same reason.
#[derive(Clone, Copy, Debug)]
pub struct Unanswered {
    /// Kinds of event, or fields.
    pub names: &'static [&'static str],
    /// Why.
    pub why: &'static str,
}

const fn because(why: &'static str, names: &'static [&'static str]) -> Unanswered {
    Unanswered { names, why }
}

/// Kinds of event that never come.
pub const EVENTS: &[Unanswered] = &[
    because(
        "files are told when they are opened: each read and write of one is too often to be told",
        &[
            "fstat",
            "fstat64",
            "getdents",
            "getdents64",
            "llseek",
            "lseek",
            "pread",
            "preadv",
            "pwrite",
            "pwritev",
            "read",
            "readv",
            "write",
            "writev",
        ],
    ),
    because(
        "who looks at names and does not open them is too often to be told",
        &["getcwd", "lstat", "lstat64", "newfstatat", "stat", "stat64"],
    ),
    because(
        "waiting is too often to be told",
        &["epoll_wait", "futex", "nanosleep", "poll", "ppoll", "select", "switch"],
    ),
    because(
        "memory that cannot be executed is nobody's but the process's",
        &["brk", "mlock", "mlock2", "mlockall", "munlock", "munlockall", "munmap"],
    ),
    because(
        "a process asks about itself",
        &["getegid", "geteuid", "getgid", "getresgid", "getresuid", "getrlimit", "getuid"],
    ),
    because("semaphores carry nothing that a rule could ask about", &["semctl", "semget", "semop"]),
    because("signals are told when they are sent", &["signaldeliver", "signalfd", "signalfd4"]),
    because(
        "32-bit programs call so what others call otherwise: it is told as mmap, recvfrom, sendto, umount2 and what \
         the two multiplexed calls stand for",
        &["ipc", "mmap2", "recv", "send", "socketcall", "umount"],
    ),
    because(
        "it is Falco's own, about itself or its plugins",
        &[
            "asyncevent",
            "container",
            "container_removed",
            "cpu_hotplug",
            "drop",
            "groupadded",
            "groupdeleted",
            "infra",
            "k8s",
            "mesos",
            "notification",
            "page_fault",
            "pluginevent",
            "procinfo",
            "scapevent",
            "syscall",
            "tracer",
            "useradded",
            "userdeleted",
        ],
    ),
];

/// Fields that never have a value.
pub const FIELDS: &[Unanswered] = &[
    because(
        "an event is evaluated for itself: none is compared with the one before",
        &[
            "evt.around",
            "evt.deltatime",
            "evt.deltatime.ns",
            "evt.deltatime.s",
            "evt.reltime",
            "evt.reltime.ns",
            "evt.reltime.s",
        ],
    ),
    because(
        "what comes before a call is not an event of its own: there is nothing to measure from",
        &["evt.latency.human"],
    ),
    because("alerts have their event's time, whenever they are printed", &["evt.outputtime"]),
    because("it is a plugin's, and there are none", &["evt.asynctype", "evt.plugininfo", "evt.pluginname"]),
    because(
        "poll and select are called too often to be told",
        &["fdlist.cips", "fdlist.cports", "fdlist.names", "fdlist.nums", "fdlist.sips", "fdlist.sports"],
    ),
    because(
        "no table of descriptors is kept: what one refers to is read from the kernel when it is used",
        &[
            "fd.types",
            "proc.fdopencount",
            "proc.fdusage",
            "proc.stderr.name",
            "proc.stderr.type",
            "proc.stdin.name",
            "proc.stdin.type",
            "proc.stdout.name",
            "proc.stdout.type",
        ],
    ),
    because(
        "how busy a process is changes without any event",
        &[
            "proc.nchilds",
            "proc.nthreads",
            "thread.cpu",
            "thread.cpu.system",
            "thread.cpu.user",
            "thread.exectime",
            "thread.totexectime",
        ],
    ),
    because(
        "no container runtime says which process is a probe",
        &[
            "proc.is_container_healthcheck",
            "proc.is_container_liveness_probe",
            "proc.is_container_readiness_probe",
        ],
    ),
];

/// Kinds of event that are no row of the list of calls.
const PROCESSES: &[&str] = &["execve", "execveat", "clone", "procexit", "cgroup_attach"];

/// A rule for more kinds of event than this names none of them.
const KINDS_MAX: usize = 64;

/// Whether the live source tells events of a kind.
pub fn tells(kind: EventType) -> bool {
    is_of_process(kind) || calls::is_told(kind)
}

/// Whether it is told of a process, not of a call.
pub(crate) fn is_of_process(kind: EventType) -> bool {
    PROCESSES.contains(&kind.name())
}

/// Whether events of a kind are told with all that they have, not only with what the call returned.
pub fn tells_all(kind: EventType) -> bool {
    is_of_process(kind) || calls::is_listed(kind)
}

/// Whether some rule asks for an environment: else none is taken.
pub fn wants_environment(ruleset: &Ruleset) -> bool {
    let rules = ruleset.rules().iter().filter(|rule| rule.is_evaluated);
    let mut fields = rules.flat_map(|rule| rule.condition_fields().into_iter().chain(rule.output_fields()));
    fields.any(|field| ENVIRONMENT.iter().any(|name| field.trim_start_matches('%').starts_with(name)))
}

/// What an environment is in: how the names of these fields begin.
const ENVIRONMENT: &[&str] = &[
    "proc.env",
    "proc.aenv",
    "evt.arg.env",
    "evt.arg[",
    "evt.args",
    "evt.rawarg.env",
    "evt.rawarg[",
    "evt.info",
];

/// The kinds of event that rules want of the live source. A rule that names no kind wants those that are told
/// with all that they have: the others are mostly calls that every program makes all the time.
pub fn wanted(ruleset: &Ruleset) -> Vec<EventType> {
    let mut wanted = BTreeSet::new();
    for rule in ruleset.rules().iter().filter(|rule| rule.is_evaluated && rule.source.as_ref() == SYSCALL) {
        let kinds: Vec<EventType> = rule.event_types().collect();
        let is_named = kinds.len() <= KINDS_MAX;
        wanted.extend(kinds.into_iter().filter(|kind| is_named || tells_all(*kind)));
    }
    wanted.into_iter().collect()
}

/// Why events of a kind never come; `None` if they do, or if there is no such call on any kernel.
pub fn why_not_told(kind: EventType) -> Option<&'static str> {
    why(EVENTS, kind.name())
}

/// Why a field never has a value; `None` if it can have one.
pub fn why_missing(field: &str) -> Option<&'static str> {
    why(FIELDS, field)
}

/// What a rule asks that is never answered, and why: kinds of event, then fields. Kinds that the rule does
/// not name, as with `evt.type != open`, are none of its questions.
pub fn gaps(rule: &Rule) -> Vec<(String, &'static str)> {
    let mut gaps = Vec::new();
    if rule.source.as_ref() != SYSCALL {
        return gaps;
    }
    let kinds: Vec<EventType> = rule.event_types().collect();
    let untold = kinds.iter().filter(|kind| kinds.len() <= KINDS_MAX && kind.is_call() && !tells(**kind));
    gaps.extend(untold.map(|kind| {
        let name = format!("evt.type = {}", kind.name());
        (name, why_not_told(*kind).unwrap_or("it is not among the calls that are watched"))
    }));
    for field in rule.condition_fields().union(&rule.output_fields()) {
        let name = field.split('[').next().unwrap_or_default();
        gaps.extend(why_missing(name).map(|why| (field.clone(), why)));
    }
    gaps
}

fn why(table: &[Unanswered], name: &str) -> Option<&'static str> {
    table.iter().find(|row| row.names.contains(&name)).map(|row| row.why)
}

#[cfg(test)]
mod tests {
    use cadge_engine::fields::CLASSES;

    use super::*;

    #[test]
    fn environments_are_taken_for_rules_that_ask() {
        for (condition, output, wants) in [
            ("evt.type = execve", "%proc.cmdline %evt.arg.flags", false),
            ("evt.type = execve and proc.env[LD_PRELOAD] exists", "x", true),
            ("evt.type = execve", "%proc.aenv[HOME]", true),
            ("evt.type = execve and evt.arg.env contains x", "x", true),
        ] {
            let text = format!(
                "- rule: r\n  desc: d\n  condition: {condition}\n  output: '{output}'\n  priority: INFO\n"
            );
            let file = cadge_engine::RuleFile { name: "r.yaml", text: &text };
            let report = Ruleset::load(&[file], &cadge_engine::Settings::default());
            assert_eq!(wants_environment(&report.ruleset.unwrap()), wants, "{condition} {output}");
        }
    }

    #[test]
    fn what_is_told_has_no_reason_why_not() {
        for name in EVENTS.iter().flat_map(|row| row.names) {
            let kind = EventType::from_name(name).unwrap_or_else(|| panic!("no event type {name}"));
            assert!(!tells(kind), "`{name}` is told: take it out of the table");
        }
        let all: Vec<&str> = FIELDS.iter().chain(EVENTS).flat_map(|row| row.names).copied().collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a name is there twice");
    }

    #[test]
    fn what_is_not_told_has_a_reason() {
        let without: Vec<&str> = EventType::all()
            .filter(|kind| !tells(*kind) && why_not_told(*kind).is_none())
            .map(EventType::name)
            .collect();
        assert!(without.is_empty(), "neither told nor in the table: {without:?}");
    }

    #[test]
    fn a_field_that_nothing_fills_has_a_reason() {
        let classes = CLASSES.iter().filter(|class| class.source.is_empty() || class.source == SYSCALL);
        let fields: Vec<_> = classes.flat_map(|class| class.fields).collect();
        // What is deprecated says so itself.
        for field in fields.iter().filter(|field| !field.is_filled() && !field.is_deprecated) {
            assert!(why_missing(field.name).is_some(), "`{}` has no reason", field.name);
        }
        for name in FIELDS.iter().flat_map(|row| row.names) {
            assert!(fields.iter().any(|field| field.name == *name), "there is no field `{name}`");
        }
    }
}
