//! Why a sensor does not start.

use std::io;
use std::path::PathBuf;

use crate::source::SourceError;

/// An error at start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A source cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The spool cannot be used.
    #[error("the spool {}: {problem}", path.display())]
    Spool {
        /// The spool's folder.
        path: PathBuf,
        /// What is wrong, and what to do about it.
        problem: String,
    },
    /// A certificate or key cannot be read.
    #[error("reading {}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A thread cannot be started.
    #[error("starting a thread: {0}")]
    Thread(io::Error),
    /// The hub's address is none.
    #[error("`{address}` is no address of a hub, such as https://hub.example:5060")]
    Address {
        /// What the configuration says.
        address: String,
    },
}
