//! A real mail server.

use std::path::Path;

use super::counterpart::Counterpart;
use super::feed::{Log, alert};
use super::server::wait_for_metric;

/// `make setup-test` puts it there.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python-smtp/bin/python");

const COUNT: u32 = 100;

/// Whatever is handed in is a file of the folder `mails`.
fn start(test: &str, encrypted: bool) -> Option<Counterpart> {
    Counterpart::start(test, PYTHON, |command, dir, port| {
        command.args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}")]);
        if encrypted {
            let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            for (option, name, text) in [
                ("--tlscert", "cert.pem", own.cert.pem()),
                ("--tlskey", "key.pem", own.signing_key.serialize_pem()),
            ] {
                std::fs::write(dir.join(name), text).unwrap();
                command.arg(option).arg(dir.join(name));
            }
        }
        command.args(["-c", "aiosmtpd.handlers.Mailbox"]).arg(dir.join("mails"));
    })
}

/// The mails in the order in which they came.
fn mails(dir: &Path) -> Vec<String> {
    let files = std::fs::read_dir(dir.join("mails/new")).unwrap().map(|file| file.unwrap().path());
    let place = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split('Q').nth(1).and_then(|rest| rest.split('.').next()?.parse::<u64>().ok()).unwrap()
    };
    let mut files: Vec<_> = files.collect();
    files.sort_by_key(place);
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

async fn deliver(server: &Counterpart, more: &str) {
    let log = Log::default();
    for sequence in 1..=COUNT {
        log.push(alert(sequence.into(), 4));
    }
    let address = server.address();
    let yaml = format!(
        "smtp:\n  hostport: {address}\n  from: cadge@example.org\n  to: a@example.org, b@example.org\n{more}"
    );
    let (_running, stop, registry) = log.start(&yaml);
    let line = "falcosecurity_falcosidekick_outputs_total{destination=\"smtp\",status=\"ok\"}";
    wait_for_metric(&registry, line, COUNT.into()).await;
    stop.cancel();
}

#[tokio::test]
async fn each_alert_is_a_mail_in_order() {
    let Some(server) = start("each_alert_is_a_mail_in_order", false) else { return };
    deliver(&server, "  tls: false\n").await;
    let mails = mails(server.dir.path());
    assert_eq!(mails.len(), usize::try_from(COUNT).unwrap());
    for (number, mail) in (1..).zip(&mails) {
        let subject = format!("Subject: [Warning] 13:46:40.123456789: Warning Sensitive file #{number}");
        assert!(mail.lines().any(|line| line == subject), "{number}: {mail}");
    }
    let mail = &mails[0];
    for words in [
        "From: cadge@example.org",
        "To: a@example.org, b@example.org",
        "X-RcptTo: a@example.org, b@example.org",
        "Date: Wed, 12 Jun 2024 13:46:40 +0000",
        "Message-ID: <",
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
        "<th align=\"left\">proc.name</th><td>cat &lt;x&gt;</td>",
        "proc.name: cat <x>",
    ] {
        assert!(mail.replace("=3D", "=").replace("=\n", "").contains(words), "{words}: {mail}");
    }
}

#[tokio::test]
async fn mails_go_encrypted_if_that_is_asked_for() {
    let Some(server) = start("mails_go_encrypted_if_that_is_asked_for", true) else { return };
    deliver(&server, "  checkcert: false\n  outputformat: text\n").await;
    let mails = mails(server.dir.path());
    assert_eq!(mails.len(), usize::try_from(COUNT).unwrap());
    assert!(mails.iter().all(|mail| !mail.contains("text/html")), "{}", mails[0]);
}
