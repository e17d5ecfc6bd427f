//! Bearer tokens: a file with one `name:token`, or a token alone, on each line. Lines that are empty
//! or begin with `#` are skipped. The file is read again when it changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use subtle::ConstantTimeEq as _;

use crate::error::Error;

/// The file is looked at so often at most.
const REFRESH: Duration = Duration::from_secs(1);

/// Bytes of a token at least: less can be guessed.
const LENGTH_MIN: usize = 16;

/// Bytes of the file at most.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The name of a token without one.
const UNNAMED: &str = "token";

/// The file's tokens.
pub(super) struct Tokens {
    path: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    tokens: Arc<[Token]>,
    stamp: Option<(SystemTime, u64)>,
    looked: Instant,
}

struct Token {
    name: String,
    secret: String,
}

impl Tokens {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let stamp = stamp(path);
        let current = Current { tokens: read(path)?, stamp, looked: Instant::now() };
        Ok(Self { path: path.to_owned(), current: Mutex::new(current) })
    }

    /// The name of whoever has this token. How long it takes tells nothing of the tokens.
    pub(super) fn name(&self, presented: &[u8]) -> Option<String> {
        let mut found = None;
        for token in &*self.current() {
            if bool::from(token.secret.as_bytes().ct_eq(presented)) {
                found = Some(token.name.clone());
            }
        }
        found
    }

    fn current(&self) -> Arc<[Token]> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= REFRESH {
            current.looked = Instant::now();
            let stamp = stamp(&self.path);
            if stamp != current.stamp {
                current.stamp = stamp;
                match read(&self.path) {
                    Ok(tokens) => {
                        tracing::info!(count = tokens.len(), "the tokens have changed");
                        current.tokens = tokens;
                    }
                    Err(error) => tracing::error!(%error, "the new tokens can't be used: the old ones stay"),
                }
            }
        }
        Arc::clone(&current.tokens)
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<Arc<[Token]>, Error> {
    let failed = |problem: String| {
        Error::Configuration(format!("`webserver.token_file`: {}: {problem}", path.display()))
    };
    let length = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > FILE_BYTES_MAX {
        return Err(failed(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    parse(&text).map_err(failed)
}

fn parse(text: &str) -> Result<Arc<[Token]>, String> {
    let mut tokens = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, secret) = line.split_once(':').unwrap_or((UNNAMED, line));
        let (name, secret) = (name.trim(), secret.trim());
        if name.is_empty() || name.len() > 200 {
            return Err(format!("line {number}: the name must have 1 to 200 bytes"));
        }
        if secret.len() < LENGTH_MIN {
            return Err(format!(
                "line {number}: a token needs {LENGTH_MIN} bytes or more: `openssl rand -hex 32` makes one"
            ));
        }
        tokens.push(Token { name: name.to_owned(), secret: secret.to_owned() });
    }
    if tokens.is_empty() {
        return Err("it holds no token".to_owned());
    }
    Ok(tokens.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_tokens_with_or_without_a_name() {
        let tokens = parse("# ours\n\nnode-1: 0123456789abcdef \nfedcba9876543210\n").unwrap();
        let pairs: Vec<_> = tokens.iter().map(|token| (&*token.name, &*token.secret)).collect();
        assert_eq!(pairs, [("node-1", "0123456789abcdef"), ("token", "fedcba9876543210")]);
        for (text, problem) in [
            ("", "no token"),
            ("a:short\n", "line 1"),
            (":0123456789abcdef", "1 to 200"),
            ("# only", "no token"),
        ] {
            let error = parse(text).err().unwrap();
            assert!(error.contains(problem), "{error}");
            assert!(!error.contains("short"), "a secret is never shown");
        }
    }

    #[test]
    fn a_changed_file_counts_and_a_broken_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        fs::write(&path, "a:0123456789abcdef\n").unwrap();
        let tokens = Tokens::open(&path).unwrap();
        assert_eq!(tokens.name(b"0123456789abcdef").as_deref(), Some("a"));
        assert_eq!(tokens.name(b"0123456789abcdeX"), None);
        let look = || tokens.current.lock().unwrap().looked -= REFRESH;
        fs::write(&path, "b:0123456789abcdef0\n").unwrap();
        look();
        assert_eq!(tokens.name(b"0123456789abcdef0").as_deref(), Some("b"));
        assert_eq!(tokens.name(b"0123456789abcdef"), None);
        fs::write(&path, "").unwrap();
        look();
        assert_eq!(tokens.name(b"0123456789abcdef0").as_deref(), Some("b"));
    }
}
