//! One test for each kind of event. The caller is a Python program, another process: the source
//! leaves out what its own process opens.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixListener;
use std::process::{Command, Output};

use super::live::skipped;
use super::watch::Watch;

fn python(program: &str, args: &[&str]) -> Output {
    let output = Command::new("python3").arg("-c").arg(program).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn exec_has_path_arguments_directory_user_and_parents() {
    let Some(watch) = Watch::start("exec") else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir_path = dir.path().canonicalize().unwrap();
    // Through a symbolic link and a relative path: the kernel knows the program all the same.
    let real = fs::canonicalize("/bin/true").unwrap();
    let link = dir_path.join("cadge-link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let status =
        Command::new("sh").args(["-c", "./cadge-link one 'two three'; :"]).current_dir(&dir_path).status();
    assert!(status.unwrap().success());
    let seen = watch.expect("exec", |seen| {
        seen.kind == "execve" && seen.cmdline.contains("two three") && seen.name == "cadge-link"
    });
    assert_eq!(seen.cmdline, "cadge-link one two three");
    assert_eq!(seen.exe_path, real.display().to_string());
    assert_eq!(seen.cwd, format!("{}/", dir_path.display()));
    assert_eq!(seen.parent, "sh");
    assert!(!seen.grandparent.is_empty());
    assert_eq!((seen.uid, seen.user.as_str()), (0, "root"));
    assert_eq!(seen.result, Some(0));
    watch.expect("exit", |other| other.kind == "procexit" && other.pid == seen.pid);
}

#[test]
fn a_program_in_memory_is_known() {
    let Some(watch) = Watch::start("memfd") else { return };
    let program = "
import os, sys
fd = os.memfd_create('cadge-memfd', 0)
os.write(fd, open('/bin/true', 'rb').read())
os.execve(fd, ['in-memory', 'x'], {})
";
    python(program, &[]);
    let seen = watch.expect("exec of a memfd", |seen| seen.exe_path.contains("cadge-memfd"));
    assert!(seen.from_memfd);
    assert_eq!(seen.kind, "execveat");
    assert_eq!(seen.exe_path, "/memfd:cadge-memfd");
}

#[test]
fn every_call_that_opens_a_file_is_seen() {
    let Some(watch) = Watch::start("open") else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    fs::write(dir.join("file"), "x").unwrap();
    let meta = fs::metadata(dir.join("file")).unwrap();
    std::os::unix::fs::symlink(dir.join("file"), dir.join("link")).unwrap();
    // The numbers of x86_64: open 2, creat 85, openat 257, openat2 437.
    let program = "
import ctypes, os, struct, sys
call = ctypes.CDLL(None, use_errno=True).syscall
path = lambda name: ctypes.create_string_buffer(os.fsencode(name))
os.chdir(sys.argv[1])
call(2, path('./link'), os.O_RDONLY, 0)
call(257, -100, path('../' + os.path.basename(sys.argv[1]) + '/link'), os.O_RDWR | os.O_APPEND, 0)
how = ctypes.create_string_buffer(struct.pack('QQQ', os.O_WRONLY | os.O_CREAT, 0o640, 0))
call(437, os.open('.', os.O_RDONLY), path('new2'), how, 24)
call(85, path('new'), 0o755)
call(257, -100, path('sub/../gone'), os.O_RDONLY, 0)
";
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    python(program, &[dir.to_str().unwrap()]);
    let file = dir.join("file").display().to_string();
    let open = watch.expect("open", |seen| seen.kind == "open" && seen.fd_name == file);
    assert_eq!(open.fd_raw, "./link");
    assert_eq!(open.arg("flags"), "O_RDONLY");
    assert_eq!(u64::from(open.dev_ino.0), meta.dev());
    assert_eq!(open.dev_ino.1, meta.ino());
    assert!(open.result.unwrap() >= 0);
    let openat = watch.expect("openat", |seen| seen.kind == "openat" && seen.fd_name == file);
    assert_eq!(openat.arg("flags"), "O_APPEND|O_RDWR");
    let new2 = dir.join("new2").display().to_string();
    let openat2 = watch.expect("openat2", |seen| seen.kind == "openat2" && seen.fd_name == new2);
    assert_eq!(openat2.arg("flags"), "O_CREAT|O_WRONLY|O_F_CREATED");
    assert_eq!(openat2.arg("mode"), "S_IRGRP|S_IWUSR|S_IRUSR");
    let new = dir.join("new").display().to_string();
    let creat = watch.expect("creat", |seen| seen.kind == "creat" && seen.fd_name == new);
    assert_eq!(creat.arg("mode"), "S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR");
    let gone = dir.join("gone").display().to_string();
    let failed = watch.expect("failed openat", |seen| seen.kind == "openat" && seen.fd_name == gone);
    assert_eq!(failed.result, Some(-i64::from(libc::ENOENT)));
    assert_eq!(failed.fd_raw, "sub/../gone");
}

#[test]
fn a_file_opened_by_handle_has_its_path() {
    let Some(watch) = Watch::start("open_by_handle_at") else { return };
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let dir = dir.path().canonicalize().unwrap();
    fs::write(dir.join("file"), "x").unwrap();
    // name_to_handle_at 303, open_by_handle_at 304; not every file system has handles.
    let program = "
import ctypes, os, struct, sys
call = ctypes.CDLL(None, use_errno=True).syscall
handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128))
mount = ctypes.c_int(0)
if call(303, -100, ctypes.create_string_buffer(os.fsencode(sys.argv[1])), handle, ctypes.byref(mount), 0) == 0:
    fd = call(304, os.open(os.path.dirname(sys.argv[1]), os.O_RDONLY), handle, os.O_RDONLY)
    print('opened' if fd >= 0 else 'refused')
";
    let file = dir.join("file").display().to_string();
    let output = python(program, &[&file]);
    if String::from_utf8_lossy(&output.stdout).trim() != "opened" {
        skipped("open_by_handle_at", "the file system has no handles");
        return;
    }
    watch.expect("open_by_handle_at", |seen| seen.kind == "open_by_handle_at" && seen.fd_name == file);
}

#[test]
fn connections_have_both_ends() {
    let Some(watch) = Watch::start("connect") else { return };
    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let port4 = v4.local_addr().unwrap().port();
    let v6 = TcpListener::bind("[::1]:0").ok();
    let port6 = v6.as_ref().map_or(0, |listener| listener.local_addr().unwrap().port());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sock");
    let _unix = UnixListener::bind(&path).unwrap();
    let program = "
import socket, sys
socket.create_connection(('127.0.0.1', int(sys.argv[1])))
if sys.argv[2] != '0': socket.create_connection(('::1', int(sys.argv[2])))
s = socket.socket(); s.setblocking(False)
s.connect_ex(('127.0.0.1', int(sys.argv[1])))
try: socket.create_connection(('127.0.0.1', int(sys.argv[3])))
except OSError: pass
socket.socket(socket.AF_UNIX).connect(sys.argv[4])
";
    python(program, &[&port4.to_string(), &port6.to_string(), &closed.to_string(), path.to_str().unwrap()]);
    let seen = watch.expect("IPv4", |seen| {
        seen.kind == "connect" && seen.fd_name.ends_with(&format!("->127.0.0.1:{port4}"))
    });
    assert_eq!(seen.result, Some(0));
    assert!(seen.fd_name.starts_with("127.0.0.1:"), "{}", seen.fd_name);
    if port6 != 0 {
        watch.expect("IPv6", |seen| {
            seen.kind == "connect" && seen.fd_name.ends_with(&format!("->::1:{port6}"))
        });
    }
    watch.expect("non-blocking", |seen| {
        seen.result == Some(-i64::from(libc::EINPROGRESS))
            && seen.fd_name.ends_with(&format!("->127.0.0.1:{port4}"))
    });
    let refused = watch.expect("refused", |seen| seen.fd_name.ends_with(&format!("->127.0.0.1:{closed}")));
    assert_eq!(refused.result, Some(-i64::from(libc::ECONNREFUSED)));
    watch.expect("Unix", |seen| {
        seen.kind == "connect" && seen.fd_name.ends_with(&format!(" {}", path.display()))
    });
}

#[test]
fn a_path_is_whole_across_mounts_and_as_its_process_sees_it() {
    let Some(watch) = Watch::start("mounts") else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    // A mount of its own, in a namespace that ends with the command.
    let script =
        "mount -t tmpfs none \"$1\" && mkdir \"$1/in\" && echo x > \"$1/in/file\" && cat \"$1/in/file\"";
    let done = Command::new("unshare").args(["-m", "sh", "-c", script, "sh", dir.to_str().unwrap()]).status();
    if !done.is_ok_and(|status| status.success()) {
        skipped("paths across mounts", "no mount namespaces here");
        return;
    }
    let path = dir.join("in/file").display().to_string();
    watch.expect("a file on another mount", |seen| seen.name == "cat" && seen.fd_name == path);
}

#[test]
fn what_ran_before_is_in_the_table_and_nothing_is_lost_or_out_of_order() {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let Some(watch) = Watch::start("order") else {
        child.kill().unwrap();
        child.wait().unwrap();
        return;
    };
    child.kill().unwrap();
    child.wait().unwrap();
    let end = watch.expect("the end of a process that ran before", |seen| {
        seen.kind == "procexit" && seen.pid == i64::from(child.id())
    });
    assert_eq!(end.cmdline, "sleep 60");
    let runs = 200;
    let script = format!("for i in $(seq {runs}); do /bin/cat /etc/hostname > /dev/null; done");
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    for _ in 0..runs {
        let exec = watch.expect("exec of cat", |seen| seen.kind == "execve" && seen.name == "cat");
        let open = watch.expect("its file", |seen| seen.pid == exec.pid && seen.fd_name == "/etc/hostname");
        assert_eq!((open.name.as_str(), open.parent.as_str()), ("cat", "sh"));
        assert!(open.time_ns >= exec.time_ns);
    }
    let counters = watch.stop();
    for (name, value) in &counters {
        assert!(!name.starts_with("dropped_total") || *value == 0, "{name} {value}");
    }
    assert!(counters["events_total{class=\"critical\"}"] > 400);
}
