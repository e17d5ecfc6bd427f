//! How a connection to a broker of AMQP 0.9.1 begins: one says who one is, and asks, one thing after the other.

use std::io;

use super::address::Address;
use super::frame::{self, Frame, PROTOCOL};
use super::inside::Inside;
use super::said::Said;
use crate::SendError;
use crate::link::Connection;

/// A name or a password is wrong, or something is not allowed.
const ACCESS_REFUSED: u16 = 403;

/// Says who one is. The broker proposes its largest frame and the seconds between heartbeats then.
pub(super) async fn log_in(
    connection: &mut Connection,
    address: &Address,
    mechanism: &str,
) -> Result<(u32, u16), SendError> {
    connection.write(PROTOCOL).await?;
    match heard(connection).await? {
        Said::Start { mechanisms } if mechanisms.split(' ').any(|known| known == mechanism) => {}
        Said::Start { mechanisms } => {
            return Err(SendError::later(format!("the broker knows `{mechanisms}`, and not `{mechanism}`")));
        }
        other => return Err(unexpected(&other)),
    }
    connection.write(&start(address, mechanism)).await?;
    match heard(connection).await {
        Ok(Said::Tune { frame, heartbeat }) => Ok((frame, heartbeat)),
        Ok(other) => Err(unexpected(&other)),
        Err(Heard::Closed { code: ACCESS_REFUSED, text }) => {
            let cause = refusal(ACCESS_REFUSED, &text);
            Err(SendError::later(format!("{cause} (the user and the password are in `url`)")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Who one is, and what one understands.
fn start(address: &Address, mechanism: &str) -> Vec<u8> {
    // Without the second, a broker closes the connection without a word when a password is wrong.
    let capabilities =
        ["publisher_confirms", "authentication_failure_close", "basic.nack", "connection.blocked"];
    let capabilities = capabilities.iter().fold(Inside::table(), |table, name| table.is(name));
    let about = Inside::table()
        .named("product", "cadge")
        .named("version", env!("CARGO_PKG_VERSION"))
        .named_table("capabilities", &capabilities);
    let who = match mechanism {
        "EXTERNAL" => String::new(),
        _ => format!("\0{}\0{}", address.user, address.password.reveal()),
    };
    let mut out = Vec::new();
    Inside::method(10, 11)
        .with(&about)
        .short_text(mechanism)
        .long_text(&who)
        .short_text("en_US")
        .push_method(0, &mut out);
    out
}

/// Why nothing usable was heard.
enum Heard {
    Closed { code: u16, text: String },
    Failed(SendError),
}

impl From<io::Error> for Heard {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Heard> for SendError {
    fn from(heard: Heard) -> Self {
        match heard {
            Heard::Closed { code, text } => SendError::later(refusal(code, &text)),
            Heard::Failed(error) => error,
        }
    }
}

/// The method that the broker says next.
async fn heard(connection: &mut Connection) -> Result<Said, Heard> {
    loop {
        match frame::read(&mut connection.halves().0).await? {
            Frame::Heartbeat => {}
            Frame::Method(method) => match Said::parse(&method).ok_or_else(frame::no_broker)? {
                Said::Closed { code, text } => return Err(Heard::Closed { code, text }),
                Said::Blocked { .. } | Said::Unblocked => {}
                other => return Ok(other),
            },
            Frame::Header(_) | Frame::Body => return Err(frame::no_broker().into()),
        }
    }
}

/// Asks, and waits until it is done.
pub(super) async fn done(connection: &mut Connection, out: &[u8]) -> Result<(), SendError> {
    connection.write(out).await?;
    match heard(connection).await? {
        Said::Done => Ok(()),
        other => Err(unexpected(&other)),
    }
}

pub(super) fn refusal(code: u16, text: &str) -> String {
    format!("the broker answered {code} {text}")
}

pub(super) fn unexpected(said: &Said) -> SendError {
    SendError::Unreachable(format!("the broker said what nobody asked for: {said:?}"))
}
