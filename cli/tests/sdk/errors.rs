//! What goes wrong has the same name in all languages, says what to look at, and ends a program with 1.

use std::time::Duration;

use crate::connection::{Connection, file, issue};
use crate::language::Language;
use crate::program::Program;
use crate::support::{Process, Site, free_port};
use crate::wrong;

/// The longest that it may take to say so: 10 s are promised, and the machine is busy.
const LONGEST: Duration = Duration::from_secs(40);

/// What only a programmer can read.
const TRACES: [&str; 3] = ["Traceback", "goroutine", "panicked"];

/// What is asked for, of whom, and the name and a word of the answer.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) example: &'static [&'static str],
    pub(crate) connection: Connection,
    pub(crate) name: &'static str,
    pub(crate) word: String,
}

/// A hub, another authority's certificates, and a hub whose certificate has another name.
struct Stage {
    site: Site,
    other: Site,
    elsewhere: Site,
    _hubs: [Process; 2],
}

impl Stage {
    fn new() -> Self {
        let (site, other, elsewhere) = (Site::new(""), Site::new(""), Site::new(""));
        issue(&elsewhere, "hub", "hub.example");
        let yaml = elsewhere.path("hub.yaml");
        let text = std::fs::read_to_string(&yaml).unwrap();
        std::fs::write(&yaml, text.replace("/pki/hub.", "/pki/hub.example.")).unwrap();
        let hubs = [site.hub(), elsewhere.hub()];
        Self { site, other, elsewhere, _hubs: hubs }
    }

    fn tls(&self, role: &str) -> Connection {
        Connection::tls(&self.site, role)
    }

    /// By TLS to another port.
    fn port(&self, port: u16) -> (Connection, String) {
        let address = format!("https://localhost:{port}");
        (self.tls("consumer").with("CADGE_HUB", address), port.to_string())
    }

    /// By a socket whose other end is a port.
    fn socket_to(&self, port: u16) -> (Connection, String) {
        let name = format!("{port}.sock");
        let socket = self.site.path(&name);
        if !socket.exists() {
            wrong::socket_to(port, &socket);
        }
        (Connection::socket(&socket), name)
    }
}

fn case(
    what: &'static str,
    example: &'static [&'static str],
    (connection, word): (Connection, String),
    name: &'static str,
) -> Case {
    Case { what, example, connection, name, word }
}

const GET: &[&str] = &["get"];
const MISTAKE: &[&str] = &["filter", "proc.nmae = cat"];
const PUSH: &[&str] = &["push", "Rule", "output"];

fn wrong_certificates(stage: &Stage) -> Vec<Case> {
    let port = stage.site.grpc.to_string();
    let own = || stage.tls("consumer");
    let garbage = file(&stage.site, "garbage.pem");
    std::fs::write(&garbage, "-----BEGIN NOTHING-----\n").unwrap();
    let missing = file(&stage.site, "missing.pem");
    let foreign = own()
        .with("CADGE_CERT", file(&stage.other, "consumer.crt"))
        .with("CADGE_KEY", file(&stage.other, "consumer.key"));
    let other_ca = || own().with("CADGE_CA", file(&stage.other, "ca.crt"));
    let (name, elsewhere) = ("WrongCertificate", stage.elsewhere.grpc.to_string());
    let with = |name, file: &str| (own().with(name, file.to_owned()), file.to_owned());
    vec![
        case("another authority's hub", GET, (other_ca(), port.clone()), name),
        case("the same to subscribe", &["tail"], (other_ca(), port.clone()), name),
        case("another authority's client", GET, (foreign, port.clone()), name),
        case("no client certificate", GET, (own().without("CADGE_CERT").without("CADGE_KEY"), port), name),
        case("another host name", GET, (Connection::tls(&stage.elsewhere, "consumer"), elsewhere), name),
        case("an unusable authority", GET, with("CADGE_CA", &garbage), name),
        case("an unusable certificate", GET, with("CADGE_CERT", &garbage), name),
        case("an unusable key", GET, with("CADGE_KEY", &garbage), name),
        case("a certificate that is not there", GET, with("CADGE_CERT", &missing), name),
    ]
}

fn out_of_reach(stage: &Stage) -> Vec<Case> {
    let nowhere = stage.site.path("nowhere.sock");
    let no_socket = || (Connection::socket(&nowhere), "nowhere.sock".to_owned());
    let name = "HubDown";
    vec![
        case("nobody listens", GET, stage.port(free_port()), name),
        case("the same to subscribe", &["tail"], stage.port(free_port()), name),
        case("no such socket", GET, no_socket(), name),
        case("the same to push", PUSH, no_socket(), name),
        case("nobody answers", GET, stage.port(wrong::silent()), name),
        case("nobody answers at a socket", GET, stage.socket_to(wrong::silent()), name),
    ]
}

fn denied(stage: &Stage) -> Vec<Case> {
    let name = "PermissionDenied";
    let word = |word: &str| word.to_owned();
    vec![
        case("a sensor reads", GET, (stage.tls("sensor"), word("consumer")), name),
        case("a sensor subscribes", &["tail"], (stage.tls("sensor"), word("consumer")), name),
        case("a consumer pushes", PUSH, (stage.tls("consumer"), word("sensor")), name),
    ]
}

fn other_protocols(stage: &Stage) -> Vec<Case> {
    let name = "ProtocolMismatch";
    let grpc = wrong::grpc_without_services();
    vec![
        case("HTTP without TLS", GET, stage.port(stage.site.http), name),
        case("HTTP at a socket", GET, stage.socket_to(stage.site.http), name),
        case("no such service", GET, stage.socket_to(grpc), name),
        case("gRPC without TLS", GET, stage.port(grpc), name),
        case("TLS at a socket", GET, stage.socket_to(stage.site.grpc), name),
    ]
}

fn refused(stage: &Stage) -> Vec<Case> {
    let nmae = (stage.tls("consumer"), "proc.nmae".to_owned());
    vec![case("a filter with a mistake", MISTAKE, nmae, "InvalidRequest")]
}

/// What is wrong with how a program ended, if anything is.
pub(crate) fn complaint(language: Language, case: &Case) -> Option<String> {
    let (example, args) = case.example.split_first().unwrap();
    let mut program = Program::start(language.example(example, &case.connection).args(args));
    if !program.ends_within(LONGEST) {
        return Some(format!("{}: no end within {LONGEST:?}: {}", case.what, program.stderr()));
    }
    let (code, stdout, stderr) = (program.wait(), program.stdout(), program.stderr());
    let is_right = code == Some(1)
        && stdout.is_empty()
        && stderr.starts_with(&format!("{example}: {}: ", case.name))
        && stderr.to_lowercase().contains(&case.word.to_lowercase())
        && !TRACES.iter().any(|trace| stderr.contains(trace));
    (!is_right).then(|| {
        let (what, name, word) = (case.what, case.name, &case.word);
        format!("{what}: {name} with `{word}` was expected, not {code:?}, {stdout:?} and:\n{stderr}")
    })
}

fn all(test: &str, language: Language) {
    if !language.is_here(test) {
        return;
    }
    let stage = Stage::new();
    let parts = [wrong_certificates, out_of_reach, denied, other_protocols, refused];
    let cases: Vec<Case> = parts.iter().flat_map(|part| part(&stage)).collect();
    let complaints: Vec<String> = cases.iter().filter_map(|case| complaint(language, case)).collect();
    let (wrong, all) = (complaints.len(), cases.len());
    assert!(complaints.is_empty(), "{wrong} of {all} errors:\n{}", complaints.join("\n"));
}

#[test]
fn rust_names_what_is_wrong() {
    all("rust_names_what_is_wrong", Language::Rust);
}

#[test]
fn python_names_what_is_wrong() {
    all("python_names_what_is_wrong", Language::Python);
}

#[test]
fn go_names_what_is_wrong() {
    all("go_names_what_is_wrong", Language::Go);
}
