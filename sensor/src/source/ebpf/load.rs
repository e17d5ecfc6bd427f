//! Loads the object into the kernel and attaches its programs.

use std::collections::BTreeMap;
use std::fs::File;

use aya::maps::{Array, MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, Iter, Program};
use aya::{Btf, Ebpf, EbpfLoader};
use cadge_engine::EventType;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::super::{SourceError, SourceSettings};
use super::rings::Rings;
use super::{calls, destinations, hooks, uring};

/// What clang made of `bpf/`.
pub(super) static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/cadge.bpf.o"));

/// The programs that are attached, and to what.
const TRACEPOINTS: &[(&str, &str)] = &[
    ("process_fork", "sched_process_fork"),
    ("process_exec", "sched_process_exec"),
    ("process_exit", "sched_process_exit"),
    ("process_rename", "task_rename"),
    ("process_moved", "cgroup_attach_task"),
    ("sys_exit", "sys_exit"),
];

/// The one that only some calls need: it costs all others some nanoseconds.
const AT_ENTER: (&str, &str) = ("sys_enter", "sys_enter");

/// `enum cadge_counter`.
const COUNTERS: &[&str] = &[
    "events_total{class=\"critical\"}",
    "events_total{class=\"bulk\"}",
    "dropped_total{class=\"critical\",cause=\"ring_full\"}",
    "dropped_total{class=\"bulk\",cause=\"ring_full\"}",
    "truncated_total",
    "dropped_total{class=\"critical\",cause=\"io_uring_full\"}",
];

/// Lines of the kernel's explanation that are shown.
const VERIFIER_LINES_MAX: usize = 12;

/// What is in the kernel. Dropping it takes it out.
pub(super) struct Loaded {
    ebpf: Ebpf,
    btf: Btf,
    counters: PerCpuArray<MapData, u64>,
    pub(super) rings: Rings,
}

fn failed(what: &str, error: &dyn std::error::Error) -> SourceError {
    let mut problem = format!("{what}: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        problem.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    // A program that the kernel refuses comes with thousands of lines; the reason is in the last ones.
    let lines: Vec<&str> = problem.lines().collect();
    if lines.len() > VERIFIER_LINES_MAX {
        let tail = &lines[lines.len() - VERIFIER_LINES_MAX..];
        problem = format!("{what}: […]\n{}", tail.join("\n"));
    }
    let advice = "`cadge sensor --check` lists what the sensor needs of the kernel".to_owned();
    SourceError { source_name: "ebpf", problem, advice }
}

pub(super) fn load(settings: &SourceSettings) -> Result<Loaded, SourceError> {
    // Before 5.11 maps count as locked memory. Where the limit can't be raised it may still do.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    let btf = Btf::from_sys_fs().map_err(|error| failed("the kernel's BTF can't be read", &error))?;
    let own_pid = std::process::id();
    let mut ebpf = EbpfLoader::new()
        .btf(Some(&btf))
        .override_global("own_pid", &own_pid, true)
        .override_global("env_wanted", &u32::from(settings.environment), true)
        .map_max_entries("critical", settings.critical_ring_bytes)
        .map_max_entries("bulk", settings.bulk_ring_bytes)
        .load(OBJECT)
        .map_err(|error| failed("the kernel refused the maps", &error))?;
    let needs = write_plans(&mut ebpf, settings)?;
    for (name, target) in TRACEPOINTS.iter().chain(needs.at_enter.then_some(&AT_ENTER)) {
        let program = tracepoint(&mut ebpf, name)?;
        program
            .load(target, &btf)
            .map_err(|error| failed(&format!("the kernel refused `{name}`"), &error))?;
        program.attach().map_err(|error| failed(&format!("`{name}` can't be attached"), &error))?;
    }
    if let Err(refused) = hooks::attach(&mut ebpf, &btf, &settings.event_types) {
        tracing::info!(%refused, "paths of calls that return no descriptor are those that the caller's memory had");
    }
    if let Err(refused) = destinations::attach(&mut ebpf, &settings.event_types) {
        tracing::info!(%refused, "where datagrams go to is what the caller's memory had");
    }
    if needs.operations
        && let Err(refused) = uring::attach(&mut ebpf, &btf)
    {
        tracing::warn!(refused, "what is done through io_urings is not seen, or not whole");
    }
    let rings = Rings::new(
        RingBuf::try_from(take_map(&mut ebpf, "critical")?)
            .map_err(|error| failed("the critical ring", &error))?,
        RingBuf::try_from(take_map(&mut ebpf, "bulk")?).map_err(|error| failed("the bulk ring", &error))?,
        Array::try_from(take_map(&mut ebpf, "reader_asleep")?)
            .map_err(|error| failed("the reader's flag", &error))?,
    );
    let counters = PerCpuArray::try_from(take_map(&mut ebpf, "counters")?)
        .map_err(|error| failed("the counters", &error))?;
    Ok(Loaded { ebpf, btf, counters, rings })
}

/// Whether the kernel takes programs in its own checks; if not, what it says.
pub(super) fn try_hooks() -> Result<(), String> {
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    let btf = Btf::from_sys_fs().map_err(|error| error.to_string())?;
    let mut ebpf = EbpfLoader::new().btf(Some(&btf)).load(OBJECT).map_err(|error| error.to_string())?;
    hooks::attach(&mut ebpf, &btf, EventType::from_name("unlink").as_slice())
}

/// Whether the kernel takes programs that see where datagrams go to; if not, what it says.
pub(super) fn try_destinations() -> Result<(), String> {
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    let btf = Btf::from_sys_fs().map_err(|error| error.to_string())?;
    let mut ebpf = EbpfLoader::new().btf(Some(&btf)).load(OBJECT).map_err(|error| error.to_string())?;
    destinations::attach(&mut ebpf, EventType::from_name("sendto").as_slice())
}

/// Whether the kernel tells of operations of `io_uring`s; if not, what it says.
pub(super) fn try_operations() -> Result<(), String> {
    let btf = Btf::from_sys_fs().map_err(|error| error.to_string())?;
    let mut ebpf = EbpfLoader::new().btf(Some(&btf)).load(OBJECT).map_err(|error| error.to_string())?;
    uring::attach(&mut ebpf, &btf)
}

/// What else there is to do for what is wanted.
struct Needs {
    /// A call is looked at when it begins.
    at_enter: bool,
    /// An `io_uring` can do the work of a call.
    operations: bool,
}

/// Tells the kernel which calls are wanted, and what to take of each.
fn write_plans(ebpf: &mut Ebpf, settings: &SourceSettings) -> Result<Needs, SourceError> {
    let plans = ebpf.map_mut("plans").ok_or_else(|| missing("plans"))?;
    let mut plans = Array::<_, [u8; calls::PLAN_BYTES]>::try_from(plans)
        .map_err(|error| failed("the table of plans", &error))?;
    let mut rows: BTreeMap<u32, u32> = BTreeMap::new();
    let mut at_enter = false;
    for plan in calls::plans(&settings.event_types) {
        at_enter |= plan.at_enter;
        plans
            .set(plan.row.into(), plan.bytes, 0)
            .map_err(|error| failed("a plan can't be written", &error))?;
        for number in plan.native {
            *rows.entry(number).or_default() |= u32::from(plan.row);
        }
        for number in plan.compat {
            *rows.entry(number).or_default() |= u32::from(plan.row) << 16;
        }
    }
    for (number, row) in calls::compat::multiplexers(|parts| rows.range(parts).next().is_some()) {
        *rows.entry(number).or_default() |= u32::from(row) << 16;
    }
    let wanted = ebpf.map_mut("wanted").ok_or_else(|| missing("wanted"))?;
    let mut wanted =
        Array::<_, u32>::try_from(wanted).map_err(|error| failed("the table of system calls", &error))?;
    let operations = rows.keys().any(|number| calls::uring::is_operation(*number));
    for (number, row) in rows {
        wanted.set(number, row, 0).map_err(|error| failed("a system call can't be written", &error))?;
    }
    Ok(Needs { at_enter, operations })
}

fn take_map(ebpf: &mut Ebpf, name: &str) -> Result<aya::maps::Map, SourceError> {
    ebpf.take_map(name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> SourceError {
    SourceError {
        source_name: "ebpf",
        problem: format!("the object has no `{name}`"),
        advice: "the binary was built from mixed sources: build it again".to_owned(),
    }
}

fn tracepoint<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut BtfTracePoint, SourceError> {
    let program: &mut Program = ebpf.program_mut(name).ok_or_else(|| missing(name))?;
    program.try_into().map_err(|_| missing(name))
}

impl Loaded {
    /// The task iterator's output: a record for each process.
    pub(super) fn snapshot(&mut self) -> Result<File, SourceError> {
        let program: &mut Program = self.ebpf.program_mut("snapshot").ok_or_else(|| missing("snapshot"))?;
        let program: &mut Iter = program.try_into().map_err(|_| missing("snapshot"))?;
        program.load("task", &self.btf).map_err(|error| failed("the kernel refused `snapshot`", &error))?;
        let link = program.attach().map_err(|error| failed("`snapshot` can't be attached", &error))?;
        let link = program.take_link(link).map_err(|error| failed("snapshot", &error))?;
        link.into_file().map_err(|error| failed("snapshot", &error))
    }

    /// The kernel's counters, summed over all CPUs.
    pub(super) fn counters(&self) -> Vec<(String, u64)> {
        (0_u32..)
            .zip(COUNTERS)
            .map(|(index, name)| {
                let sum = self.counters.get(&index, 0).map(|values| values.iter().sum()).unwrap_or_default();
                ((*name).to_owned(), sum)
            })
            .collect()
    }
}
