//! History: an index of the log in a file of its own, for searching and counting.
//!
//! It is filled by a consumer of the log, behind ingest, and knows nothing of how the log is kept. When the
//! log grows faster than this can follow, it lags, and says so.

mod dimensions;
mod schema;
mod terms;
mod tally;
mod index;
mod select;
mod search;
mod count;
mod follow;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub(crate) use count::{ByHand, CountError, Counts, Question};
pub(crate) use dimensions::{DIMENSIONS, from_wire};
pub(crate) use follow::Follower;
pub(crate) use search::{Found, Range};
pub(crate) use select::Selection;

/// Questions that are answered at the same time. Further ones wait.
const QUESTIONS: usize = 2;

/// Alerts of one question that are looked at before others get their turn.
const LOOKS_MAX: usize = 100_000;

/// Why the history does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the history {path}: {problem}")]
pub(crate) struct HistoryError {
    path: String,
    problem: String,
}

/// The index, for those who ask.
#[derive(Clone)]
pub(crate) struct History(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// Grows with each new file.
    generation: AtomicU64,
    readers: Mutex<Vec<(u64, Connection)>>,
    permits: Semaphore,
    /// Cancelled once the one who writes the file has opened it, or could not.
    tried: CancellationToken,
}

/// An answer, and how far the index had come.
pub(crate) struct Indexed<T> {
    pub(crate) answer: T,
    pub(crate) indexed: u64,
}

impl History {
    fn new(path: &Path) -> Self {
        Self(Arc::new(Inner {
            path: path.to_owned(),
            generation: AtomicU64::new(0),
            readers: Mutex::default(),
            permits: Semaphore::new(QUESTIONS),
            tried: CancellationToken::new(),
        }))
    }

    fn path(&self) -> &Path {
        &self.0.path
    }

    /// The file is another one now.
    fn is_renewed(&self) {
        self.0.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on what can't be answered is an error: before that a new hub's first questions wait for its file.
    fn is_tried(&self) {
        self.0.tried.cancel();
    }

    /// Answers no more. The file is left for the writer to close.
    fn close(&self) {
        self.is_tried();
        self.0.permits.close();
        self.is_renewed();
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Finds a part of a selection. Each position is to be looked at: see [`Selection::admits`].
    pub(crate) async fn find(
        &self,
        selection: &Selection,
        range: Range,
    ) -> Result<Indexed<Found>, HistoryError> {
        let selection = selection.clone();
        self.ask(move |index| search::find(index, &selection, range, LOOKS_MAX)).await
    }

    /// Counts from the index alone. Answers also which dimensions have more values than it tells apart.
    pub(crate) async fn count(
        &self,
        question: Question,
    ) -> Result<Indexed<Result<(Counts, Vec<usize>), CountError>>, HistoryError> {
        self.ask(move |index| {
            Ok(count::count(index, &question).and_then(|counts| Ok((counts, overflowed(index)?))))
        })
        .await
    }

    /// Asks the index, as it is at one moment.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Indexed<T>, HistoryError> {
        self.0.tried.cancelled().await;
        let _permit = self.0.permits.acquire().await.map_err(|error| self.problem(&error))?;
        let inner = Arc::clone(&self.0);
        let ask = move || {
            let generation = inner.generation.load(Ordering::SeqCst);
            let mut reader = inner.reader(generation)?;
            let transaction = reader.transaction()?;
            let answer = question(&transaction)?;
            let indexed: i64 = transaction.query_row("SELECT cursor FROM state", [], |row| row.get(0))?;
            drop(transaction);
            inner.put_back(generation, reader);
            Ok(Indexed { answer, indexed: indexed.cast_unsigned() })
        };
        let outcome = tokio::task::spawn_blocking(ask).await.map_err(|error| self.problem(&error))?;
        outcome.map_err(|error: rusqlite::Error| self.problem(&error))
    }

    fn problem(&self, error: &dyn std::error::Error) -> HistoryError {
        HistoryError { path: self.0.path.display().to_string(), problem: error.to_string() }
    }
}

impl Inner {
    fn reader(&self, generation: u64) -> rusqlite::Result<Connection> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|(of, _)| *of == generation);
        match readers.pop() {
            Some((_, reader)) => Ok(reader),
            None => schema::open_reader(&self.path),
        }
    }

    fn put_back(&self, generation: u64, reader: Connection) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::SeqCst) == generation {
            readers.push((generation, reader));
        }
    }
}

/// The dimensions with more values than are told apart.
fn overflowed(index: &Connection) -> rusqlite::Result<Vec<usize>> {
    let mut statement = index.prepare_cached("SELECT id FROM terms WHERE id < 0 AND alerts > 0")?;
    let found = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    Ok((0..DIMENSIONS.len()).filter(|kind| found.contains(&terms::other(*kind))).collect())
}
