//! Fields of processes, threads, descriptors and calls: what they read in an event that has them.

use std::collections::HashMap;
use std::net::IpAddr;

use cadge_engine::flags::FD_UPPER_LAYER;
use cadge_engine::{
    Abi, Arg, ArgValue, ContainerState, Event, EventType, Fd, KeptEvent, Process, Scratch, Used,
};

use super::build::{Scene, ruleset};

/// Whether a condition is true of an event.
#[track_caller]
fn is_true(condition: &str, event: &Event<'_>) -> bool {
    let rules = ruleset(&format!(
        "- rule: r\n  desc: d\n  condition: evt.num >= 0 and ({condition})\n  output: o\n  priority: INFO\n"
    ));
    let mut found = false;
    rules.matches(event, &mut Scratch::default(), &mut |_| found = true);
    found
}

/// What an output says of an event.
#[track_caller]
fn printed(output: &str, event: &Event<'_>) -> String {
    let rules = ruleset(&format!(
        "- rule: r\n  desc: d\n  condition: evt.num >= 0\n  output: \"{output}\"\n  priority: INFO\n"
    ));
    let mut alerts = Vec::new();
    rules.evaluate(event, &mut Scratch::default(), &mut alerts);
    alerts[0].message.clone()
}

fn scene(fill: impl FnOnce(&mut Process)) -> Scene {
    let mut scene = Scene::exec("nginx", "sh");
    fill(scene.process());
    scene
}

#[test]
fn capabilities_are_words() {
    let scene = scene(|process| {
        process.cap_effective = 1 << 21 | 1 << 7;
        process.cap_permitted = 1 << 40;
    });
    scene.with_event(|event| {
        assert_eq!(printed("%thread.cap_effective", event), "CAP_SETUID CAP_SYS_ADMIN");
        assert_eq!(printed("%thread.cap_permitted", event), "CAP_CHECKPOINT_RESTORE");
        assert!(is_true("thread.cap_effective contains CAP_SYS_ADMIN", event));
        assert!(is_true("thread.cap_inheritable = ''", event));
    });
}

#[test]
fn an_environment_has_variables() {
    let mut scene = scene(|process| process.env = b"PATH=/bin\0LD_PRELOAD= /tmp/x.so \0"[..].into());
    scene.processes.get_mut(&10).unwrap().env = b"SSH_TTY=/dev/pts/0\0"[..].into();
    scene.with_event(|event| {
        assert_eq!(printed("%proc.env", event), "PATH=/bin LD_PRELOAD= /tmp/x.so ");
        assert_eq!(printed("%proc.env[LD_PRELOAD]", event), "/tmp/x.so");
        assert!(is_true("proc.env icontains ld_preload", event));
        assert!(is_true("proc.env[HOME] = ''", event));
        assert!(is_true("proc.aenv[SSH_TTY] = /dev/pts/0", event));
        assert!(!is_true("proc.aenv[NOTHING] exists", event));
        // As in Falco, the number counts for an output only.
        assert!(is_true("proc.aenv[1] contains SSH_TTY", event));
        assert_eq!(printed("%proc.aenv[2]", event), "SSH_TTY=/dev/pts/0");
    });
}

#[test]
fn ancestors_have_arguments() {
    scene(|_| {}).with_event(|event| {
        assert_eq!(printed("%proc.aargs[1]", event), "arg");
        assert!(is_true("proc.aargs = arg", event));
    });
}

#[test]
fn an_executable_has_times_and_marks() {
    let start = 1_700_000_000_000_000_000;
    let scene = scene(|process| {
        process.start_ns = start;
        process.exe_ctime_ns = start - 5;
        process.exe_mtime_ns = start - 9;
        process.pidns_start_ns = start - 7;
        process.exe_writable = true;
        process.exe_path = (*b"/tmp/x (deleted)").into();
        process.interpreter = (*b"/lib64/ld-linux-x86-64.so.2").into();
        process.args_truncated = true;
        process.used = Some(Used { resident_kb: 7, faults_major: 9, ..Used::default() });
    });
    scene.with_event(|event| {
        assert!(is_true("proc.exe_ino.ctime_duration_proc_start = 5", event));
        assert!(is_true("proc.exe_ino.ctime_duration_pidns_start = 2", event));
        assert!(is_true(&format!("proc.exe_ino.mtime = {}", start - 9), event));
        assert!(is_true("proc.is_exe_writable = true and proc.is_exe_lower_layer = false", event));
        assert!(is_true("proc.is_exe_deleted = true and proc.exepath = /tmp/x", event));
        assert!(is_true("proc.interpreter endswith ld-linux-x86-64.so.2", event));
        assert!(is_true("proc.args_truncated = true and not proc.args_bytes exists", event));
    });
    scene.with_event(|event| {
        assert!(is_true("proc.vmrss = 7 and thread.vmrss = 7 and proc.vmswap = 0", event));
        assert!(is_true("thread.pfmajor = 9 and thread.pfminor = 0 and proc.vmsize = 0", event));
    });
    // What is not known is missing.
    Scene::exec("a", "b").with_event(|event| assert!(!is_true("proc.exe_ino.ctime exists", event)));
}

#[test]
fn a_process_group_has_a_leader_in_its_own_namespace() {
    let mut scene = scene(|process| {
        process.vpgid = 20;
        process.cgroups = b"cpuset=/a cpu=/b"[..].into();
    });
    scene.with_event(|event| {
        assert!(is_true("proc.is_vpgid_leader = false and proc.vpgid = 20", event));
        assert_eq!(printed("%proc.vpgid.name", event), "sh");
        assert_eq!(printed("%thread.cgroup.cpu", event), "/b");
        assert!(is_true("thread.vtid = 30", event));
    });
    let process = scene.process();
    (process.vpid, process.vpgid) = (1, 1);
    scene.with_event(|event| {
        assert!(is_true("proc.is_vpgid_leader = true and thread.vtid = 1", event));
        // Not the host's process 1: its own oldest ancestor of the same group.
        assert_eq!(printed("%proc.vpgid.name", event), "nginx");
    });
}

#[test]
fn addresses_have_the_names_that_are_known() {
    let ip: IpAddr = "203.0.113.9".parse().unwrap();
    let hosts: HashMap<IpAddr, Vec<Box<str>>> =
        HashMap::from([(ip, vec!["pool.example".into(), "mine.example".into()])]);
    Scene::connect("curl", "203.0.113.9:443").with_event(|event| {
        let event = &Event { hosts: &hosts, ..*event };
        assert!(is_true("fd.sip.name = mine.example", event));
        assert!(is_true("fd.sip.name in (other.example, pool.example)", event));
        assert!(!is_true("fd.sip.name = other.example", event));
        assert!(!is_true("fd.sip.name != mine.example", event));
        assert!(is_true("fd.sip.name != other.example", event));
        assert!(!is_true("fd.cip.name exists", event));
        assert_eq!(printed("%fd.rip.name %fd.cip.name", event), "pool.example <NA>");
        // A copy has the names of its own addresses.
        KeptEvent::new(event).with(ContainerState::Unknown, |event| {
            assert!(is_true("fd.sip.name = mine.example and evt.abi = native", event));
        });
    });
}

#[test]
fn rules_say_which_names_they_compare_with() {
    let rules = ruleset(
        "- list: pools\n  items: [pool.example, \"other.example\"]\n\
         - macro: mine\n  condition: (fd.sport = 443 and fd.sip.name in (pools))\n\
         - rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: >\n    \
           evt.type = connect and (mine or not fd.cip.name = me.example) and fd.rip.name startswith bad\n  \
           exceptions:\n    - name: e\n      fields: [fd.lip.name, proc.name]\n      values: [[here.example, sh]]\n\
         - rule: off\n  desc: d\n  output: o\n  priority: INFO\n  enabled: false\n  \
           condition: evt.type = connect and fd.lip.name = nobody.example\n",
    );
    let names: Vec<String> = rules.host_names().into_iter().collect();
    assert_eq!(names, ["here.example", "me.example", "other.example", "pool.example"]);
}

#[test]
fn descriptors_have_layers_roles_and_containers() {
    let mut scene = Scene::read("cat", "/etc/shadow");
    scene.process().container_id = "0123456789ab".into();
    scene.with_event(|event| {
        assert_eq!(printed("%fd.containername", event), "0123456789ab:/etc/shadow");
        assert_eq!(printed("%fd.containerdirectory", event), "0123456789ab:/etc");
        assert!(is_true("fd.is_upper_layer = false and fd.name_host = /etc/shadow", event));
        let fd = Fd { lower_layer: true, name_host: b"/host/etc/shadow", ..*event.fd.unwrap() };
        let args = [Arg { name: "flags", value: ArgValue::OpenFlags(FD_UPPER_LAYER) }];
        let event = &Event { fd: Some(&fd), args: &args, ..*event };
        assert!(is_true("fd.is_upper_layer = true and fd.is_lower_layer = true", event));
        assert!(is_true("fd.name_host = /host/etc/shadow", event));
    });
    Scene::connect("curl", "203.0.113.9:443").with_event(|event| {
        assert!(is_true("fd.proto = 443 and fd.proto = 40000", event));
        assert!(is_true("fd.proto != 80", event));
        assert!(!is_true("fd.proto != 443", event));
        let fd = Fd { is_server: true, ..*event.fd.unwrap() };
        assert!(is_true("fd.is_server = true", &Event { fd: Some(&fd), ..*event }));
        assert!(is_true("fd.is_server = false", event));
    });
}

#[test]
fn calls_come_by_different_roads() {
    let event = Event { num: 1, ..Event::new(EventType::OPEN) };
    assert!(is_true("evt.abi = native and evt.arg_changed = false and evt.arg_unreadable = false", &event));
    let event = Event { abi: Abi::IoUring, arg_changed: true, arg_unreadable: true, ..event };
    let condition = "evt.abi = io_uring and evt.arg_changed = true and evt.arg_unreadable = true";
    assert!(is_true(condition, &event));
    KeptEvent::new(&event).with(ContainerState::Unknown, |event| assert!(is_true(condition, event)));
}
