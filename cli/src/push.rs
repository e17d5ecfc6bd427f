//! `cadge push`: hands in one event.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use cadge_client::Event;

use crate::args::Push;
use crate::hub::runtime;
use crate::read::connect;
use crate::stop::Stop;

/// The hub may take so long, and may be started again within it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hands in the event, and ends once it is on the hub's disk.
pub(crate) fn run(args: &Push) -> Result<()> {
    let event = Event {
        // Before the connection: that is when it happened.
        time: Some(SystemTime::now()),
        priority: args.priority.into(),
        rule: args.rule.clone(),
        output: args.output.clone(),
        output_fields: args.fields.iter().cloned().collect(),
        hostname: args.host.clone().unwrap_or_else(hostname),
        tags: args.tag.clone(),
        source: args.source.clone(),
    };
    runtime()?.block_on(async {
        let mut stop = Stop::listen()?;
        let pushing = async {
            let client = connect(&args.reach).await?;
            anyhow::Ok(client.push([event]).await?)
        };
        let pushed = tokio::select! {
            () = stop.asked() => bail!("ended: the event may not be on the hub's disk"),
            pushed = tokio::time::timeout(PATIENCE, pushing) => pushed,
        };
        let pushed = pushed.with_context(|| {
            format!(
                "the hub has not answered within {} s: the event may not be on its disk",
                PATIENCE.as_secs()
            )
        })??;
        match pushed.refused.first() {
            Some(refused) => bail!("the hub does not keep the event: {}", refused.reason),
            None => Ok(()),
        }
    })
}

/// This host's name; empty if it has none.
fn hostname() -> String {
    nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned()
}
