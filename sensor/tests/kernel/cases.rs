//! Rows of (event, script, expected fields): each is run in every mode that its calls exist in.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Instant;

use super::live::{PATIENCE, skipped};
use super::script::{MODES, Mode, Ran, run_event};
use super::watch::{Seen, Watch};

/// An event, the script that makes it, and its fields.
///
/// In the script and in the fields `{dir}` is a fresh folder with `file` (2 bytes), `link` (to `file`) and
/// `sub/`; `{port}` is a TCP port of 127.0.0.1 and `{port6}` of `::1` at which somebody listens, `{closed}`
/// one at which nobody does, and `{unix}` a Unix socket's path. In the fields `$0` is what step 0 answered
/// and `*` any text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    /// The event's type.
    pub(crate) event: &'a str,
    /// The steps.
    pub(crate) script: &'a [&'a str],
    /// Fields and their texts, `<NA>` for a missing one. The name of an argument stands for `evt.arg.NAME`.
    pub(crate) fields: &'a [(&'a str, &'a str)],
    /// Modes that it is not run in.
    not_by: &'a [Mode],
}

impl<'a> Case<'a> {
    /// Leaves modes out: those in which the kernel does otherwise.
    pub(crate) const fn not_by(self, modes: &'a [Mode]) -> Self {
        Self { not_by: modes, ..self }
    }
}

pub(crate) const fn case<'a>(
    event: &'a str,
    script: &'a [&'a str],
    fields: &'a [(&'a str, &'a str)],
) -> Case<'a> {
    Case { event, script, fields, not_by: &[] }
}

/// What must come.
struct Expected {
    mode: Mode,
    event: String,
    pid: i64,
    script: Vec<String>,
    fields: Vec<(String, String)>,
    /// Events of the same process that were not it.
    others: Vec<Seen>,
}

impl Expected {
    fn is(&self, seen: &Seen) -> bool {
        seen.kind == self.event && self.fields.iter().all(|(name, text)| is_like(seen.field(name), text))
    }

    fn explain(&self) -> String {
        let mut text = format!("{} as {:?} by {:?}:\n", self.event, self.mode, self.script);
        if self.others.is_empty() {
            text.push_str("  no event of the process at all\n");
        }
        for seen in &self.others {
            text.push_str(&format!("  came {}", seen.kind));
            for (name, expected) in self.fields.iter().filter(|_| seen.kind == self.event) {
                let is = seen.field(name);
                let sign = if is_like(is, expected) { "=" } else { "≠" };
                text.push_str(&format!("\n    {name}: {is} {sign} {expected}"));
            }
            text.push('\n');
        }
        text
    }
}

/// Runs every case in every mode, and expects its event.
#[track_caller]
pub(crate) fn expect_cases(watch: &Watch, cases: &[Case<'_>]) {
    let mut waiting = Vec::new();
    for case in cases {
        let mut runs = 0;
        for mode in MODES {
            if !case.not_by.contains(mode) && mode.fits_event(case.event, case.script) && mode.exists() {
                waiting.extend(made(case, *mode));
                runs += 1;
            }
        }
        assert!(runs > 0, "no mode fits {case:?}");
    }
    let count = waiting.len();
    let deadline = Instant::now() + PATIENCE;
    while !waiting.is_empty()
        && let Some(seen) = watch.next(deadline)
    {
        // An event stands for one case: two of one process are two events.
        if let Some(at) = waiting.iter().position(|expected| expected.pid == seen.pid && expected.is(&seen)) {
            waiting.remove(at);
        } else if let Some(expected) = waiting.iter_mut().find(|expected| expected.pid == seen.pid) {
            expected.others.push(seen);
        }
    }
    let missing: String = waiting.iter().map(Expected::explain).collect();
    assert!(missing.is_empty(), "{} of {count} did not come:\n{missing}", waiting.len());
}

/// Runs a case, and answers what must come of it; nothing, said aloud, if the kernel is too old for a call.
#[track_caller]
fn made(case: &Case<'_>, mode: Mode) -> Option<Expected> {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::new(&dir.path().canonicalize().unwrap());
    let script: Vec<String> = case.script.iter().map(|step| place.fill(step)).collect();
    let steps: Vec<&str> = script.iter().map(String::as_str).collect();
    let ran = run_event(mode, case.event, &steps);
    // Of an io_uring's operations that one says so that has no such.
    let expects_error = case.fields.iter().any(|(_, text)| text.contains("EINVAL"));
    let has_not = if mode.is_uring() && !expects_error { libc::EINVAL } else { libc::ENOSYS };
    let may_fail = case.fields.contains(&("evt.failed", "true"));
    if ran.results.contains(&-i64::from(has_not)) && !may_fail {
        skipped(&format!("{:?} as {mode:?}", case.script), "the kernel has no such call");
        return None;
    }
    let mut fields: Vec<(String, String)> = case
        .fields
        .iter()
        .filter(|(_, text)| is_known(mode, text))
        .map(|(name, text)| (full_name(name), results(&place.fill(text), &ran)))
        .collect();
    if says_abi(mode, case) {
        fields.push(("evt.abi".to_owned(), mode.abi().to_owned()));
    }
    fields.sort();
    Some(Expected { mode, event: case.event.to_owned(), pid: ran.pid, script, fields, others: Vec::new() })
}

/// Whether the event is of a call that is made as the mode says: the others are of processes, and some calls of
/// a script no `io_uring` makes.
fn says_abi(mode: Mode, case: &Case<'_>) -> bool {
    let is_of_process = ["execve", "execveat", "clone", "clone3", "fork", "vfork"].contains(&case.event);
    let is_last = case.script.last().is_some_and(|step| step.split(' ').next() == Some(case.event));
    let is_in_ring = !matches!(mode, Mode::UringSkip | Mode::UringDirect) && is_last;
    !is_of_process && (!mode.is_uring() || is_in_ring)
}

/// Whether a field's text is known to the script and to the kernel.
fn is_known(mode: Mode, text: &str) -> bool {
    match mode {
        // A file that may be new is opened by a worker of the kernel, and nothing tells when it is done.
        Mode::UringSkip => !text.contains('$') && !text.contains("O_F_CREATED"),
        // The ring's own table has no descriptors.
        Mode::UringDirect => !text.contains('$'),
        _ => true,
    }
}

fn full_name(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("evt.arg.{name}") }
}

/// A text with `$N` replaced by what the script's step N has answered.
fn results(text: &str, ran: &Ran) -> String {
    let mut out = text.to_owned();
    for (step, result) in ran.results.iter().enumerate().rev() {
        out = out.replace(&format!("${step}"), &result.to_string());
    }
    out.replace("$pid", &ran.pid.to_string())
}

/// Whether a text is the pattern, in which `*` is any text.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return text == pattern };
    let Some(text) = text.strip_prefix(first) else { return false };
    (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| is_like(&text[at..], rest))
}

/// What a script finds.
struct Place {
    words: Vec<(&'static str, String)>,
    _listeners: (TcpListener, Option<TcpListener>, UnixListener),
}

impl Place {
    fn new(dir: &Path) -> Self {
        fs::write(dir.join("file"), "x\n").unwrap();
        std::os::unix::fs::symlink(dir.join("file"), dir.join("link")).unwrap();
        fs::create_dir(dir.join("sub")).unwrap();
        let unix = dir.join("a.sock");
        let port_of = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let v6 = TcpListener::bind("[::1]:0").ok();
        let closed = port_of(&TcpListener::bind("127.0.0.1:0").unwrap());
        let words = vec![
            ("{dir}", dir.display().to_string()),
            ("{unix}", unix.display().to_string()),
            ("{port}", port_of(&v4)),
            // As it stands in memory.
            ("{net_port}", v4.local_addr().unwrap().port().to_be().to_string()),
            ("{port6}", v6.as_ref().map_or_else(String::new, port_of)),
            ("{closed}", closed),
        ];
        Self { words, _listeners: (v4, v6, UnixListener::bind(unix).unwrap()) }
    }

    fn fill(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }
}

#[test]
fn patterns_are_matched() {
    for (text, pattern, expected) in [
        ("abc", "abc", true),
        ("abc", "a*", true),
        ("abc", "*c", true),
        ("abc", "*b", false),
        ("", "*", true),
    ] {
        assert_eq!(is_like(text, pattern), expected, "{text} {pattern}");
    }
}
