//! Connections that read, a few at a time: who catches up from the disk doesn't wait for each other.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::super::LogError;
use super::open::BUSY;
use super::{failed, problem};

/// Connections at the same time.
const READERS: usize = 4;

/// The connections.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Semaphore,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Arc::default(), permits: Semaphore::new(READERS) }
    }

    /// Runs a query where waiting for the disk harms nobody.
    pub(super) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LogError> {
        let closed = || problem(&self.path, "it is closed".to_owned());
        let _permit = self.permits.acquire().await.map_err(|_| closed())?;
        let (idle, path) = (Arc::clone(&self.idle), self.path.clone());
        let run = move || {
            let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match connection {
                Some(connection) => connection,
                None => connect(&path)?,
            };
            let outcome = query(&connection)?;
            // One with an error is not used again.
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(outcome)
        };
        let outcome: rusqlite::Result<T> = tokio::task::spawn_blocking(run).await.map_err(|_| closed())?;
        outcome.map_err(|error| failed(&self.path, &error))
    }
}

/// A connection that can't write.
pub(super) fn connect(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}
