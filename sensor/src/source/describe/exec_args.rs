//! The arguments of exec, in the order of the event table.

use cadge_engine::{Arg, ArgValue, Process};

use super::super::ebpf::record::ProcessPart;
use super::process::exe_marks;

/// Of a process that has just got another program; `asked` is the path that the caller gave.
pub(super) fn exec_args<'a>(process: &'a Process, part: &ProcessPart, asked: &'a [u8]) -> [Arg<'a>; 31] {
    let arg = |name, value| Arg { name, value };
    let number = |value: u32| ArgValue::Uint(value.into());
    [
        arg("res", ArgValue::Errno(0)),
        arg("exe", ArgValue::Text(process.exe())),
        arg("args", ArgValue::Text(process.args())),
        arg("tid", ArgValue::Pid(process.pid, &process.comm)),
        arg("pid", ArgValue::Pid(process.pid, &process.comm)),
        arg("ptid", ArgValue::Pid(process.ppid, b"")),
        arg("cwd", ArgValue::Text(&process.cwd)),
        arg("fdlimit", ArgValue::Uint(part.fd_limit)),
        arg("pgft_maj", ArgValue::Uint(part.faults_major)),
        arg("pgft_min", ArgValue::Uint(part.faults_minor)),
        arg("vm_size", number(part.vm_size_kb)),
        arg("vm_rss", number(part.vm_rss_kb)),
        arg("vm_swap", number(part.vm_swap_kb)),
        arg("comm", ArgValue::Text(&process.comm)),
        arg("cgroups", ArgValue::Text(&process.cgroups)),
        arg("env", ArgValue::Text(&process.env)),
        arg("tty", ArgValue::Uint(process.tty.into())),
        arg("vpgid", ArgValue::Int(process.vpgid)),
        arg("loginuid", ArgValue::Uid(process.loginuid, process.login_name.as_bytes())),
        arg("flags", exe_marks(process)),
        arg("cap_inheritable", ArgValue::Uint(process.cap_inheritable)),
        arg("cap_permitted", ArgValue::Uint(process.cap_permitted)),
        arg("cap_effective", ArgValue::Uint(process.cap_effective)),
        arg("exe_ino", ArgValue::Uint(process.exe_ino)),
        arg("exe_ino_ctime", ArgValue::Uint(process.exe_ctime_ns)),
        arg("exe_ino_mtime", ArgValue::Uint(process.exe_mtime_ns)),
        arg("uid", ArgValue::Uid(process.uid, process.user_name.as_bytes())),
        arg("trusted_exepath", ArgValue::Text(&process.exe_path)),
        arg("pgid", ArgValue::Int(process.pgid)),
        arg("gid", ArgValue::Gid(process.gid, process.group_name.as_bytes())),
        arg("filename", ArgValue::Path { raw: asked, resolved: asked }),
    ]
}
