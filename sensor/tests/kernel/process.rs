//! What the kernel tells of a process, and how the table follows it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use super::live::skipped;
use super::watch::{Seen, Watch};

/// Runs a Python program, which must succeed.
fn python(program: &str, args: &[&str]) {
    let output = Command::new("python3").arg("-c").arg(program).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Where the cgroup hierarchy of version 2 is.
pub(crate) fn unified() -> Option<&'static str> {
    let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let root = roots.into_iter().find(|root| fs::exists(format!("{root}/cgroup.procs")).unwrap_or(false));
    if root.is_none() {
        skipped("cgroups", "there is no hierarchy of version 2");
    }
    root
}

#[test]
fn a_new_short_name_is_followed_and_the_executable_tells() {
    let Some(watch) = Watch::start("rename") else { return };
    // PR_SET_NAME is 15.
    let program = "
import ctypes
ctypes.CDLL(None).prctl(15, b'cadge-renamed', 0, 0, 0)
open('/etc/hostname').read()
open('/proc/self/comm', 'w').write('cadge-again')
open('/etc/hostname').read()
";
    python(program, &[]);
    for name in ["cadge-renamed", "cadge-again"] {
        let seen = watch.expect(name, |seen| seen.name == name && seen.fd_name == "/etc/hostname");
        assert!(seen.exe_path.contains("python"), "{}", seen.exe_path);
        assert!(seen.cmdline.starts_with(&format!("{name} -c ")), "{}", seen.cmdline);
    }
}

#[test]
fn long_arguments_keep_their_end() {
    let Some(watch) = Watch::start("arguments") else { return };
    let long = "cadge-long-".repeat(11_000);
    assert!(Command::new("true").args([&long, "cadge-last-argument"]).status().unwrap().success());
    let seen = watch.expect("long arguments", |seen| seen.cmdline.starts_with("true cadge-long-"));
    assert!(seen.cmdline.ends_with(" cadge-last-argument"));
    assert!(seen.cmdline.contains(" [...] "));
    assert!(seen.cmdline.len() > 9_000 && seen.cmdline.len() < 16_000, "{}", seen.cmdline.len());
}

#[test]
fn a_process_that_leaves_its_containers_cgroup_is_still_the_containers() {
    let Some(watch) = Watch::start("cgroup") else { return };
    let Some(root) = unified() else { return };
    let id = "cadec0de".repeat(8);
    let container = format!("{root}/cadge-test/{id}");
    fs::create_dir_all(&container).unwrap();
    let script = "
echo $$ > \"$1/cgroup.procs\"; cat /etc/hostname > /dev/null
echo $$ > \"$2/cgroup.procs\"; cat /etc/hostname > /dev/null
";
    let done = Command::new("sh").args(["-c", script, "cadge-mover", &container, root]).status();
    let _ = fs::remove_dir(&container);
    let _ = fs::remove_dir(format!("{root}/cadge-test"));
    assert!(done.unwrap().success());
    for which in ["in the container", "out of its cgroup"] {
        let seen = watch.expect(which, |seen| {
            seen.name == "cat" && seen.fd_name == "/etc/hostname" && seen.container == id[..12]
        });
        assert_eq!(seen.parent, "sh");
    }
}

#[test]
fn an_executable_of_an_overlays_upper_layer_is_known() {
    let Some(watch) = Watch::start("overlay") else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let program = dir.join("lower/cadge-lower");
    fs::create_dir(dir.join("lower")).unwrap();
    fs::copy("/bin/true", &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let script = "
mount -t tmpfs none \"$1/top\" && mkdir \"$1/top/upper\" \"$1/top/work\" &&
mount -t overlay -o \"lowerdir=$1/lower,upperdir=$1/top/upper,workdir=$1/top/work\" none \"$1/merged\" &&
\"$1/merged/cadge-lower\" && cp /bin/true \"$1/merged/cadge-upper\" && \"$1/merged/cadge-upper\"
";
    fs::create_dir(dir.join("top")).unwrap();
    fs::create_dir(dir.join("merged")).unwrap();
    let done = Command::new("unshare").args(["-m", "sh", "-c", script, "sh", dir.to_str().unwrap()]).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for (name, upper) in [("cadge-lower", false), ("cadge-upper", true)] {
        let seen = watch.expect(name, |seen| seen.kind == "execve" && seen.name == name);
        assert_eq!(seen.upper_layer, upper, "{name}");
        assert_eq!(seen.exe_path, dir.join("merged").join(name).display().to_string());
    }
}

#[test]
fn a_child_is_a_copy_of_who_forked_even_if_another_is_its_parent() {
    let Some(watch) = Watch::start("fork") else { return };
    // A child by clone(2), 56 on x86_64, with CLONE_PARENT: its parent is the shell, or whoever started this.
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let program = "
import ctypes, os, sys
call = ctypes.CDLL(None).syscall
ctypes.CDLL(None).prctl(15, b'cadge-forker', 0, 0, 0)
if call(56, 0x8000 | 17, 0, 0, 0, 0) == 0:
    open('/etc/hostname').read()
    os._exit(0)
";
    python(program, &["cadge-forked"]);
    let child = watch.expect("the child's file", |seen| {
        seen.cmdline.ends_with(" cadge-forked") && seen.fd_name == "/etc/hostname"
    });
    assert_eq!(child.name, "cadge-forker");
    assert_ne!(child.parent, "cadge-forker");
}

#[test]
fn credentials_and_directory_follow_calls() {
    let Some(watch) = Watch::start("credentials") else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let program = "
import os, sys
os.chdir(sys.argv[1])
open('/etc/hostname').read()
os.setgid(65534); os.setuid(65534)
open('/etc/hostname').read()
";
    python(program, &[dir.to_str().unwrap()]);
    let cwd = format!("{}/", dir.display());
    for uid in [0, 65534] {
        watch.expect("a file", |seen| seen.fd_name == "/etc/hostname" && seen.cwd == cwd && seen.uid == uid);
    }
}

#[test]
fn exec_tells_environment_capabilities_and_all_of_the_executable() {
    let fields = &[
        "proc.env[CADGE_TEST]",
        "proc.env[LD_PRELOAD]",
        "thread.cap_effective",
        "proc.is_exe_writable",
        "proc.exe_ino.mtime",
        "proc.exe_ino.ctime",
        "proc.exe_ino",
        "proc.vpgid",
        "proc.args_bytes",
        "proc.pidns_init_start_ts",
        "proc.fdlimit",
        "proc.interpreter",
        "proc.ns.pid",
        "proc.ns.mnt",
        "proc.ns.user",
        "proc.ns.net",
    ];
    let Some(watch) = Watch::on("exec's fields", &["execve"], fields) else { return };
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("cadge-script");
    fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&script);
    command.arg("x").env("CADGE_TEST", "a value").env("LD_PRELOAD", "");
    assert!(command.status().unwrap().success());
    let seen = watch.expect("a script", |seen| seen.kind == "execve" && seen.name == "cadge-script");
    let meta = fs::metadata("/bin/sh").unwrap();
    assert_eq!(seen.field("proc.env[CADGE_TEST]"), "a value");
    assert!(seen.arg("env").contains("CADGE_TEST=a value"), "{}", seen.arg("env"));
    assert!(seen.field("thread.cap_effective").contains("CAP_DAC_OVERRIDE"));
    assert_eq!(seen.field("proc.is_exe_writable"), "true");
    assert_eq!(seen.field("proc.exe_ino"), meta.ino().to_string());
    let nanoseconds = |seconds: i64, nanoseconds: i64| (seconds * 1_000_000_000 + nanoseconds).to_string();
    assert_eq!(seen.field("proc.exe_ino.mtime"), nanoseconds(meta.mtime(), meta.mtime_nsec()));
    assert_eq!(seen.field("proc.exe_ino.ctime"), nanoseconds(meta.ctime(), meta.ctime_nsec()));
    assert_eq!(seen.field("proc.interpreter"), "/bin/sh");
    let path = script.display().to_string();
    assert_eq!(seen.arg("filename"), path);
    assert_eq!(seen.field("proc.args_bytes"), ("/bin/sh".len() + path.len() + 4).to_string());
    assert_eq!(seen.arg("flags"), "EXE_WRITABLE");
    assert_ne!(seen.field("proc.pidns_init_start_ts"), "<NA>");
    assert_ne!(seen.field("proc.fdlimit"), "<NA>");
    for name in ["pid", "mnt", "user", "net"] {
        let link = fs::read_link(format!("/proc/self/ns/{name}")).unwrap().display().to_string();
        let inode = seen.field(&format!("proc.ns.{name}"));
        assert_eq!(link, format!("{name}:[{inode}]"));
    }
}

#[test]
fn who_may_not_write_an_executable_is_told_so() {
    let Some(watch) = Watch::on("writable", &["execve"], &["proc.is_exe_writable"]) else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = "import os, sys; os.setgid(12345); os.setuid(12345); os.execv(sys.argv[1], sys.argv[1:])";
    for (name, mode, writable) in [("closed", 0o755, "false"), ("open", 0o757, "true")] {
        let path = dir.path().join(format!("cadge-{name}"));
        fs::copy("/bin/true", &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        python(program, &[path.to_str().unwrap()]);
        let seen = watch.expect(name, |seen| seen.name == format!("cadge-{name}") && seen.uid == 12345);
        assert_eq!(seen.field("proc.is_exe_writable"), writable, "{name}");
    }
}

#[test]
fn an_executable_without_a_name_is_known() {
    let Some(watch) = Watch::on("deleted", &["execve", "execveat"], &["proc.is_exe_deleted"]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cadge-gone");
    fs::copy("/bin/true", &path).unwrap();
    let program = "
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.unlink(sys.argv[1])
os.execve(fd, ['cadge-gone-argument', 'x'], {})
";
    python(program, &[path.to_str().unwrap()]);
    let seen = watch.expect("a deleted program", |seen| seen.exe_path == path.display().to_string());
    assert_eq!((seen.kind, seen.field("proc.is_exe_deleted")), ("execveat", "true"));
}

#[test]
fn moves_between_containers_are_told() {
    let Some(watch) = Watch::on("moves", &["cgroup_attach"], &["container.id"]) else { return };
    let Some(root) = unified() else { return };
    let id = "0ddba11".repeat(10)[..64].to_owned();
    let container = format!("{root}/cadge-moves/{id}");
    fs::create_dir_all(&container).unwrap();
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    for to in [&container, root] {
        fs::write(format!("{to}/cgroup.procs"), child.id().to_string()).unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = fs::remove_dir(&container);
    let _ = fs::remove_dir(format!("{root}/cadge-moves"));
    let pid = i64::from(child.id());
    let into = watch.expect("into the container", |seen| seen.kind == "cgroup_attach" && seen.pid == pid);
    assert_eq!((into.arg("from"), into.arg("to")), ("host", &id[..12]));
    assert_eq!(into.arg("cgroup"), format!("/cadge-moves/{id}"));
    let out = watch.expect("out of it", |seen| seen.kind == "cgroup_attach" && seen.pid == pid);
    assert_eq!((out.arg("from"), out.arg("to"), out.arg("cgroup")), (&id[..12], "host", "/"));
    assert_eq!(out.field("container.id"), &id[..12]);
}

#[test]
fn a_call_that_makes_a_process_is_told_in_parent_and_child() {
    let Some(watch) = Watch::on("parent and child", &["clone", "clone3", "fork", "vfork"], &["proc.ppid"])
    else {
        return;
    };
    // A subshell is a process.
    assert!(Command::new("sh").args(["-c", "(:); : cadge-two-ends"]).status().unwrap().success());
    let of_ours = |seen: &Seen| seen.kind != "execve" && seen.cmdline.ends_with("cadge-two-ends");
    let mut ends = ["one end", "the other"].map(|what| watch.expect(what, of_ours));
    ends.sort_by_key(|seen| seen.result);
    let [child, parent] = ends;
    assert_eq!((child.result, parent.result), (Some(0), Some(child.pid)));
    assert_eq!(child.field("proc.ppid"), parent.pid.to_string());
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_thread_that_keeps_its_credentials_is_told_with_them() {
    let Some(watch) = Watch::on("threads", &["openat"], &["thread.cap_effective"]) else { return };
    // setresuid is 117; without libc's help it is for the calling thread only.
    let program = "
import ctypes, threading
dropped = threading.Event()
def read():
    dropped.wait()
    open('/etc/hostname').read()
thread = threading.Thread(target=read)
thread.start()
assert ctypes.CDLL(None).syscall(117, 65534, 65534, 65534) == 0
open('/etc/hosts').read()
dropped.set()
thread.join()
";
    python(program, &["cadge-two-users"]);
    let open = |path: &str| {
        watch.expect(path, |seen| seen.cmdline.ends_with("cadge-two-users") && seen.fd_name == path)
    };
    assert_eq!(open("/etc/hosts").uid, 65534);
    let thread = open("/etc/hostname");
    assert_eq!(thread.uid, 0);
    assert!(thread.field("thread.cap_effective").contains("CAP_DAC_OVERRIDE"));
}
