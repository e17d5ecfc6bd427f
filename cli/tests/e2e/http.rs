//! `POST /` as stock Falco's libcurl sends it, through a crash, and among clients that mean harm.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Process, Site, cadge, skip, stdout, wait_for};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A site whose hub takes alerts by HTTP. `extra` are more lines of `webserver`.
fn site(extra: &str) -> Site {
    let site = Site::new("");
    fs::write(site.path("tokens"), format!("falco:{TOKEN}\n")).unwrap();
    let yaml = fs::read_to_string(site.path("hub.yaml")).unwrap();
    let keys = format!("webserver:\n  token_file: {}\n{extra}", site.path("tokens").display());
    fs::write(site.path("hub.yaml"), yaml.replace("webserver:\n", &keys)).unwrap();
    site
}

/// An alert as Falco writes it.
fn falco(number: usize) -> String {
    format!(
        "{{\"hostname\":\"h\",\"output\":\"alert {number}\",\"output_fields\":{{\"evt.time\":1718200000123456789}},\"priority\":\"Warning\",\"rule\":\"R\",\"source\":\"syscall\",\"tags\":[],\"time\":\"2024-06-12T13:46:40.123456789Z\"}}"
    )
}

/// What the log has, one output a line.
fn outputs(site: &Site) -> Vec<String> {
    let output = cadge().args(["get", "--json", "--socket"]).arg(site.path("cadge.sock")).output().unwrap();
    let text = stdout(&output);
    let output = |line: &str| line.split("\"output\":\"").nth(1)?.split('"').next().map(ToString::to_string);
    text.lines().filter_map(output).collect()
}

/// Posts once by a connection of its own: the status, 0 without one.
fn post(site: &Site, body: &[u8]) -> u16 {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", site.http)) else { return 0 };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut answer = String::new();
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
    let _ = stream.read_to_string(&mut answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// curl with the options that stand for Falco's, for each body in turn on one connection: the statuses.
fn curl(test: &str, url: &str, options: &[&str], bodies: &[String]) -> Option<Vec<String>> {
    if Command::new("curl").arg("--version").output().is_err() {
        skip(test, "curl is missing: run `make setup-test`");
        return None;
    }
    let mut command = Command::new("curl");
    for (number, body) in bodies.iter().enumerate() {
        if number > 0 {
            command.arg("--next");
        }
        command.args(["--silent", "--show-error", "--max-time", "60", "-A", "falcosecurity/falco"]);
        command.args(["-H", "Content-Type: application/json", "-w", "%{http_code} %{num_connects}\\n"]);
        command.args(options).args(["--data-raw", body, url]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(stdout(&output).lines().map(ToString::to_string).collect())
}

#[test]
fn falcos_http_output_feeds_the_hub() {
    let site = site("");
    let _hub = site.hub();
    let url = format!("http://127.0.0.1:{}/", site.http);
    let header = format!("Authorization: Bearer {TOKEN}");
    let bodies: Vec<String> = (0..5).map(falco).collect();
    let test = "falcos_http_output_feeds_the_hub";
    let Some(answers) = curl(test, &url, &["-H", &header], &bodies) else { return };
    // One connection for all of them.
    assert_eq!(answers, ["200 1", "200 0", "200 0", "200 0", "200 0"]);
    let expected: Vec<String> = (0..5).map(|number| format!("alert {number}")).collect();
    assert_eq!(outputs(&site), expected);
}

#[test]
fn a_client_certificate_is_as_good_as_a_token() {
    let site = site("  ssl_enabled: true\n");
    let _hub = site.hub();
    let url = format!("https://localhost:{}/", site.http);
    let file = |name: &str| site.path("pki").join(name).display().to_string();
    let (ca, header) = (file("ca.crt"), format!("Authorization: Bearer {TOKEN}"));
    let test = "a_client_certificate_is_as_good_as_a_token";
    let with = |options: &[&str], number| {
        curl(test, &url, &[&["--cacert", &ca][..], options].concat(), &[falco(number)])
            .map(|answers| answers.last().unwrap().split(' ').next().unwrap().to_owned())
    };
    let certificate = |name: &str| [file(&format!("{name}.crt")), file(&format!("{name}.key"))];
    let [sensor, consumer] = ["sensor", "consumer"].map(certificate);
    let Some(status) = with(&["--cert", &sensor[0], "--key", &sensor[1]], 0) else { return };
    assert_eq!(status, "200");
    assert_eq!(with(&["--cert", &consumer[0], "--key", &consumer[1]], 1).unwrap(), "403");
    assert_eq!(with(&[], 2).unwrap(), "401");
    assert_eq!(with(&["-H", &header], 3).unwrap(), "200");
    // Who only looks at `/metrics` needs neither.
    let metrics = curl(test, &format!("{url}metrics"), &["--cacert", &ca, "-G"], &[String::new()]).unwrap();
    assert!(metrics.iter().any(|line| line.starts_with("cadge_hub_http_connections")), "{metrics:?}");
    assert_eq!(outputs(&site), ["alert 0", "alert 3"]);
}

#[test]
fn a_certificates_limit_holds_by_http_and_is_nobody_elses() {
    let site = site("  ssl_enabled: true\n");
    let identities =
        "identities:\n- {spiffe: 'spiffe://cadge/sensor/*', role: sensor, requests_per_second: 1}\n";
    let yaml = fs::read_to_string(site.path("hub.yaml")).unwrap();
    fs::write(site.path("hub.yaml"), yaml + identities).unwrap();
    let _hub = site.hub();
    let url = format!("https://localhost:{}/", site.http);
    let file = |name: &str| site.path("pki").join(name).display().to_string();
    let (ca, cert, key) = (file("ca.crt"), file("sensor.crt"), file("sensor.key"));
    let header = format!("Authorization: Bearer {TOKEN}");
    let bodies: Vec<String> = (0..30).map(falco).collect();
    let statuses = |options: &[&str]| -> Option<Vec<String>> {
        let options = [&["--cacert", &ca, "-o", "/dev/null"][..], options].concat();
        let test = "a_certificates_limit_holds_by_http_and_is_nobody_elses";
        let answers = curl(test, &url, &options, &bodies)?;
        Some(answers.iter().map(|answer| answer[..3].to_owned()).collect())
    };
    let Some(limited) = statuses(&["--cert", &cert, "--key", &key]) else { return };
    // A second may pass between two of them, but not between each two.
    assert!(limited[0] == "200" && limited.iter().any(|status| status == "429"), "{limited:?}");
    assert!(limited.iter().all(|status| status == "200" || status == "429"), "{limited:?}");
    // Stock Falco with a token of the same hub loses nothing.
    assert_eq!(statuses(&["-H", &header]).unwrap(), ["200"; 30]);
}

#[test]
fn what_was_answered_with_200_survives_kill_9() {
    let site = site("");
    let mut hub = site.hub();
    let sender = |first: usize| {
        let site = &site;
        move || (first..).step_by(4).take_while(|number| post(site, falco(*number).as_bytes()) == 200).count()
    };
    let accepted: Vec<usize> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4).map(|first| scope.spawn(sender(first))).collect();
        wait_for("alerts", || site.page("/metrics").contains("status=\"accepted\"").then_some(()));
        std::thread::sleep(Duration::from_millis(300));
        hub.kill();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    let _hub = site.hub();
    let mut expected = Vec::new();
    for (first, count) in accepted.into_iter().enumerate() {
        // Falco sends the one that was not answered again.
        expected.extend((first..).step_by(4).take(count + 1));
        assert_eq!(post(&site, falco(first + 4 * count).as_bytes()), 200);
        assert_eq!(post(&site, falco(first).as_bytes()), 200);
    }
    let mut found = outputs(&site);
    found.sort();
    let mut expected: Vec<String> = expected.into_iter().map(|number| format!("alert {number}")).collect();
    expected.sort();
    assert_eq!(found, expected);
}

/// The most memory that the process has had, in MiB.
fn peak_mib(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Bodies that are small to send and large to read.
fn bombs() -> Vec<(Vec<u8>, &'static [u16])> {
    let size = 8 << 20;
    let fill = |start: &str, part: &str| {
        let mut text = start.to_owned();
        while text.len() + part.len() <= size {
            text.push_str(part);
        }
        text.into_bytes()
    };
    let fields = falco(0).split("\"evt.time\"").next().unwrap().to_owned();
    vec![
        (fill("", "["), &[400]),
        (fill("", "[[],"), &[400]),
        (fill("", "{\"a\":"), &[400]),
        (fill(&fields, "\"a\":0,"), &[400]),
        (fill(&format!("{fields}\"a\":"), "[0,"), &[400]),
        (fill(&format!("{fields}\"a\":"), "9"), &[400]),
        (fill("[", "{},"), &[400]),
        (fill("{\"tags\":[", "\"\","), &[400]),
        (fill("[", &(falco(0) + ",")), &[413]),
        (fill("", "\u{fffd}"), &[400]),
        (vec![b' '; size + 1], &[413]),
    ]
}

#[test]
fn json_bombs_are_refused_in_bounded_memory() {
    let site = site("");
    let hub = site.hub();
    assert_eq!(post(&site, falco(0).as_bytes()), 200);
    let before = peak_mib(&hub);
    let bombs = bombs();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (body, statuses) in &bombs {
                    let status = post(&site, body);
                    let start = String::from_utf8_lossy(&body[..40.min(body.len())]);
                    assert!(statuses.contains(&status), "{status} for {start}");
                }
            });
        }
        // Others are served meanwhile.
        for number in 1..50 {
            assert_eq!(post(&site, falco(number).as_bytes()), 200);
        }
    });
    let after = peak_mib(&hub);
    println!("memory: {before} MiB before, {after} MiB at most");
    assert!(after < before + 256, "{before} MiB before, {after} MiB at most");
    assert_eq!(outputs(&site).len(), 50);
}

/// Opens connections that say nothing, or never end their header.
fn crowd(site: &Site, count: usize) -> Vec<TcpStream> {
    let connect = |number: usize| {
        let mut stream = TcpStream::connect(("127.0.0.1", site.http)).unwrap();
        if number.is_multiple_of(2) {
            let _ = stream.write_all(b"POST / HTTP/1.1\r\nHost: hub\r\nX-Slow: ");
        }
        stream
    };
    (0..count).map(connect).collect()
}

#[test]
fn ten_thousand_connections_disturb_nobody() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    let files = getrlimit(Resource::RLIMIT_NOFILE).unwrap().0.max(now);
    let count = usize::try_from(files.saturating_sub(500).min(10_000)).unwrap();
    if count < 10_000 {
        skip(
            "ten_thousand_connections_disturb_nobody",
            &format!("only {count} files may be open: so many are"),
        );
    }
    // Half of them find no room but that of those who wait longest.
    let site = site("  connections_max: 5000\n  header_timeout_ms: 600000\n");
    let hub = site.hub();
    let before = peak_mib(&hub);
    let mut crowd = crowd(&site, count);
    let begun = Instant::now();
    for number in 0..100 {
        assert_eq!(post(&site, falco(number).as_bytes()), 200);
        let (at, step) = (number * crowd.len() / 100, b"y");
        // Some of the crowd are closed already.
        let _ = crowd[at].write_all(step);
    }
    let page = site.page("/metrics");
    let served = begun.elapsed();
    let after = peak_mib(&hub);
    println!("{count} connections: 100 posts in {served:?}; {before} MiB before, {after} MiB at most");
    let open = page.lines().find_map(|line| line.strip_prefix("cadge_hub_http_connections ")).unwrap();
    assert!(open.parse::<usize>().unwrap() >= count.min(4_900), "{open} connections");
    assert!(served < PATIENCE, "100 posts took {served:?}");
    assert!(after < before + 256, "{before} MiB before, {after} MiB at most");
    assert_eq!(outputs(&site).len(), 100);
}
