//! One alert, from the kernel to everybody who is to have it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::access::Python;
use crate::support::{Lines, Process, Site, cadge, is_root, rule_for, stdout, wait_for};

/// An HTTP server that answers 200 to everything and keeps the bodies.
pub(crate) fn sink() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = bodies.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let kept = kept.clone();
            std::thread::spawn(move || serve(stream, &kept));
        }
    });
    (port, bodies)
}

fn serve(mut stream: std::net::TcpStream, kept: &Mutex<Vec<String>>) {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        while let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if read.len() < end + 4 + length {
                break;
            }
            kept.lock().unwrap().push(String::from_utf8_lossy(&read[end + 4..end + 4 + length]).into_owned());
            read.drain(..end + 4 + length);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
    }
}

#[test]
fn an_alert_reaches_everybody() {
    if !is_root("an_alert_reaches_everybody") {
        return;
    }
    let (port, posted) = sink();
    let site = Site::new(&format!("integrations:\n  webhook:\n    address: http://127.0.0.1:{port}/\n"));
    let _hub = site.hub();
    let watched = site.path("watched");
    fs::write(&watched, "x").unwrap();
    let python = Python::new("an_alert_reaches_everybody (its Python client)");
    let socket = format!("unix://{}", site.path("cadge.sock").display());
    let subscriber =
        python.as_ref().map(|python| Process::start(&mut python.command(&["sub", &socket, "1"])));
    let tail = Process::start(
        cadge()
            .args(["tail", "--json", "--from", "beginning", "--cursor", "t", "--socket"])
            .arg(site.path("cadge.sock")),
    );
    let _sensor = site.sensor(&rule_for(&watched));

    // Again and again until the subscriber, which starts at now, has its first.
    let seen = |lines: &Lines| lines.all().iter().any(|line| line.contains("Watched file opened"));
    wait_for("alert at the subscribers", || {
        assert!(std::process::Command::new("cat").arg(&watched).output().unwrap().status.success());
        let python = subscriber.as_ref().is_none_or(|subscriber| seen(&subscriber.stdout));
        (python && seen(&tail.stdout)).then_some(())
    });

    let line = tail.stdout.wait("Watched file opened");
    let command = format!("\"proc.cmdline\":\"cat {}\"", watched.display());
    for expected in [
        "\"proc.name\":\"cat\"",
        &command,
        "\"user.name\":\"root\"",
        "\"proc.pname\":\"",
        "\"priority\":\"Warning\"",
    ] {
        assert!(line.contains(expected), "{expected} in {line}");
    }
    let body = wait_for("alert at the webhook", || posted.lock().unwrap().first().cloned());
    assert!(body.starts_with("{\"uuid\":"), "{body}");
    assert!(body.contains(&command), "{body}");
    let events = wait_for("falco_events", || {
        site.page("/metrics").lines().find(|line| line.starts_with("falco_events{")).map(ToString::to_string)
    });
    assert!(
        events.contains("rule=\"Watched file opened\"") && events.contains("tags=\",test,\""),
        "{events}"
    );

    let got = cadge().arg("get").args(site.client("consumer")).output().unwrap();
    assert!(stdout(&got).contains("Watched file opened"), "{}", stdout(&got));
    let again = cadge().arg("get").args(site.client("consumer")).arg("--json").output().unwrap();
    assert!(!stdout(&again).contains(&line), "what was had comes once");
}

#[test]
fn up_prints_the_alert_and_leaves_nothing_behind() {
    if !is_root("up_prints_the_alert_and_leaves_nothing_behind") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mounts = || fs::read_to_string("/proc/self/mounts").unwrap();
    let before = mounts();
    let mut up = Process::start(
        cadge().args(["up", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--dir"]).arg(dir.path()),
    );
    up.stderr.wait("ctrl-C stops");
    assert!(std::process::Command::new("cat").arg("/etc/shadow").output().unwrap().status.success());
    let line = up.stdout.wait("/etc/shadow");
    for expected in ["cat /etc/shadow", "root", "Warning"] {
        assert!(line.contains(expected), "{line}");
    }
    assert!(up.interrupt().success());
    assert_eq!(mounts(), before);
    assert!(!dir.path().join("cadge.sock").exists());
}
