//! Sends alerts to a syslog server as lines of RFC 5424: by UDP, by TCP, or by TLS on top of it.

use std::io;

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use tokio::net::UdpSocket;

use super::Section;
use crate::format::{Header, canonical, cef, line_ended, octet_counted, syslog};
use crate::link::{self, Files, Link, Trust};
use crate::settings::{Common, Tls, keys, one_of};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Lines that are written at once. What a broken connection loses is at most about so much.
const BATCH: usize = 200;

/// Linux's `EMSGSIZE`.
const TOO_LONG: i32 = 90;

keys! {
    /// The section `syslog`.
    pub(crate) struct Config {
        /// The syslog server.
        host: String = "",
        /// Its port; 6514 is usual for TLS.
        port: u16 = 514,
        /// `tcp`, `udp` or `tls`. Syslog has no acknowledgements. By `tcp` and `tls`, lines that were on their way when
        /// the connection broke or the server stopped may be lost; a connection that is seen to be closed is made anew
        /// before anything is written to it. By `udp`, any line may be lost unseen, and servers cut long ones.
        protocol: String = "tcp",
        /// What a line says: `json` or `cef`.
        format: String = "json",
        /// How lines are told apart by `tcp` and `tls`: `octet-counted` (a length in front) or `traditional` (a line end
        /// behind).
        framing: String = "octet-counted",
        /// Syslog's facility, from 0 (kernel, as falcosidekick has it) to 23.
        facility: u16 = 0,
        /// A file with the authority to trust beside the system's, with `protocol: tls`.
        cacertfile: String = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "syslog";
    const ABOUT: &'static str = "Sends alerts to a syslog server, by TCP, UDP or TLS.";
    const EXAMPLE: &'static str = "syslog:\n  host: ADDRESS\n  protocol: tcp\n";

    fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let protocol = self.protocol.to_ascii_lowercase();
        one_of("protocol", &protocol, &["tcp", "udp", "tls"])?;
        one_of("format", &self.format, &["json", "cef"])?;
        one_of("framing", &self.framing, &["octet-counted", "traditional"])?;
        let facility = u8::try_from(self.facility).ok().filter(|facility| *facility < 24);
        let facility = facility.ok_or_else(|| format!("`facility: {}` is above 23", self.facility))?;
        let files = Files { authority: &self.cacertfile, ..Files::default() };
        let trust = (protocol == "tls").then(|| Trust::new(&self.tls, &files, setup)).transpose()?;
        let link = Link::new("host", &self.host, self.port, trust)?;
        let frame: fn(&str) -> String =
            if self.framing == "traditional" { line_ended } else { octet_counted };
        let kinds = setup.kinds;
        let lines = Lines { facility, is_cef: self.format == "cef", kinds };
        Ok(if protocol == "udp" {
            {
                let (host, port) = link.place();
                Box::new(Datagrams { way: link::Datagrams::new(host, port), lines })
            }
        } else {
            Box::new(Stream { link, lines, frame })
        })
    }
}

/// What becomes of an alert.
struct Lines {
    facility: u8,
    is_cef: bool,
    kinds: FieldKinds,
}

impl Lines {
    fn of(&self, alert: &Alert) -> String {
        let process = Some(std::process::id());
        let header = Header { facility: self.facility, app_name: "Falco", process, structured: None };
        let text = if self.is_cef { cef(alert) } else { canonical(alert, self.kinds) };
        syslog(alert, &header, &text)
    }
}

/// By TCP, perhaps with TLS, on a connection that is kept.
struct Stream {
    link: Link,
    lines: Lines,
    frame: fn(&str) -> String,
}

impl Integration for Stream {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let text: String =
                alerts.iter().map(|delivery| (self.frame)(&self.lines.of(&delivery.alert))).collect();
            self.write(&text).await?;
            Ok(written(alerts.len()))
        })
    }
}

impl Stream {
    /// A connection that fails is not kept, nor one whose writing is given up in the middle of a line.
    async fn write(&self, text: &str) -> io::Result<()> {
        let kept = self.link.idle().and_then(|mut kept| kept.is_open().then_some(kept));
        let mut connection = match kept {
            Some(kept) => kept,
            None => self.link.connect().await?,
        };
        connection.write(text.as_bytes()).await?;
        // A server that is about to stop says so at times only now: better twice than never.
        if !connection.is_open() {
            return Err(io::Error::other("it closed the connection"));
        }
        self.link.keep(connection);
        Ok(())
    }
}

/// By UDP: a datagram each.
struct Datagrams {
    way: link::Datagrams,
    lines: Lines,
}

impl Integration for Datagrams {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let socket = self.way.socket().await?;
            for delivery in alerts {
                if let Err(error) = self.write(&socket, &self.lines.of(&delivery.alert)).await {
                    self.way.forget();
                    return Err(error);
                }
            }
            Ok(written(alerts.len()))
        })
    }
}

impl Datagrams {
    async fn write(&self, socket: &UdpSocket, line: &str) -> Result<(), SendError> {
        let sent = socket.send(line.as_bytes()).await;
        // Where nobody listens, a host may answer so.
        let answered = sent.and_then(|_| socket.take_error()).and_then(|error| error.map_or(Ok(()), Err));
        answered.map_err(|error| match error.raw_os_error() {
            Some(TOO_LONG) => SendError::Refused(format!("a datagram cannot have {} bytes", line.len())),
            _ => SendError::Unreachable(error.to_string()),
        })
    }
}

fn written(lines: usize) -> Answer {
    Answer(format!("written: {lines} lines (syslog does not acknowledge)"))
}
