//! Bearer tokens: a file with one on each line, behind the name of whoever has it. Lines that are empty or begin with
//! `#` are skipped. The file is read again when it changes; who has come with a token that is gone loses the
//! connection.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq as _;
use tokio_util::sync::CancellationToken;

use crate::config::Role;
use crate::connect::stamp::Stamp;
use crate::error::Error;

/// The file is looked at so often at most.
const REFRESH: Duration = Duration::from_secs(1);

/// Bytes of a token at least: less can be guessed.
const LENGTH_MIN: usize = 16;

/// Bytes of a name at most.
const NAME_BYTES_MAX: usize = 200;

/// Bytes of the file at most.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The name of a token without one.
const UNNAMED: &str = "token";

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `NAME:TOKEN` or a token alone: a sensor's. The file of `webserver.token_file`.
    Names,
    /// `ROLE/NAME:TOKEN`. The file of `grpc.token_file`.
    Roles,
}

/// The file's tokens.
pub(crate) struct Tokens {
    path: PathBuf,
    form: Form,
    current: Mutex<Current>,
}

struct Current {
    tokens: Arc<[Arc<Token>]>,
    stamp: Option<Stamp>,
    looked: Instant,
    next: u64,
    uses: HashMap<u64, (Arc<Token>, CancellationToken)>,
}

/// A token, and who has it.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Token {
    pub(crate) role: Role,
    pub(crate) name: String,
    secret: String,
}

/// A connection that somebody with a token uses: it counts as long as this lives.
pub(crate) struct Use {
    tokens: Arc<Tokens>,
    id: u64,
}

/// The token of `Bearer TOKEN`.
pub(crate) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| rest.trim_ascii())
}

impl Tokens {
    pub(crate) fn open(path: &Path, form: Form) -> Result<Self, Error> {
        let stamp = Stamp::of(path);
        let tokens = read(path, form)?;
        let current = Current { tokens, stamp, looked: Instant::now(), next: 0, uses: HashMap::new() };
        Ok(Self { path: path.to_owned(), form, current: Mutex::new(current) })
    }

    /// The token that somebody shows. How long it takes tells nothing of the tokens.
    pub(crate) fn find(&self, presented: &[u8]) -> Option<Arc<Token>> {
        self.look();
        let tokens = Arc::clone(&self.current().tokens);
        let mut found = None;
        for token in &*tokens {
            if bool::from(token.secret.as_bytes().ct_eq(presented)) {
                found = Some(token);
            }
        }
        found.cloned()
    }

    /// A connection is used with a token: `close` is cancelled when that is withdrawn. `None` if it is already.
    pub(crate) fn enter(self: &Arc<Self>, token: &Arc<Token>, close: CancellationToken) -> Option<Use> {
        let mut current = self.current();
        if !current.tokens.contains(token) {
            return None;
        }
        current.next += 1;
        let id = current.next;
        current.uses.insert(id, (Arc::clone(token), close));
        Some(Use { tokens: Arc::clone(self), id })
    }

    /// Reads the file again when it changes, until it is told to stop.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(REFRESH);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            let this = Arc::clone(&self);
            if let Err(error) = tokio::task::spawn_blocking(move || this.look()).await {
                tracing::error!(%error, "the tokens can't be looked at");
            }
        }
    }

    /// Reads the file if it has changed, unless somebody has just looked.
    fn look(&self) {
        {
            let mut current = self.current();
            if current.looked.elapsed() < REFRESH {
                return;
            }
            current.looked = Instant::now();
            let stamp = Stamp::of(&self.path);
            if stamp == current.stamp {
                return;
            }
            current.stamp = stamp;
        }
        match read(&self.path, self.form) {
            Ok(tokens) => {
                let (count, closed) = (tokens.len(), self.current().replace(tokens));
                tracing::info!(
                    count,
                    closed,
                    "the tokens have changed: connections of those that are gone are closed"
                );
            }
            Err(error) => tracing::error!(%error, "the new tokens can't be used: the old ones stay"),
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    /// Answers how many connections have ended.
    fn replace(&mut self, tokens: Arc<[Arc<Token>]>) -> usize {
        let known: HashSet<&Token> = tokens.iter().map(|token| &**token).collect();
        let withdrawn = self.uses.values().filter(|(token, _)| !known.contains(&**token));
        let closed = withdrawn.map(|(_, close)| close.cancel()).count();
        self.tokens = tokens;
        closed
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.tokens.current().uses.remove(&self.id);
    }
}

impl Form {
    /// The key that names the file.
    fn key(self) -> &'static str {
        match self {
            Self::Names => "webserver.token_file",
            Self::Roles => "grpc.token_file",
        }
    }

    /// Who has the token of a line, and the token.
    fn split(self, line: &str) -> Result<(Role, &str, &str), String> {
        match self {
            Self::Names => {
                let (name, secret) = line.split_once(':').unwrap_or((UNNAMED, line));
                Ok((Role::Sensor, name.trim(), secret.trim()))
            }
            Self::Roles => {
                let (who, secret) = line.split_once(':').ok_or("expected ROLE/NAME:TOKEN")?;
                let (role, name) = who.split_once('/').ok_or("expected ROLE/NAME:TOKEN")?;
                let role = Role::ALL.into_iter().find(|known| known.name() == role.trim());
                let role = role.ok_or("the role must be sensor, consumer or admin")?;
                Ok((role, name.trim(), secret.trim()))
            }
        }
    }
}

fn read(path: &Path, form: Form) -> Result<Arc<[Arc<Token>]>, Error> {
    let failed =
        |problem: String| Error::Configuration(format!("`{}`: {}: {problem}", form.key(), path.display()));
    let length = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > FILE_BYTES_MAX {
        return Err(failed(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    parse(&text, form).map_err(failed)
}

fn parse(text: &str, form: Form) -> Result<Arc<[Arc<Token>]>, String> {
    // A file that is being written is empty for a moment: that must not lock everybody out.
    if text.trim().is_empty() {
        return Err("it holds no token; to withdraw the last one, leave a line with `#`".to_owned());
    }
    let (mut tokens, mut secrets) = (Vec::new(), HashMap::new());
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let token = token(line, form).map_err(|problem| format!("line {number}: {problem}"))?;
        if let Some(first) = secrets.insert(token.secret.clone(), number)
            && form == Form::Roles
        {
            return Err(format!("line {number}: its token is that of line {first}: each needs its own"));
        }
        tokens.push(Arc::new(token));
    }
    Ok(tokens.into())
}

fn token(line: &str, form: Form) -> Result<Token, String> {
    let (role, name, secret) = form.split(line)?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(format!("the name must have 1 to {NAME_BYTES_MAX} bytes that can be printed"));
    }
    if secret.len() < LENGTH_MIN {
        return Err(format!("a token needs {LENGTH_MIN} bytes or more: `openssl rand -hex 32` makes one"));
    }
    Ok(Token { role, name: name.to_owned(), secret: secret.to_owned() })
}

#[cfg(test)]
mod tests;
