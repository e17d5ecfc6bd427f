//! `cadge hub backup`: has a running hub copy its log into a file on its machine.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail};

use crate::args::Backup;
use crate::hub::runtime;
use crate::read::connect;
use crate::stop::Stop;

/// What is said to who has interrupted it.
const ENDED: &str = "the backup was ended: no file is left";

/// Makes a backup, and says how far it is where somebody looks.
pub(crate) fn run(args: &Backup) -> Result<()> {
    let path = std::path::absolute(&args.file).context("the file's path")?;
    let path = path.to_str().context("the file's path is not UTF-8")?;
    let shows = std::io::stderr().is_terminal();
    runtime()?.block_on(async {
        let mut stop = Stop::listen()?;
        // The hub may be slow to begin, too.
        let begin = async { anyhow::Ok(connect(&args.reach).await?.backup(path).await?) };
        let mut backup = tokio::select! {
            () = stop.asked() => bail!(ENDED),
            backup = begin => backup?,
        };
        loop {
            let report = tokio::select! {
                () = stop.asked() => bail!(ENDED),
                report = backup.next() => report?,
            };
            let Some(report) = report else { bail!("the hub has ended the backup") };
            let (mib, total) = (report.bytes >> 20, report.bytes_total >> 20);
            if report.done {
                eprintln!("{}wrote {path}: {total} MiB", if shows { "\r" } else { "" });
                return Ok(());
            }
            if shows {
                eprint!("\r{mib} of {total} MiB");
                std::io::stderr().flush()?;
            }
        }
    })
}
