//! A connection to a broker of AMQP 0.9.1, with a channel that confirms what is published.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::address::Address;
use super::frame::{self, Frame, HEARTBEAT};
use super::greeting::{done, log_in, refusal, unexpected};
use super::inside::Inside;
use super::publication::Publication;
use super::said::{self, Said};
use super::waiting::{Fate, Waiting};
use crate::SendError;
use crate::link::{Connection, Kept};

/// The one channel of a connection.
pub(super) const CHANNEL: u16 = 1;

/// What is published is not as the broker has it: it is too large, for one.
const PRECONDITION_FAILED: u16 = 406;

/// A connection on which alerts can be published.
pub(super) struct Session {
    connection: Connection,
    /// The largest frame.
    size_max: usize,
    /// How often to say that one is still there.
    heartbeat: Option<Duration>,
    /// Alerts that were published: each has the next number.
    published: u64,
}

impl Session {
    /// Says who one is, and opens the channel. `mechanism` is `PLAIN` or `EXTERNAL`.
    pub(super) async fn open(
        mut connection: Connection,
        address: &Address,
        mechanism: &str,
    ) -> Result<Self, SendError> {
        let (frame, heartbeat) = log_in(&mut connection, address, mechanism).await?;
        let size_max =
            if frame == 0 { frame::SIZE_MAX } else { frame.clamp(frame::SIZE_MIN, frame::SIZE_MAX) };
        let mut out = Vec::new();
        Inside::method(10, 31).short(CHANNEL).long(size_max).short(heartbeat).push_method(0, &mut out);
        Inside::method(10, 40).short_text(&address.vhost).short_text("").octet(0).push_method(0, &mut out);
        done(&mut connection, &out).await?;
        // Half of it, so that one may be late.
        let heartbeat = (heartbeat > 0).then(|| Duration::from_secs(heartbeat.into()) / 2);
        let mut session = Self { connection, size_max: size_max as usize, heartbeat, published: 0 };
        session.ask(&Inside::method(20, 10).short_text("")).await?;
        session.ask(&Inside::method(85, 10).octet(0)).await?;
        Ok(session)
    }

    /// Makes a durable queue, if it is not there.
    pub(super) async fn declare(&mut self, queue: &str, kind: &str) -> Result<(), SendError> {
        const DURABLE: u8 = 2;
        let kind = Inside::table().named("x-queue-type", kind);
        self.ask(&Inside::method(50, 10).short(0).short_text(queue).octet(DURABLE).with(&kind)).await
    }

    async fn ask(&mut self, method: &Inside) -> Result<(), SendError> {
        let mut out = Vec::new();
        method.push_method(CHANNEL, &mut out);
        done(&mut self.connection, &out).await
    }

    /// Publishes alerts without waiting between them, and tells the fate of each by its place, as soon as it is known.
    /// After an error the connection is of no more use.
    pub(super) async fn publish(
        &mut self,
        publications: &[Publication<'_>],
        settled: impl FnMut(usize, Fate),
    ) -> Result<(), SendError> {
        let mut out = Vec::new();
        for publication in publications {
            publication.push(self.size_max, &mut out);
        }
        let ids = publications.iter().map(|publication| publication.id.clone());
        let waiting = Waiting::new(self.published + 1, ids);
        self.published += publications.len() as u64;
        let (mut reader, writer) = self.connection.halves();
        // The broker gives back what it cannot route: nobody may wait with reading until all is written.
        tokio::select! {
            answered = answers(&mut reader, waiting, settled) => answered,
            Err(error) = write(writer, &out, self.heartbeat) => Err(error.into()),
        }
    }
}

impl Kept for Session {
    /// A broker takes a connection that ends without a word for a failure, and logs it.
    async fn say_farewell(&mut self) {
        const REPLY_SUCCESS: u16 = 200;
        let mut out = Vec::new();
        let close = Inside::method(10, 50).short(REPLY_SUCCESS).short_text("idle").short(0).short(0);
        close.push_method(0, &mut out);
        let _ = done(&mut self.connection, &out).await;
    }
}

/// Writes, and says from time to time that one is still there.
async fn write(
    mut writer: impl AsyncWrite + Unpin,
    bytes: &[u8],
    heartbeat: Option<Duration>,
) -> io::Result<Infallible> {
    writer.write_all(bytes).await?;
    loop {
        writer.flush().await?;
        match heartbeat {
            Some(pause) => tokio::time::sleep(pause).await,
            None => std::future::pending().await,
        }
        writer.write_all(&HEARTBEAT).await?;
    }
}

/// Hears the fates of alerts, until all are known.
async fn answers(
    reader: &mut (impl AsyncRead + Unpin),
    mut waiting: Waiting,
    mut settled: impl FnMut(usize, Fate),
) -> Result<(), SendError> {
    let mut given_back = None;
    while !waiting.is_over() {
        let method = match frame::read(reader).await? {
            Frame::Method(method) => method,
            Frame::Header(header) => {
                if let Some((cause, id)) = given_back.take().zip(said::id(&header)) {
                    waiting.give_back(&id, cause);
                }
                continue;
            }
            Frame::Heartbeat | Frame::Body => continue,
        };
        match Said::parse(&method).ok_or_else(frame::no_broker)? {
            Said::Taken { number, also_before } => waiting.settle(number, also_before, true, &mut settled),
            Said::Failed { number, also_before } => waiting.settle(number, also_before, false, &mut settled),
            Said::Returned { code, text } => {
                given_back = Some(format!("the broker gave it back: {code} {text}"));
            }
            Said::Unblocked => {}
            // It is not about these alerts: they wait until there is room.
            Said::Blocked { text } => {
                return Err(SendError::Unreachable(format!("the broker takes nothing now: {text}")));
            }
            Said::Closed { code: PRECONDITION_FAILED, text } => {
                return Err(SendError::Refused(refusal(PRECONDITION_FAILED, &text)));
            }
            Said::Closed { code, text } => return Err(SendError::later(refusal(code, &text))),
            other => return Err(unexpected(&other)),
        }
    }
    Ok(())
}
