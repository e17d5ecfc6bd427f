//! Sends each alert as a mail.

use std::time::SystemTime;

use cadge_proto::json::FieldKinds;
use cadge_proto::{Alert, priority_name};
use futures_util::future::BoxFuture;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls as Encryption, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::Section;
use super::chat::{Line, lines};
use crate::format::uuid;
use crate::link::host_and_port;
use crate::settings::{Common, Secret, keys, one_of};
use crate::text::{by_priority, cut, go_time};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Colours by priority, most urgent first. falcosidekick's.
const COLOURS: [&str; 8] = ["e20b0b", "ff5400", "ff9000", "ffc700", "ffff00", "5bffb5", "68c2ff", "ccfff2"];

const ORDER: &[&str] = &["rule", "priority", "source", "hostname", "tags", "fields"];

/// Characters of a subject: mail programs show fewer.
const SUBJECT_MAX: usize = 200;

/// The port where a user hands in mails (RFC 6409).
const PORT: u16 = 587;

keys! {
    /// The section `smtp`.
    pub(crate) struct Config {
        /// The mail server, `host:port`.
        hostport: String = "",
        /// Whether the connection must be encrypted: from the beginning on port 465, by `STARTTLS` on others.
        tls: bool = true,
        /// Whether the server's certificate is checked.
        checkcert: bool = true,
        /// The sender's address.
        from: String = "",
        /// The receivers' addresses.
        to: Vec<String> = [],
        /// `html`: a table, and the text for programs that show none. `text`: only that.
        outputformat: String = "html",
        /// How to log in: `plain`, `login`, `oauthbearer` with `token`, or `none`. Without `user`: not at all.
        authmechanism: String = "plain",
        /// The user.
        user: String = "",
        /// The user's password.
        password: Secret = "",
        /// With `oauthbearer`: the token.
        token: Secret = "",
        /// Unused: the user's own identity is the one that is asked for.
        identity: String = "",
        /// Unused: it goes with `anonymous`, which is not logging in at all.
        trace: String = "",
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "smtp";
    const ABOUT: &'static str = "Sends each alert as a mail.";
    const EXAMPLE: &'static str =
        "smtp:\n  hostport: ADDRESS\n  tls: false\n  from: cadge@example.org\n  to: [oncall@example.org]\n";

    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        one_of("outputformat", &self.outputformat, &["html", "text"])?;
        let address = |key: &str, text: &str| {
            text.trim().parse::<Mailbox>().map_err(|error| format!("`{key}: {text}` is no address: {error}"))
        };
        let to: Vec<Mailbox> = self.to.iter().map(|text| address("to", text)).collect::<Result<_, _>>()?;
        if to.is_empty() {
            return Err("`to` is missing".to_owned());
        }
        let mail = Mail {
            from: address("from", &self.from)?,
            to,
            html: self.outputformat != "text",
            kinds: setup.kinds,
        };
        Ok(Box::new(Smtp { transport: self.transport(setup)?, mail }))
    }
}

impl Config {
    fn transport(&self, setup: &Setup) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let (host, port) = &host_and_port("hostport", &self.hostport, PORT)?;
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(*port);
        let builder = if self.tls { builder.tls(self.encryption(host, *port, setup)?) } else { builder };
        let (secret, mechanism) = match self.authmechanism.to_ascii_lowercase().as_str() {
            "plain" => (&self.password, Mechanism::Plain),
            "login" => (&self.password, Mechanism::Login),
            "oauthbearer" | "xoauth2" => (&self.token, Mechanism::Xoauth2),
            "" | "none" | "anonymous" => return Ok(builder.build()),
            other => {
                return Err(format!("`authmechanism: {other}` is none of plain, login, oauthbearer, none"));
            }
        };
        if self.user.is_empty() {
            return Ok(builder.build());
        }
        let credentials = Credentials::new(self.user.clone(), secret.reveal().to_owned());
        Ok(builder.credentials(credentials).authentication(vec![mechanism]).build())
    }

    fn encryption(&self, host: &str, port: u16, setup: &Setup) -> Result<Encryption, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = TlsParameters::builder(host.to_owned());
        if let Some(path) = setup.certificates.trusted() {
            let failed = |error: &dyn std::fmt::Display| format!("`tlsclient`: {}: {error}", path.display());
            let pem = std::fs::read(path).map_err(|error| failed(&error))?;
            let authority = Certificate::from_pem(&pem).map_err(|error| failed(&error))?;
            builder = builder.add_root_certificate(authority);
        }
        let parameters = builder
            .dangerous_accept_invalid_certs(!self.checkcert)
            .dangerous_accept_invalid_hostnames(!self.checkcert)
            .build_rustls()
            .map_err(|error| format!("`tls`: {error}"))?;
        Ok(if port == 465 { Encryption::Wrapper(parameters) } else { Encryption::Required(parameters) })
    }
}

struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    mail: Mail,
}

impl Integration for Smtp {
    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            for delivery in alerts {
                let mail =
                    self.mail.of(&delivery.alert).map_err(|error| SendError::Refused(error.to_string()))?;
                let response = self.transport.send(mail).await.map_err(|error| judge(&error))?;
                answer = Answer(format!(
                    "it answered {} {}",
                    response.code(),
                    response.first_line().unwrap_or("")
                ));
            }
            Ok(answer)
        })
    }
}

/// 4xx: another time. 5xx: never (RFC 5321, section 4.2.1).
fn judge(error: &Error) -> SendError {
    let cause = error.to_string();
    if error.is_permanent() {
        SendError::Refused(cause)
    } else if error.is_transient() {
        SendError::later(cause)
    } else {
        let inner = std::error::Error::source(error).map(|inner| format!(": {inner}"));
        SendError::unreachable(cause + &inner.unwrap_or_default(), error)
    }
}

/// What makes mails.
struct Mail {
    from: Mailbox,
    to: Vec<Mailbox>,
    html: bool,
    kinds: FieldKinds,
}

impl Mail {
    fn of(&self, alert: &Alert) -> Result<Message, lettre::error::Error> {
        let line: String = alert.output.split(char::is_control).collect::<Vec<_>>().join(" ");
        let subject = format!("[{}] {}", priority_name(alert.priority), cut(&line, SUBJECT_MAX));
        // A repetition has the same id: mail programs show it once.
        let id = format!("<{}@cadge>", uuid(alert));
        let time = alert.time.and_then(|time| SystemTime::try_from(time).ok());
        let builder = Message::builder().from(self.from.clone()).subject(subject).message_id(Some(id));
        let builder = builder.date(time.unwrap_or_else(SystemTime::now));
        let builder = self.to.iter().cloned().fold(builder, lettre::message::MessageBuilder::to);
        let shown = lines(alert, self.kinds, ORDER);
        let text = text(alert, &shown);
        if self.html {
            builder.multipart(MultiPart::alternative_plain_html(text, html(alert, &shown)))
        } else {
            builder.singlepart(SinglePart::plain(text))
        }
    }
}

fn text(alert: &Alert, lines: &[Line<'_>]) -> String {
    let mut text = format!("{}\n\n", alert.output);
    for line in lines {
        text.push_str(&format!("{}: {}\n", line.name, line.value));
    }
    text.push_str(&format!("time: {}\n", go_time(alert)));
    text
}

fn html(alert: &Alert, lines: &[Line<'_>]) -> String {
    let colour = by_priority(alert, &COLOURS);
    let mut rows = String::new();
    for line in lines {
        rows.push_str(&format!(
            "<tr><th align=\"left\">{}</th><td>{}</td></tr>\n",
            escaped(line.name),
            escaped(&line.value)
        ));
    }
    format!(
        "<!doctype html>\n<html><body style=\"font-family: sans-serif\">\n\
        <p style=\"border-left: 6px solid #{colour}; padding-left: 8px\">{}</p>\n\
        <table cellpadding=\"4\">\n{rows}<tr><th align=\"left\">time</th><td>{}</td></tr>\n</table>\n</body></html>\n",
        escaped(&alert.output),
        go_time(alert)
    )
}

/// As HTML shows it literally.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
