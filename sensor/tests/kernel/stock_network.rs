//! Falco's own rules about the network raise their alerts: each act is what its rule is about, in a network
//! of its own, which has addresses that no other has.

use std::fs;
use std::process::Command;

use super::live::skipped;
use super::process::unified;
use crate::bypass::guard::Guard;

/// Gives the loopback interface more addresses, and runs Python programs under other names.
const BEGIN: &str = "
import fcntl, os, socket, struct, sys
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def address(alias, ip):
    # SIOCSIFADDR of a struct ifreq.
    fcntl.ioctl(control, 0x8916, struct.pack('16sHH4s16x', alias, socket.AF_INET, 0, socket.inet_aton(ip)))
address(b'lo:1', '203.0.113.5')
address(b'lo:2', '169.254.169.254')
# SIOCSIFFLAGS: up.
fcntl.ioctl(control, 0x8914, struct.pack('16sh22x', b'lo', 1))
def start(name, program):
    child = os.fork()
    if child == 0:
        os.execv('/usr/bin/python3', [name, '-c', 'import socket\\n' + program])
    return child
def run(name, program):
    if os.waitpid(start(name, program), 0)[1]:
        sys.exit(name + ': ' + program)
def listen(ip, port):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((ip, port))
    server.listen()
    return server
";

/// Runs a Python program in a network of its own; before that, whatever the shell is to do.
fn act(before: &str, program: &str, args: &[&str]) -> Option<()> {
    let shell = format!("{before}\nexec unshare -n python3 -c \"$1\"");
    let program = format!("{BEGIN}{program}");
    let output = Command::new("bash").args(["-c", &shell, "act", &program]).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("unshare failed") {
        skipped("stock rules about the network", &errors);
        return None;
    }
    assert!(output.status.success(), "{errors}");
    Some(())
}

#[test]
fn the_stock_rules_about_connections_raise_their_alerts() {
    let Some(guard) = Guard::stock("stock rules about connections") else { return };
    let program = "
servers = [listen('203.0.113.5', port) for port in (443, 8080, 7777)]
run('ssh', 'socket.create_connection((\"203.0.113.5\", 443))')
os.system('bash -c \"exec 3<>/dev/tcp/203.0.113.5/8080\"')
run('python3', 'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect((\"203.0.113.5\", 9999))')
child = start('/opt/java', 'socket.create_connection((\"203.0.113.5\", 7777)).recvfrom(100)')
client, _ = servers[2].accept()
client.send(b'\\xca\\xfe\\xba\\xbe\\0\\0')
os.waitpid(child, 0)
";
    let Some(()) = act("", program, &[]) else { return };
    guard.must_alert_all(&[
        (
            "Disallowed SSH Connection Non Standard Port",
            &[("fd.rport", "443"), ("fd.l4proto", "tcp"), ("evt.type", "connect")],
        ),
        (
            "System procs network activity",
            &[("proc.name", "bash"), ("fd.rport", "8080"), ("fd.type", "ipv4")],
        ),
        ("Unexpected UDP Traffic", &[("fd.rport", "9999"), ("fd.l4proto", "udp")]),
        (
            "Interpreted procs outbound network activity",
            &[("evt.type", "connect"), ("fd.rport", "443"), ("proc.name", "python3")],
        ),
        (
            "Interpreted procs inbound network activity",
            &[("evt.type", "listen"), ("fd.name", "203.0.113.5:443")],
        ),
        ("Interpreted procs inbound network activity", &[("evt.type", "accept4"), ("fd.l4proto", "tcp")]),
        ("Unexpected inbound connection source", &[("evt.type", "accept4"), ("fd.lport", "7777")]),
        (
            "Java Process Class File Download",
            &[("evt.type", "recvfrom"), ("fd.sip", "203.0.113.5"), ("fd.sport", "7777")],
        ),
    ]);
}

#[test]
fn the_stock_rules_about_datagrams_raise_their_alerts() {
    let Some(guard) = Guard::stock("stock rules about datagrams") else { return };
    let program = "
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('203.0.113.5', 5555))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b'one', ('203.0.113.5', 5555))
server.recvfrom(10)
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendmsg([b'two'], [], 0, ('203.0.113.5', 5555))
server.recvmsg(10)
";
    let Some(()) = act("", program, &[]) else { return };
    let outbound = "Interpreted procs outbound network activity";
    let inbound = "Interpreted procs inbound network activity";
    guard.must_alert_all(&[
        (outbound, &[("evt.type", "sendto"), ("fd.rport", "5555"), ("fd.l4proto", "udp")]),
        (outbound, &[("evt.type", "sendmsg"), ("fd.rport", "5555"), ("fd.l4proto", "udp")]),
        (inbound, &[("evt.type", "recvfrom"), ("fd.type", "ipv4"), ("fd.l4proto", "udp")]),
        (inbound, &[("evt.type", "recvmsg"), ("fd.type", "ipv4"), ("fd.l4proto", "udp")]),
    ]);
}

#[test]
fn the_stock_rules_about_containers_networks_raise_their_alerts() {
    let Some(root) = unified() else { return };
    let Some(guard) = Guard::stock("stock rules about containers' networks") else { return };
    let container = format!("{root}/cadge-network/{}", "cade9e70".repeat(8));
    fs::create_dir_all(&container).unwrap();
    let program = "
servers = [listen('169.254.169.254', 80), listen('203.0.113.5', 30080)]
socket.create_connection(('169.254.169.254', 80))
socket.create_connection(('203.0.113.5', 30080))
socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
";
    let done = act("echo $$ > \"$2/cgroup.procs\"", program, &[&container]);
    let _ = fs::remove_dir(&container);
    let _ = fs::remove_dir(format!("{root}/cadge-network"));
    let Some(()) = done else { return };
    guard.must_alert_all(&[
        ("Packet socket created in container", &[("evt.type", "socket"), ("proc.name", "python3")]),
        (
            "Contact EC2 Instance Metadata Service From Container",
            &[("evt.type", "connect"), ("fd.rport", "80")],
        ),
        ("Contact cloud metadata service from container", &[("evt.type", "connect"), ("fd.rport", "80")]),
        ("Unexpected K8s NodePort Connection", &[("evt.type", "connect"), ("fd.rport", "30080")]),
    ]);
}
