//! Prints each alert as a line of JSON.

use std::io::Write as _;
use std::sync::Arc;

use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::Section;
use crate::format::canonical;
use crate::settings::{Common, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Alerts that are written together.
const BATCH: usize = 500;

keys! {
    /// The section `stdout`.
    pub(crate) struct Config {
        /// Whether alerts are printed.
        enabled: bool = false,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "stdout";
    const ABOUT: &'static str =
        "Prints each alert on the hub's standard output, a line of falcosidekick's JSON each.";
    const EXAMPLE: &'static str = "stdout:\n  enabled: true\n";

    fn is_on(&self) -> bool {
        self.enabled
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        Ok(Box::new(Stdout { writing: Arc::default(), kinds: setup.kinds }))
    }
}

struct Stdout {
    /// A reader that stands still costs one thread, not one for each attempt.
    writing: Arc<Mutex<()>>,
    kinds: FieldKinds,
}

impl Integration for Stdout {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let text: String = alerts.iter().map(|delivery| canonical(&delivery.alert, self.kinds)).collect();
            // A reader that is slow holds up this destination, and nothing else.
            let writing = Arc::clone(&self.writing).lock_owned().await;
            let write = move || {
                let _writing = writing;
                let mut out = std::io::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            };
            let written = tokio::task::spawn_blocking(write).await;
            match written {
                Ok(Ok(())) => Ok(Answer("printed".to_owned())),
                Ok(Err(error)) => Err(SendError::Unreachable(format!("standard output: {error}"))),
                Err(_) => Err(SendError::Unreachable("the write was broken off".to_owned())),
            }
        })
    }
}
