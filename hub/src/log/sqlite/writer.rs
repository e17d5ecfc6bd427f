//! The thread that writes. It takes everything that waits into one transaction, so that the disk is
//! told once for many batches; whoever waits is answered after that.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};
use tokio::sync::{mpsc, oneshot, watch};

use super::super::tail::Tail;
use super::super::{Append, Appended, Entry, LogError};
use super::append::append;
use super::failed;

/// Alerts in one transaction, about.
const GROUP_ALERTS_MAX: usize = 65_536;

/// The size is compared with the bound after so many groups.
const RETENTION_GROUPS: u64 = 64;

/// The part of the alerts that goes when there are too many bytes.
const RETENTION_PART: u64 = 20;

/// Moves a cursor, or makes it.
const COMMIT: &str =
    "INSERT INTO cursors VALUES (?, ?) ON CONFLICT DO UPDATE SET position = excluded.position";

type Reply<T> = oneshot::Sender<Result<T, LogError>>;

/// What the thread is asked to do.
pub(super) enum Request {
    Append(Append, Reply<Appended>),
    Commit(String, u64, Reply<()>),
    Forget(String, Reply<bool>),
}

/// What came of a request.
#[derive(Clone, Copy)]
enum Done {
    Appended(Appended),
    Committed,
    Forgotten(bool),
}

impl Request {
    /// Answers whoever waits. Nobody does any more if its connection has ended.
    fn answer(self, outcome: Result<Done, LogError>) {
        match (self, outcome) {
            (Self::Append(_, reply), Ok(Done::Appended(appended))) => drop(reply.send(Ok(appended))),
            (Self::Append(_, reply), Err(error)) => drop(reply.send(Err(error))),
            (Self::Commit(_, _, reply), outcome) => drop(reply.send(outcome.map(drop))),
            (Self::Forget(_, reply), Ok(Done::Forgotten(was_there))) => drop(reply.send(Ok(was_there))),
            (Self::Forget(_, reply), Err(error)) => drop(reply.send(Err(error))),
            (Self::Append(..) | Self::Forget(..), Ok(_)) => {}
        }
    }

    fn run(
        &self,
        transaction: &Transaction<'_>,
        last: &mut u64,
        entries: &mut Vec<Entry>,
    ) -> rusqlite::Result<Done> {
        Ok(match self {
            Self::Append(batch, _) => Done::Appended(append(transaction, batch, last, entries)?),
            Self::Commit(name, position, _) => {
                transaction.prepare_cached(COMMIT)?.execute(params![name, position.cast_signed()])?;
                Done::Committed
            }
            Self::Forget(name, _) => {
                Done::Forgotten(transaction.execute("DELETE FROM cursors WHERE name = ?", [name])? > 0)
            }
        })
    }
}

/// The thread.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) tail: Arc<Tail>,
    pub(super) head: watch::Sender<u64>,
    pub(super) last: u64,
    pub(super) bytes_max: u64,
    pub(super) groups: u64,
}

impl Writer {
    /// Runs until nobody can ask any more.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        while let Some(first) = queue.blocking_recv() {
            let mut group = vec![first];
            let mut alerts = 0;
            while alerts < GROUP_ALERTS_MAX
                && let Ok(request) = queue.try_recv()
            {
                if let Request::Append(batch, _) = &request {
                    alerts += batch.alerts.len();
                }
                group.push(request);
            }
            self.write(group);
            self.groups += 1;
            if self.groups % RETENTION_GROUPS == 1
                && let Err(error) = self.retain()
            {
                tracing::error!(error = %failed(&self.path, &error), "old alerts can't be deleted");
            }
        }
    }

    /// Writes all of a group, or nothing of it, and answers.
    fn write(&mut self, group: Vec<Request>) {
        let before = self.last;
        let mut entries = Vec::new();
        match self.transact(&group, &mut entries) {
            Ok(done) => {
                self.tail.push(entries.into_iter());
                self.head.send_if_modified(|head| std::mem::replace(head, self.last) != self.last);
                for (request, done) in group.into_iter().zip(done) {
                    request.answer(Ok(done));
                }
            }
            Err(error) => {
                self.last = before;
                let error = failed(&self.path, &error);
                tracing::error!(%error, "alerts can't be written: nothing is acknowledged");
                for request in group {
                    request.answer(Err(error.clone()));
                }
            }
        }
    }

    fn transact(&mut self, group: &[Request], entries: &mut Vec<Entry>) -> rusqlite::Result<Vec<Done>> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let done = group
            .iter()
            .map(|request| request.run(&transaction, &mut self.last, entries))
            .collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(done)
    }

    /// Deletes the oldest alerts while there are too many bytes.
    fn retain(&mut self) -> rusqlite::Result<()> {
        let pragma =
            |name: &str| self.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        let used = (pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?;
        if used.cast_unsigned() <= self.bytes_max {
            return Ok(());
        }
        let sql = "SELECT COALESCE(MIN(position), 0) FROM alerts";
        let first = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0))?.cast_unsigned();
        let end = first + (self.last.saturating_sub(first) / RETENTION_PART).max(1);
        let deleted =
            self.connection.execute("DELETE FROM alerts WHERE position < ?", [end.cast_signed()])?;
        tracing::warn!(deleted, "the log is full: the oldest alerts were deleted");
        Ok(())
    }
}
