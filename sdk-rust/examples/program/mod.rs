//! What all examples share: they end well when they are asked to, and say what went wrong.
#![allow(dead_code, reason = "no example needs all of it")]
#![allow(clippy::print_stderr, reason = "errors go there")]

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use cadge_client::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears of SIGINT (ctrl-C) and SIGTERM.
pub(crate) struct Stop(Signal, Signal);

impl Stop {
    /// From now on neither ends the program by itself.
    pub(crate) fn listen() -> Self {
        let listen = |kind| signal(kind).expect("the runtime listens to signals");
        Self(listen(SignalKind::interrupt()), listen(SignalKind::terminate()))
    }

    /// Waits for one of them.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

/// Does something that may be left undone when the program is asked to stop.
pub(crate) async fn unless_stopped(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let mut stop = Stop::listen();
    tokio::select! {
        outcome = work => outcome,
        () = stop.asked() => Ok(()),
    }
}

/// The program's end: an error goes to stderr as `NAME: ERRORNAME: text`.
pub(crate) fn end(name: &str, outcome: Result<(), Error>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {}: {error}", error.name());
            ExitCode::FAILURE
        }
    }
}

/// Prints a line, at once. Where nobody reads any more the program ends.
pub(crate) fn print(line: impl Display) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// The error for arguments that do not fit.
pub(crate) fn usage(text: &str) -> Error {
    Error::InvalidRequest(format!("usage: {text}"))
}
