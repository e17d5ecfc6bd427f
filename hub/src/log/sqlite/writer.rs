//! The thread that writes. It takes everything that waits into one transaction, so that the disk is
//! told once for many batches; whoever waits is answered after that.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use super::super::tail::Tail;
use super::super::{Append, Appended, Entry, HOLE, LogError};
use super::append::append;
use super::retention::{Deleted, Retention};
use super::wal::Wal;
use super::{failed, problem};

/// Without requests, old alerts are looked for so often.
const IDLE: Duration = Duration::from_secs(10);

/// Moves a cursor, or makes it.
const COMMIT: &str =
    "INSERT INTO cursors VALUES (?, ?) ON CONFLICT DO UPDATE SET position = excluded.position";

type Reply<T> = oneshot::Sender<Result<T, LogError>>;

/// What the thread is asked to do.
pub(super) enum Request {
    /// With the room that it has in the queue.
    Append(Append, Reply<Appended>, OwnedSemaphorePermit),
    Commit(String, u64, Reply<()>),
    Forget(String, Reply<bool>),
}

/// What came of a request.
#[derive(Clone, Copy)]
enum Done {
    Appended(Appended),
    /// The batch before it is missing.
    Refused,
    Committed,
    Forgotten(bool),
}

impl Request {
    /// Answers whoever waits. Nobody does any more if its connection has ended.
    fn answer(self, outcome: Result<Done, LogError>) {
        match (self, outcome) {
            (Self::Append(_, reply, room), Ok(Done::Appended(appended))) => {
                drop((reply.send(Ok(appended)), room));
            }
            (Self::Append(_, reply, room), Err(error)) => drop((reply.send(Err(error)), room)),
            (Self::Commit(_, _, reply), outcome) => drop(reply.send(outcome.map(drop))),
            (Self::Forget(_, reply), Ok(Done::Forgotten(was_there))) => drop(reply.send(Ok(was_there))),
            (Self::Forget(_, reply), Err(error)) => drop(reply.send(Err(error))),
            (Self::Append(..) | Self::Forget(..), Ok(_)) => {}
        }
    }

    fn run(
        &self,
        connection: &Connection,
        last: &mut u64,
        entries: &mut Vec<Entry>,
    ) -> rusqlite::Result<Done> {
        Ok(match self {
            Self::Append(batch, ..) => {
                append(connection, batch, last, entries)?.map_or(Done::Refused, Done::Appended)
            }
            Self::Commit(name, position, _) => {
                connection.prepare_cached(COMMIT)?.execute(params![name, position.cast_signed()])?;
                Done::Committed
            }
            Self::Forget(name, _) => {
                Done::Forgotten(connection.execute("DELETE FROM cursors WHERE name = ?", [name])? > 0)
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
    pub(super) bounds: Bounds,
    pub(super) pace: Pace,
    pub(super) retention: Retention,
    pub(super) wal: Wal,
    /// Given back after the connection is closed.
    pub(super) _lock: File,
}

/// How large a group gets, and how long it waits for that.
pub(super) struct Bounds {
    pub(super) alerts_max: usize,
    pub(super) bytes_max: usize,
    pub(super) wait: Duration,
}

/// The longest pause before a group is written: what a disk that flushes slowly would ask for.
const PAUSE_MAX: Duration = Duration::from_millis(1);

/// How the last group went. Those who were in it and wait for each answer, as stock Falco does, come back together:
/// the first of them is not to have the disk told for itself alone.
#[derive(Default)]
pub(super) struct Pace {
    requests: usize,
    took: Duration,
}

impl Pace {
    /// How long to let others come, when so many are there.
    fn pause(&self, requests: usize) -> Duration {
        if requests * 2 > self.requests { Duration::ZERO } else { (self.took / 4).min(PAUSE_MAX) }
    }
}

/// Requests that are written together.
#[derive(Default)]
struct Group {
    requests: Vec<Request>,
    alerts: usize,
    bytes: usize,
}

impl Group {
    fn push(&mut self, request: Request) {
        if let Request::Append(batch, ..) = &request {
            self.alerts += batch.alerts.len();
            self.bytes += batch.bytes();
        }
        self.requests.push(request);
    }

    /// Takes what is there.
    fn fill(&mut self, queue: &mut mpsc::Receiver<Request>, bounds: &Bounds) {
        while self.has_room(bounds)
            && let Ok(request) = queue.try_recv()
        {
            self.push(request);
        }
    }

    fn has_room(&self, bounds: &Bounds) -> bool {
        self.alerts < bounds.alerts_max && self.bytes < bounds.bytes_max
    }
}

impl Writer {
    /// Runs until nobody can ask any more.
    pub(super) fn run(mut self, runtime: &Runtime, mut queue: mpsc::Receiver<Request>) {
        self.tend();
        while let Some(mut group) = runtime.block_on(gather(&mut queue, &self.bounds)) {
            if group.requests.is_empty() {
                self.tend();
                continue;
            }
            let pause = self.pace.pause(group.requests.len());
            if !pause.is_zero() {
                std::thread::sleep(pause);
                group.fill(&mut queue, &self.bounds);
            }
            let (requests, began) = (group.requests.len(), Instant::now());
            self.write(group);
            self.pace = Pace { requests, took: began.elapsed() };
        }
    }

    /// Writes all of a group, or nothing of it, and answers.
    fn write(&mut self, group: Group) {
        let before = self.last;
        let mut entries = Vec::with_capacity(group.alerts);
        let outcome = match self.wal.refusal(&self.connection) {
            Some(refusal) => Err(problem(&self.path, refusal)),
            None => self.transact(&group, &mut entries).map_err(|error| failed(&self.path, &error)),
        };
        match outcome {
            Ok(done) => {
                self.tail.push(entries.into_iter());
                self.head.send_if_modified(|head| std::mem::replace(head, self.last) != self.last);
                for (request, done) in group.requests.into_iter().zip(done) {
                    request.answer(match done {
                        Done::Refused => Err(problem(&self.path, HOLE.to_owned())),
                        done => Ok(done),
                    });
                }
                self.wal.wrote(&self.connection, group.bytes as u64);
            }
            Err(error) => {
                self.last = before;
                tracing::error!(%error, "alerts can't be written: nothing is acknowledged");
                for request in group.requests {
                    request.answer(Err(error.clone()));
                }
            }
        }
    }

    fn transact(&mut self, group: &Group, entries: &mut Vec<Entry>) -> rusqlite::Result<Vec<Done>> {
        // By statements that are parsed once: the library's own transactions parse theirs each time.
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let outcome = self.fill(group, entries).and_then(|filled| {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(filled)
        });
        if outcome.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        let (deleted, done) = outcome?;
        self.retention.note(deleted);
        Ok(done)
    }

    fn fill(&mut self, group: &Group, entries: &mut Vec<Entry>) -> rusqlite::Result<(Deleted, Vec<Done>)> {
        let deleted = self.retention.step(&self.connection, group.alerts, group.bytes)?;
        let run = |request: &Request| request.run(&self.connection, &mut self.last, entries);
        Ok((deleted, group.requests.iter().map(run).collect::<Result<_, _>>()?))
    }

    /// What is to be done when nothing comes.
    fn tend(&mut self) {
        let outcome = self.retention.is_due(&self.connection).and_then(|is_due| {
            if is_due { self.transact(&Group::default(), &mut Vec::new()).map(drop) } else { Ok(()) }
        });
        match outcome {
            Ok(()) => self.wal.wrote(&self.connection, 0),
            Err(error) => {
                tracing::error!(error = %failed(&self.path, &error), "old alerts can't be deleted");
            }
        }
    }
}

/// The next group: empty if nothing has come for a while, `None` if nothing can come any more.
async fn gather(queue: &mut mpsc::Receiver<Request>, bounds: &Bounds) -> Option<Group> {
    let mut group = Group::default();
    match tokio::time::timeout(IDLE, queue.recv()).await {
        Err(_) => return Some(group),
        Ok(first) => group.push(first?),
    }
    let deadline = tokio::time::Instant::now() + bounds.wait;
    loop {
        group.fill(queue, bounds);
        if bounds.wait.is_zero() || !group.has_room(bounds) {
            break;
        }
        match tokio::time::timeout_at(deadline, queue.recv()).await {
            Ok(Some(request)) => group.push(request),
            Ok(None) | Err(_) => break,
        }
    }
    Some(group)
}
