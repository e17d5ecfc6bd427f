//! `cadge integrations`: what a destination refused is kept, listed, sent again, and no secret is ever shown.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{Site, cadge, run, stderr, stdout, wait_for};
use crate::synthetic::Sensor;

/// Stands in an address, and must not be seen anywhere.
const TOKEN: &str = "T0KEN-that-nobody-sees";

/// An HTTP server that answers as it is told.
#[derive(Clone)]
struct Sink {
    address: String,
    code: Arc<AtomicU16>,
    requests: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sink = Self {
            address: listener.local_addr().unwrap().to_string(),
            code: Arc::new(AtomicU16::new(200)),
            requests: Arc::default(),
            last: Arc::default(),
        };
        let serving = sink.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(&connection.unwrap()));
            }
        });
        sink
    }

    fn serve(&self, connection: &TcpStream) {
        let mut reader = BufReader::new(connection);
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                let line = line.to_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            *self.last.lock().unwrap() = String::from_utf8(body).unwrap();
            self.requests.fetch_add(1, Ordering::SeqCst);
            let code = self.code.load(Ordering::SeqCst);
            let mut connection = connection;
            write!(connection, "HTTP/1.1 {code} Said\r\ncontent-length: 5\r\n\r\nheard").unwrap();
        }
    }

    /// A section of the configuration that sends here.
    fn section(&self) -> String {
        format!("webhook:\n  address: http://{}/{TOKEN}\n", self.address)
    }
}

fn integrations(site: &Site, args: &[&str]) -> Output {
    let output = cadge().arg("integrations").args(args).arg("--socket").arg(site.path("cadge.sock")).output();
    let output = output.unwrap();
    assert!(!(stdout(&output) + &stderr(&output)).contains(TOKEN), "{args:?}");
    output
}

fn indented(section: &str) -> String {
    section.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

#[test]
fn what_was_refused_is_listed_and_sent_again() {
    let sink = Sink::start();
    sink.code.store(400, Ordering::SeqCst);
    let site = Site::new(&format!("integrations:\n{}", indented(&sink.section())));
    let hub = site.hub();
    let mut sensor = Sensor::connect(&site.path("cadge.sock"));
    sensor.send_up_to(3);
    let status = || {
        serde_json::from_slice::<serde_json::Value>(&integrations(&site, &["status", "--json"]).stdout)
            .unwrap()
    };
    let state = |name: &str| status()["integrations"][0][name].clone();
    wait_for("dead letters", || (state("dead_letters") == 3).then_some(()));
    let table = stdout(&integrations(&site, &["status"]));
    assert!(table.contains("webhook") && table.contains("delivering"), "{table}");
    assert_eq!(stdout(&integrations(&site, &[])), table);
    assert_eq!(
        stdout(&integrations(&site, &["--json"])),
        stdout(&integrations(&site, &["status", "--json"]))
    );
    assert!(stdout(&integrations(&site, &["--color", "always"])).contains("\x1b["));
    let dead = stdout(&integrations(&site, &["dead", "webhook", "--json"]));
    let first: serde_json::Value = serde_json::from_str(dead.lines().next().unwrap()).unwrap();
    let cause = first["cause"].as_str().unwrap();
    assert!(cause.contains("400 Bad Request: heard"), "{cause}");
    assert_eq!((dead.lines().count(), &first["destination"]), (3, &"webhook".into()));

    // As long as it refuses, they stay, and only one is tried.
    let before = sink.requests.load(Ordering::SeqCst);
    let failed = integrations(&site, &["replay", "webhook"]);
    assert!(!failed.status.success() && stdout(&failed).contains("0 delivered, 3 left"), "{failed:?}");
    assert_eq!(sink.requests.load(Ordering::SeqCst), before + 1);
    sink.code.store(200, Ordering::SeqCst);
    let id = first["id"].to_string();
    let one = integrations(&site, &["replay", "--id", &id]);
    assert!(one.status.success() && stdout(&one).contains("1 delivered, 0 left"), "{one:?}");
    assert!(integrations(&site, &["replay", "--all"]).status.success());
    assert_eq!(state("dead_letters"), 0);
    assert_eq!(sink.requests.load(Ordering::SeqCst), before + 4);

    let nothing = integrations(&site, &["discard", "webhook"]);
    assert!(!nothing.status.success() && stderr(&nothing).contains("no such dead letters"), "{nothing:?}");
    let unknown = integrations(&site, &["dead", "webhok"]);
    assert!(stderr(&unknown).contains("no destination `webhok`"), "{unknown:?}");
    drop(hub);
}

#[test]
fn one_test_alert_says_whether_a_destination_works() {
    let sink = Sink::start();
    let site = Site::new("");
    let file = site.path("falcosidekick.yaml");
    std::fs::write(&file, format!("listenport: 2801\n{}", sink.section())).unwrap();
    let file = file.to_str().unwrap();
    let test = |name: &str| {
        let output = run(&["integrations", "test", name, "--integrations", file]);
        assert!(!(stdout(&output) + &stderr(&output)).contains(TOKEN), "{output:?}");
        output
    };
    let good = test("webhook");
    assert!(good.status.success() && stdout(&good).contains("200"), "{good:?}");
    assert!(sink.last.lock().unwrap().contains("This is a test from cadge"));
    sink.code.store(403, Ordering::SeqCst);
    let refused = test("webhook");
    assert!(!refused.status.success() && stderr(&refused).contains("403"), "{refused:?}");
    let off = test("slack");
    assert!(stderr(&off).contains("`slack` is not switched on (on: webhook)"), "{off:?}");
    assert!(stderr(&test("slak")).contains("no destination `slak`"));
    std::fs::write(site.path("falcosidekick.yaml"), "zoho: {}\n").unwrap();
    assert_eq!(test("webhook").status.code(), Some(64));
    assert!(stdout(&run(&["integrations", "list"])).contains("webhook"));
    assert!(stdout(&run(&["integrations", "list", "webhook"])).contains("customheaders (map"));
}

#[test]
fn the_configuration_may_name_a_file_of_falcosidekicks() {
    let (sink, site) = (Sink::start(), Site::new(""));
    let (hub, file) = (site.path("own.yaml"), site.path("falcosidekick.yaml"));
    std::fs::write(&file, sink.section()).unwrap();
    let name = format!("integrations_file: {}\n", file.display());
    let test = |config: &str, more: &[&str]| {
        std::fs::write(&hub, config).unwrap();
        run(&[&["integrations", "test", "webhook", "--config", hub.to_str().unwrap()], more].concat())
    };
    assert!(test(&name, &[]).status.success());
    // A section in which nothing is switched on, as in the default configuration, is no other place.
    assert!(test(&format!("{name}integrations: {{slack: {{webhookurl: ''}}}}\n"), &[]).status.success());
    let both = test(&format!("{name}integrations: {{stdout: {{enabled: true}}}}\n"), &[]);
    assert_eq!(both.status.code(), Some(64));
    assert!(stderr(&both).contains("`integrations_file` is in place of"), "{both:?}");
    std::fs::write(&file, "webhok: {}\n").unwrap();
    let wrong = test(&name, &[]);
    assert_eq!(wrong.status.code(), Some(64));
    assert!(
        stderr(&wrong).contains("falcosidekick.yaml") && stderr(&wrong).contains("`webhook`"),
        "{wrong:?}"
    );
}
