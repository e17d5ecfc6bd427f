//! Scripts: system calls in order, written as text, made in any ABI or through `io_uring` by the
//! program `call`.
//!
//! A step is `NAME ARGUMENT…`; the arguments are described in `tests/programs/call.c`, and here are
//! added `sin:ADDRESS:PORT`, `sin6:PORT` (of `::1`) and `un:PATH` for socket addresses. `NAME/NAME32`
//! names the call that a 32-bit caller makes; a `!` in front ends a child at once.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::live::skipped;
use super::programs::{Build, arguments, compiled, kept};

/// How the calls of a script are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// As the machine's programs do.
    Native,
    /// A 64-bit process through `int 0x80`.
    Int80,
    /// The same, socket calls through `socketcall`.
    Int80Socketcall,
    /// A 32-bit program.
    I386,
    /// A 32-bit program through the page that the kernel gives it: `sysenter` or `syscall`.
    Sysenter,
    /// A 32-bit program, socket calls through `socketcall`.
    I386Socketcall,
    /// Through an `io_uring`.
    Uring,
    /// The same in a 32-bit program.
    UringI386,
    /// Submitted by a thread of the kernel.
    UringSqpoll,
    /// Executed by a worker of the kernel.
    UringAsync,
    /// Never answered when it succeeds.
    UringSkip,
    /// Files and sockets are in the ring's own table.
    UringDirect,
    /// Submitted by a thread of the kernel, and never answered.
    UringSqpollSkip,
    /// Executed by a worker of the kernel, and never answered.
    UringAsyncSkip,
}

/// Every mode.
pub(crate) const MODES: &[Mode] = &[
    Mode::Native,
    Mode::Int80,
    Mode::Int80Socketcall,
    Mode::I386,
    Mode::Sysenter,
    Mode::I386Socketcall,
    Mode::Uring,
    Mode::UringI386,
    Mode::UringSqpoll,
    Mode::UringAsync,
    Mode::UringSkip,
    Mode::UringDirect,
];

/// Ways through an `io_uring` of which so little is told that only their paths are.
pub(crate) const HIDDEN: &[Mode] = &[Mode::UringSqpollSkip, Mode::UringAsyncSkip];

/// Those that go through an `io_uring`.
pub(crate) const URING: &[Mode] =
    &[Mode::Uring, Mode::UringI386, Mode::UringSqpoll, Mode::UringAsync, Mode::UringSkip, Mode::UringDirect];

/// The calls that `call` can make through an `io_uring`.
const IN_URING: &[&str] = &[
    "openat",
    "openat2",
    "close",
    "connect",
    "accept4",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "socket",
    "bind",
    "listen",
    "shutdown",
    "unlinkat",
    "renameat",
    "renameat2",
    "linkat",
    "mkdirat",
    "symlinkat",
    "splice",
    "ftruncate",
];

/// Those of them that may work on what the ring has in its own table.
const ON_FILE: &[&str] = &[
    "connect",
    "accept4",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "bind",
    "listen",
    "shutdown",
    "ftruncate",
];

/// The calls that socketcall has for a 32-bit caller.
const IN_SOCKETCALL: &[&str] = &[
    "socket",
    "bind",
    "connect",
    "listen",
    "accept4",
    "getsockname",
    "getpeername",
    "socketpair",
    "sendto",
    "recvfrom",
    "shutdown",
    "setsockopt",
    "getsockopt",
    "sendmsg",
    "recvmsg",
    "recvmmsg",
    "sendmmsg",
];

/// The calls that a 32-bit caller has only in socketcall: their numbers there.
const ONLY_SOCKETCALL: &[(&str, i64)] = &[("accept", 5), ("send", 9), ("recv", 10)];

/// Numbers that are the same everywhere, and that headers may be too old for.
const NEW: &[(&str, i64)] = &[
    ("cachestat", 451),
    ("fchmodat2", 452),
    ("statmount", 457),
    ("listmount", 458),
    ("setxattrat", 463),
    ("removexattrat", 466),
    ("open_tree_attr", 467),
];

/// What came of a script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ran {
    /// The process that made the calls.
    pub(crate) pid: i64,
    /// What each answered: negative is `-errno`.
    pub(crate) results: Vec<i64>,
}

impl Mode {
    pub(crate) fn is_32_bit(self) -> bool {
        matches!(
            self,
            Self::Int80 | Self::Int80Socketcall | Self::I386 | Self::Sysenter | Self::I386Socketcall
        )
    }

    /// Whether operations that succeed are not answered.
    pub(crate) fn skips(self) -> bool {
        self.words().ends_with("skip")
    }

    pub(crate) fn is_uring(self) -> bool {
        self.words().starts_with("uring")
    }

    /// What `evt.abi` says of it.
    pub(crate) fn abi(self) -> &'static str {
        if self.is_uring() {
            "io_uring"
        } else if self.is_32_bit() {
            "i386"
        } else {
            "native"
        }
    }

    fn is_socketcall(self) -> bool {
        matches!(self, Self::Int80Socketcall | Self::I386Socketcall)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Native | Self::I386 => "native",
            Self::Int80 => "int80",
            Self::Int80Socketcall => "int80,socketcall",
            Self::Sysenter => "sysenter",
            Self::I386Socketcall => "socketcall",
            Self::Uring | Self::UringI386 => "uring",
            Self::UringSqpoll => "uring,sqpoll",
            Self::UringAsync => "uring,async",
            Self::UringSkip => "uring,skip",
            Self::UringDirect => "uring,direct",
            Self::UringSqpollSkip => "uring,sqpoll,skip",
            Self::UringAsyncSkip => "uring,async,skip",
        }
    }

    fn build(self) -> Build {
        match self {
            Self::I386 | Self::Sysenter | Self::I386Socketcall | Self::UringI386 => Build::Bare32,
            _ => Build::Bare,
        }
    }

    /// Whether programs can make calls so here; if not, it is said aloud, once.
    pub(crate) fn exists(self) -> bool {
        static KNOWN: OnceLock<Vec<Mode>> = OnceLock::new();
        let known = KNOWN.get_or_init(|| {
            let works = |mode: &Mode| {
                try_run(*mode, None, &["getpid"])
                    .map_err(|problem| skipped(&format!("calls as {mode:?}"), problem.trim()))
                    .is_ok()
            };
            // What another architecture never has is not skipped there.
            let x86 = cfg!(target_arch = "x86_64");
            let modes = MODES.iter().chain(HIDDEN).copied();
            modes
                .filter(|mode| x86 || !mode.is_32_bit() && mode.build() == Build::Bare)
                .filter(works)
                .collect()
        });
        known.contains(&self)
    }

    /// Whether a script can be made so: every call of it exists, and one goes the way that the mode is for.
    pub(crate) fn fits(self, script: &[&str]) -> bool {
        let names: Vec<&str> = script.iter().map(|step| self.name(step)).collect();
        names.iter().all(|name| self.number(name).is_some())
            && (!self.is_uring() || names.iter().any(|name| IN_URING.contains(name)))
            && (!self.is_socketcall() || names.iter().any(|name| IN_SOCKETCALL.contains(name)))
    }

    /// Whether a script can be made so, and the calls that the event is about go the way that the mode is for.
    pub(crate) fn fits_event(self, event: &str, script: &[&str]) -> bool {
        self.fits(script)
            && (!self.is_uring() || IN_URING.contains(&event))
            && (!self.is_socketcall() || IN_SOCKETCALL.contains(&event))
            // It receives from a socket, but does not say from whom.
            && !(self.is_uring() && script.iter().any(|step| self.name(step) == "recvfrom" && words(step) > 5))
            // The kernel's thread stays in the namespaces that the process was in when it made the ring.
            && !(self == Self::UringSqpoll && script.iter().any(|step| self.name(step) == "unshare"))
            // What the ring has in its own table nobody else can use.
            && (self != Self::UringDirect
                || script.iter().all(|step| {
                    let name = self.name(step);
                    IN_URING.contains(&name) && (ON_FILE.contains(&name) || !step.contains('$'))
                }))
    }

    /// The name of a step's call in this mode.
    fn name(self, step: &str) -> &str {
        let name = step.split_whitespace().next().unwrap_or_default().trim_start_matches('!');
        match name.split_once('/') {
            Some((_, name32)) if self.is_32_bit() => name32,
            Some((native, _)) => native,
            None => name,
        }
    }

    fn number(self, name: &str) -> Option<i64> {
        if let Ok(number) = name.parse() {
            return Some(number);
        }
        let numbers = numbers(if self.is_32_bit() { Build::Bare32 } else { self.build() });
        let new = NEW.iter().find(|(new, _)| *new == name).map(|(_, number)| *number);
        let only = ONLY_SOCKETCALL.iter().find(|(only, _)| self.is_32_bit() && *only == name);
        numbers.get(name).copied().or(new).or(only.map(|(_, sub)| 0x10000 + sub))
    }
}

fn words(step: &str) -> usize {
    step.split_whitespace().count()
}

/// The numbers of calls, out of the kernel's own headers.
fn numbers(build: Build) -> &'static HashMap<String, i64> {
    static NATIVE: OnceLock<HashMap<String, i64>> = OnceLock::new();
    static I386: OnceLock<HashMap<String, i64>> = OnceLock::new();
    let known = if build == Build::Bare32 { &I386 } else { &NATIVE };
    known.get_or_init(|| {
        let file = kept().map(|folder| folder.join(format!("unistd-{build:?}.h").to_lowercase()));
        let text = match &file {
            Some(file) if file.exists() => std::fs::read_to_string(file).unwrap(),
            _ => macros(build),
        };
        if let Some(file) = file {
            // In a guest it is there already, and may not be writable.
            let _ = std::fs::write(file, &text);
        }
        let row = |line: &str| {
            let (name, number) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
            Some((name.to_owned(), number.parse().ok()?))
        };
        text.lines().filter_map(row).collect()
    })
}

/// What the kernel's header of numbers defines.
fn macros(build: Build) -> String {
    let mut cc = Command::new("cc")
        .args(arguments(build))
        .args(["-dM", "-E", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    cc.stdin.take().unwrap().write_all(b"#include <asm/unistd.h>\n").unwrap();
    String::from_utf8(cc.wait_with_output().unwrap().stdout).unwrap()
}

/// Leaves what the scripts need in the folder of programs, for a guest.
#[test]
fn programs_are_kept_for_guests() {
    if kept().is_none() {
        return;
    }
    for mode in MODES {
        let _ = numbers(mode.build());
        compiled("programs/call", mode.build()).unwrap();
    }
    compiled("bypass/swap", Build::Native).unwrap();
    compiled("bypass/send_swap", Build::Native).unwrap();
    compiled("programs/swap_back", Build::Native).unwrap();
}

/// Makes the calls of a script. All of it must be possible: see [`Mode::fits`].
#[track_caller]
pub(crate) fn run(mode: Mode, script: &[&str]) -> Ran {
    try_run(mode, None, script).unwrap_or_else(|problem| panic!("{script:?} as {mode:?}: {problem}"))
}

/// The same for the sake of one kind of event: see [`Mode::fits_event`]. Where answers are skipped all other
/// calls are made natively, so that what they answer can be used.
#[track_caller]
pub(crate) fn run_event(mode: Mode, event: &str, script: &[&str]) -> Ran {
    try_run(mode, Some(event), script).unwrap_or_else(|problem| panic!("{script:?} as {mode:?}: {problem}"))
}

fn try_run(mode: Mode, event: Option<&str>, script: &[&str]) -> Result<Ran, String> {
    let mut command = Command::new(compiled("programs/call", mode.build())?);
    command.arg(mode.words()).stdin(Stdio::null());
    for step in script {
        let name = mode.name(step);
        let number = mode.number(name).ok_or_else(|| format!("no call `{name}`"))?;
        let is_other = mode.skips() && event.is_some_and(|event| event != name);
        let how = match step.starts_with('!') {
            true => "!",
            false if is_other => "~",
            false => "",
        };
        command.arg(format!("{how}{number}"));
        command.args(step.split_whitespace().skip(1).map(argument)).arg(".");
    }
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("{}: {text}", output.status));
    }
    let mut ran = Ran::default();
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("pid", pid)) => ran.pid = pid.parse().map_err(|_| text.to_string())?,
            Some((_, result)) => ran.results.push(result.parse().map_err(|_| text.to_string())?),
            None => return Err(text.into_owned()),
        }
    }
    Ok(ran)
}

/// An argument as the program takes it.
fn argument(text: &str) -> String {
    let bytes = if let Some(path) = text.strip_prefix("un:") {
        // `@` begins an abstract name.
        let path = path.strip_prefix('@').map_or_else(|| format!("{path}\0"), |name| format!("\0{name}"));
        [&u16::to_ne_bytes(1)[..], path.as_bytes()].concat()
    } else if let Some((ip, port)) = text.strip_prefix("sin:").and_then(|text| text.rsplit_once(':')) {
        let (ip, port): (Ipv4Addr, u16) = (ip.parse().unwrap(), port.parse().unwrap());
        [&u16::to_ne_bytes(2)[..], &port.to_be_bytes(), &ip.octets(), &[0; 8]].concat()
    } else if let Some(port) = text.strip_prefix("sin6:") {
        let port: u16 = port.parse().unwrap();
        let ip = Ipv6Addr::LOCALHOST.octets();
        [&u16::to_ne_bytes(10)[..], &port.to_be_bytes(), &[0; 4], &ip, &[0; 4]].concat()
    } else {
        return text.to_owned();
    };
    bytes.iter().fold("x:".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[test]
fn every_mode_makes_its_calls() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made").display().to_string();
    let script = [
        format!("mkdirat -100 s:{made} 448"),
        format!("openat -100 s:{made} 0 0"),
        format!("unlinkat -100 s:{made} 0x200"),
        "openat -100 s:/nowhere/at/all 0 0".to_owned(),
    ];
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    for mode in MODES.iter().filter(|mode| mode.exists() && mode.fits(&script)) {
        let ran = run(*mode, &script);
        assert!(ran.pid > 1, "{mode:?}");
        assert_eq!(ran.results[0], 0, "{mode:?}");
        assert!(ran.results[1] >= 0, "{mode:?}: {ran:?}");
        assert_eq!(ran.results[2], 0, "{mode:?}");
        assert_eq!(ran.results[3], -i64::from(libc::ENOENT), "{mode:?}");
        assert!(!dir.path().join("made").exists());
    }
    // A socket call, in the way that only 32-bit callers have, and what an earlier call has answered.
    let script =
        ["socket 2 1 0", "bind $0 sin:127.0.0.1:0 16", "listen $0 1", "getsockname $0 b:16 { u32:16 }"];
    for mode in MODES.iter().filter(|mode| mode.exists() && mode.fits(&script)) {
        let ran = run(*mode, &script);
        let listens = ran.results[1..3] == [0, 0];
        // Whoever skips answers knows no descriptor.
        assert!(listens || mode.skips(), "{mode:?}: {ran:?}");
    }
}
