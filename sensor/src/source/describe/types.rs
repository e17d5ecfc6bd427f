//! The arguments of calls have the types and the lists of names that Falco's event table gives them.

use std::mem::{offset_of, size_of};
use std::path::PathBuf;

use cadge_engine::flags::*;
use cadge_engine::{ArgValue, Event};
use serde_json::Value;

use super::super::SourceSettings;
use super::super::ebpf::record::{CallPart, Header, VERSION};
use super::{Describer, calls};

/// Falco's lists of names, and ours.
const LISTS: &[(&str, &Names)] = &[
    ("access_flags", &ACCESS_MODE),
    ("bpf_commands", &BPF_COMMAND),
    ("clone_flags", &CLONE),
    ("close_range_flags", &CLOSE_RANGE),
    ("delete_module_flags", &DELETE_MODULE),
    ("epoll_create1_flags", &EPOLL_CREATE1),
    ("fchownat_flags", &FCHOWNAT),
    ("fcntl_commands", &FCNTL_COMMAND),
    ("finit_module_flags", &FINIT_MODULE),
    ("flock_flags", &FLOCK_OPERATION),
    ("fsconfig_cmds", &FSCONFIG_COMMAND),
    ("io_uring_enter_flags", &IO_URING_ENTER),
    ("io_uring_register_opcodes", &IO_URING_REGISTER_OPCODE),
    ("io_uring_setup_feats", &IO_URING_FEATURE),
    ("io_uring_setup_flags", &IO_URING_SETUP),
    ("keyctl_operations", &KEYCTL_OPERATION),
    ("linkat_flags", &LINKAT),
    ("memfd_create_flags", &MEMFD_CREATE),
    ("mmap_flags", &MAP),
    ("mount_flags", &MOUNT),
    ("openat2_flags", &OPENAT2_RESOLVE),
    ("pidfd_open_flags", &PIDFD_OPEN),
    ("prctl_options", &PRCTL_OPTION),
    ("prot_flags", &MAP_PROT),
    ("ptrace_requests", &PTRACE_REQUEST),
    ("quotactl_dqi_flags", &QUOTACTL_FLAGS),
    ("renameat2_flags", &RENAMEAT2),
    ("rlimit_resources", &RLIMIT_RESOURCE),
    ("shutdown_how", &SHUTDOWN_HOW),
    ("socket_families", &SOCKET_DOMAIN),
    ("sockopt_levels", &SOCKOPT_LEVEL),
    ("sockopt_options", &SOCKOPT_OPTION),
    ("splice_flags", &SPLICE),
    ("umount_flags", &UMOUNT2),
    ("unlinkat_flags", &UNLINKAT),
];

/// Arguments that tell more than Falco's do: an error's name, a resolved path. And numbers that its lists take
/// for bits: quotas have one command, not several.
const OTHERWISE: &[(&str, &str)] = &[
    ("chdir", "path"),
    ("process_vm_readv", "res"),
    ("process_vm_writev", "res"),
    ("quotactl", "cmd"),
    ("quotactl", "quota_fmt"),
    ("quotactl", "quota_fmt_out"),
    ("quotactl", "type"),
    ("setsid", "res"),
];

/// Calls that answer a descriptor only in some cases.
const BARE: &[&str] = &["fcntl"];

/// A call of a row, of which nothing was taken and all numbers are 0.
fn record(row: u16) -> Vec<u8> {
    let (head, call) = (size_of::<Header>(), size_of::<CallPart>());
    let mut bytes = vec![0; head + call];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(offset_of!(Header, version), &VERSION.to_ne_bytes());
    put(offset_of!(Header, kind), &5_u16.to_ne_bytes());
    put(offset_of!(Header, size), &u32::try_from(head + call).unwrap().to_ne_bytes());
    put(head + offset_of!(CallPart, call), &row.to_ne_bytes());
    bytes
}

/// Whether a value has the type. What is missing has any.
fn fits(value: ArgValue<'_>, ty: &str, list: &str) -> bool {
    let names = LISTS.iter().find(|(name, _)| *name == list).map(|(_, names)| *names);
    let has = |of: &Names| names.is_some_and(|names| std::ptr::eq(names, of));
    match value {
        ArgValue::Missing => true,
        ArgValue::Flags { names, .. } => ty.starts_with("PT_FLAGS") && has(names) || list == "file_flags",
        ArgValue::OpenFlags(_) => ["file_flags", "creat_flags"].contains(&list),
        ArgValue::Enum { names, .. } => ty.starts_with("PT_ENUMFLAGS") && has(names),
        ArgValue::Mode(_) => ty == "PT_MODE" || list.is_empty() && ty == "PT_UINT32",
        ArgValue::Signal(_) => ty == "PT_SIGTYPE",
        ArgValue::Uid(..) => ty == "PT_UID",
        ArgValue::Gid(..) => ["PT_GID", "PT_UID"].contains(&ty),
        ArgValue::Pid(..) => ty == "PT_PID",
        ArgValue::Errno(_) => ty == "PT_ERRNO",
        ArgValue::Fd { .. } | ArgValue::Socket { .. } => ty == "PT_FD",
        ArgValue::Path { .. } => ["PT_FSPATH", "PT_FSRELPATH"].contains(&ty),
        ArgValue::Bytes(_) => ["PT_BYTEBUF", "PT_DYN"].contains(&ty),
        ArgValue::Text(_) => {
            ["PT_CHARBUF", "PT_BYTEBUF", "PT_SOCKTUPLE", "PT_SOCKADDR", "PT_DYN"].contains(&ty)
        }
        ArgValue::Int(_) | ArgValue::Uint(_) => ty.contains("INT") || ["PT_DYN", "PT_RELTIME"].contains(&ty),
        _ => false,
    }
}

#[test]
fn arguments_have_falcos_types() {
    let compat = std::env::var_os("CADGE_COMPAT").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compat")),
        PathBuf::from,
    );
    let Ok(table) = std::fs::read_to_string(compat.join("evttable.json")) else {
        eprintln!("SKIPPED arguments_have_falcos_types: no evttable.json in {}", compat.display());
        return;
    };
    let table: Value = serde_json::from_str(&table).unwrap();
    let is_made =
        |event: &Value| !["OLD", "UNUSED"].iter().any(|word| event[2].as_str().unwrap().contains(word));
    let ends =
        table.as_object().unwrap().iter().filter(|(code, event)| code.ends_with("_X") && is_made(event));
    let ends: Vec<&Value> = ends.map(|(_, event)| event).collect();
    let mut describer = Describer::new(&SourceSettings::default());
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for row in 1.. {
        let Some((_, kind)) = calls::row(row) else { break };
        let Some(falco) = ends.iter().find(|event| event[0] == kind.name()) else { continue };
        describer.take(&record(row), &mut |event: &Event<'_>| {
            for (arg, falco) in event.args.iter().zip(falco[3].as_array().unwrap()) {
                let (ty, list) = (falco[1].as_str().unwrap(), falco[3].as_str().unwrap());
                checked += 1;
                let is_otherwise = OTHERWISE.contains(&(kind.name(), arg.name))
                    || arg.name == "res" && BARE.contains(&kind.name());
                if fits(arg.value, ty, list) == is_otherwise {
                    wrong.push(format!(
                        "{} {}: {ty} {list}, not {:?}",
                        kind.name(),
                        arg.name,
                        short(arg.value)
                    ));
                }
            }
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 300, "{checked}");
}

/// Without a list of names.
fn short(value: ArgValue<'_>) -> String {
    let mut text = format!("{value:?}");
    text.truncate(60);
    text
}
