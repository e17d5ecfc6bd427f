//! Copies the log into another file while alerts come in.
//!
//! The copy is of one moment: its connection keeps that moment's pages readable, so the `-wal` file grows by
//! what comes in meanwhile. That is bounded: a disk that is slower than the alerts gets no backup.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use prometheus::IntCounterVec;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::super::{BackedUp, LogError};
use super::readers::connect;
use super::{failed, met, pragma, problem};

/// Pages that are copied at once: 2 MiB, between which others get at the disk.
const PAGES: i32 = 256;

/// What may come in while a backup is made: bytes by which the `-wal` file may grow.
pub(super) struct Bound {
    pub(super) bytes: u64,
    pub(super) met: Option<IntCounterVec>,
}

/// Copies `log` to `to`, and says how far it is; `false` from `progress` ends it.
pub(super) fn run(
    log: &Path,
    to: &Path,
    bound: &Bound,
    mut progress: impl FnMut(BackedUp) -> bool,
) -> Result<(), LogError> {
    let refused = |text: String| problem(log, format!("no backup was made: {text}"));
    if !to.is_absolute() {
        return Err(refused(format!("`{}` is not an absolute path", to.display())));
    }
    if to.symlink_metadata().is_ok() {
        return Err(refused(format!("`{}` exists already; name another file", to.display())));
    }
    let part = Part::new(to)
        .map_err(|cause| refused(format!("`{}` can't be written beside its place: {cause}", to.display())))?;
    let all = copy(log, &part.path, bound, &mut progress)?;
    let misplaced = |cause| refused(format!("`{}` can't be put in its place: {cause}", to.display()));
    part.file.sync_all().map_err(misplaced)?;
    // That may have taken long. Whoever has left was told that there is no file.
    if !progress(all) {
        return Err(ended(log));
    }
    part.finish(to).map_err(misplaced)
}

fn ended(log: &Path) -> LogError {
    problem(log, "the backup was ended".to_owned())
}

fn copy(
    log: &Path,
    part: &Path,
    bound: &Bound,
    progress: &mut impl FnMut(BackedUp) -> bool,
) -> Result<BackedUp, LogError> {
    let read = |error: rusqlite::Error| failed(log, &error);
    let source = connect(log).map_err(read)?;
    // From here on it sees this moment. SQLite would begin anew with each group that comes in.
    source.execute_batch("BEGIN").map_err(read)?;
    let page = pragma(&source, "page_size").map_err(read)?.cast_unsigned();
    source.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(())).map_err(read)?;
    let write = |error: rusqlite::Error| failed(part, &error);
    let mut copy = Connection::open(part).map_err(write)?;
    // A copy that fails is thrown away, and one that succeeds is put on disk at the end.
    copy.pragma_update(None, "journal_mode", "OFF").map_err(write)?;
    copy.pragma_update(None, "synchronous", "OFF").map_err(write)?;
    let mut wal = log.as_os_str().to_owned();
    wal.push("-wal");
    let wal_bytes = || std::fs::metadata(&wal).map_or(0, |metadata| metadata.len());
    let allowed = wal_bytes() + bound.bytes;
    let backup = Backup::new(&source, &mut copy).map_err(read)?;
    loop {
        let step = backup.step(PAGES).map_err(write)?;
        let pages = backup.progress();
        let bytes = |pages: i32| u64::try_from(pages).unwrap_or(0) * page;
        let copied =
            BackedUp { bytes: bytes(pages.pagecount - pages.remaining), total: bytes(pages.pagecount) };
        if step == StepResult::Done {
            return Ok(copied);
        }
        if !progress(copied) {
            return Err(ended(log));
        }
        if wal_bytes() > allowed {
            met(bound.met.as_ref(), "backup");
            let text = "no backup was made: alerts come in faster than it can be written; \
                        try again when fewer come, or to a faster disk";
            return Err(problem(log, text.to_owned()));
        }
    }
}

/// The file while it is not complete. It goes unless it is finished.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn new(to: &Path) -> std::io::Result<Self> {
        let mut name = to.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        // Alerts are not for everybody on this machine.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path, file })
    }

    fn finish(self, to: &Path) -> std::io::Result<()> {
        // A rename replaces what is there, so that it must be ours. A link would not, but not every file
        // system has links: FAT and many of the network's have none.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        if let Err(cause) = std::fs::rename(&self.path, to) {
            let _ = std::fs::remove_file(to);
            return Err(cause);
        }
        File::open(to.parent().unwrap_or(to))?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
