//! `cadge tail` and `cadge get`: alerts from a hub.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use cadge_client::{Client, GetOptions, Start, SubscribeOptions};

use crate::args::{From, Get, Reach, Tail};
use crate::hub::runtime;
use crate::print::Printer;
use crate::stop::Stop;
use crate::up;

/// Prints alerts until it is asked to stop.
pub(crate) fn tail(args: &Tail) -> Result<()> {
    let printer = Printer::from(&args.print);
    runtime()?.block_on(async {
        let mut stop = Stop::listen()?;
        let client = connect(&args.reach).await?;
        let start = match args.from {
            From::Now => Start::Now,
            From::Beginning => Start::Beginning,
        };
        let options = SubscribeOptions {
            cursor: args.cursor.clone(),
            start,
            filter: args.pick.filter.clone(),
            fields: args.pick.fields.clone(),
            ..SubscribeOptions::default()
        };
        let mut alerts = client.subscribe(options);
        loop {
            tokio::select! {
                () = stop.asked() => return Ok(()),
                alert = alerts.next() => match alert {
                    Some(alert) => printer.print(&alert?)?,
                    None => return Ok(()),
                },
            }
        }
    })
}

/// Prints what there is.
pub(crate) fn get(args: &Get) -> Result<()> {
    let printer = Printer::from(&args.print);
    runtime()?.block_on(async {
        let client = connect(&args.reach).await?;
        let picks = !args.pick.filter.is_empty() || !args.pick.fields.is_empty();
        let mut alerts = if args.after.is_some() || picks {
            let options = GetOptions {
                after: args.after.unwrap_or(0),
                limit: args.limit.unwrap_or(0),
                filter: args.pick.filter.clone(),
                fields: args.pick.fields.clone(),
                ..GetOptions::default()
            };
            client.get(options).await?
        } else {
            client.get_new().await?
        };
        while let Some(alert) = alerts.next().await {
            printer.print(&alert?)?;
        }
        Ok(())
    })
}

/// Connects as the flags say.
pub(crate) async fn connect(reach: &Reach) -> Result<Client> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    let token = token(reach)?;
    let mut connect = match &reach.hub {
        Some(hub) if reach.cert.is_some() || token.is_some() => Client::connect(hub),
        Some(_) => bail!(
            "--hub needs --cert and --key, or a token: --token-file FILE, or CADGE_TOKEN in the environment"
        ),
        None => Client::connect(format!("unix://{}", socket(reach)?.display())),
    };
    if let Some(ca) = &reach.ca {
        connect = connect.ca(read(ca)?);
    }
    if let (Some(cert), Some(key)) = (&reach.cert, &reach.key) {
        connect = connect.identity(read(cert)?, read(key)?);
    }
    if let Some(token) = token {
        connect = connect.token(token);
    }
    Ok(connect.await?)
}

/// The bearer token of a file, or of the environment.
fn token(reach: &Reach) -> Result<Option<String>> {
    let Some(path) = &reach.token_file else {
        return Ok(std::env::var("CADGE_TOKEN").ok().filter(|token| !token.is_empty()));
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let token = text.trim();
    if token.is_empty() {
        bail!("{} holds no token", path.display());
    }
    Ok(Some(token.to_owned()))
}

/// The socket that was named, or the first that exists of those that the hub makes by default.
fn socket(reach: &Reach) -> Result<PathBuf> {
    if let Some(socket) = &reach.socket {
        return Ok(socket.clone());
    }
    let usual = [PathBuf::from("/run/cadge/cadge.sock"), up::socket(&up::default_dir())];
    match usual.iter().find(|socket| socket.exists()) {
        Some(socket) => Ok(socket.clone()),
        None => bail!(
            "no hub runs here: neither {} nor {} is there\n  name one with --socket, or with --hub and a certificate or a token",
            usual[0].display(),
            usual[1].display()
        ),
    }
}
