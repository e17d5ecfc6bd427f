//! Events as the case files describe them: numbered parameters of Falco's event table, one after another.
//!
//! What Falco's state engine and our sensor know of processes and descriptors the stage keeps by itself, as
//! far as the cases go.

use std::collections::{BTreeMap, HashMap};

use cadge_engine::condition::{DEPTH_MAX, parse};
use cadge_engine::output::Template;
use cadge_engine::path::concatenate;
use cadge_engine::{
    Arg, ArgValue, Event, EventType, Fd, FdKind, Process, Processes, RuleFile, Ruleset, Scratch, Settings,
};
use serde_json::Value;

/// Processes and what they have open.
#[derive(Default)]
pub(super) struct Table {
    pub(super) processes: HashMap<i64, Process>,
    files: BTreeMap<(i64, i64), File>,
}

#[derive(Clone)]
struct File {
    kind: FdKind,
    name: Vec<u8>,
    dev: u32,
    ino: u64,
}

impl Processes for Table {
    fn process(&self, pid: i64) -> Option<&Process> {
        self.processes.get(&pid)
    }

    /// By type, as a sorted list shows them.
    fn open_files(&self, pid: i64, see: &mut dyn FnMut(i64, FdKind)) {
        let mut files: Vec<_> = self.files.iter().filter(|((owner, _), _)| *owner == pid).collect();
        files.sort_by_key(|(_, file)| file.kind.name().0);
        for ((_, num), file) in files {
            see(*num, file.kind);
        }
    }
}

/// The event at hand and what was before it.
pub(super) struct Stage {
    pub(super) table: Table,
    tid: i64,
    num: u64,
    kind: EventType,
    params: Vec<(&'static str, Param)>,
    fd: Option<(i64, File, Vec<u8>)>,
    /// Paths of calls that have begun, by thread.
    begun: HashMap<i64, Vec<u8>>,
}

/// A parameter with bytes of its own.
#[derive(Clone, Debug)]
enum Param {
    Number(i64),
    Path(Vec<u8>, Vec<u8>),
    Bytes(Vec<u8>),
    Missing,
}

/// The settings of every case.
pub(super) fn settings() -> Settings {
    let mut settings = Settings::default();
    for (key, value) in [
        ("true", "1"),
        ("false", "0"),
        ("singlequote", "hello 'quoted'"),
        ("doublequote", "hello \"quoted\""),
        ("example", "example_value"),
    ] {
        settings.static_fields.insert(key.to_owned(), value.to_owned());
    }
    settings
}

/// A rule file of one condition.
pub(super) fn rule(condition: &str) -> String {
    format!("- rule: R\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n", Value::from(condition))
}

fn ruleset(condition: &str, settings: &Settings) -> Result<Ruleset, String> {
    let text = rule(condition);
    let loaded = Ruleset::load(&[RuleFile { name: "r", text: &text }], settings);
    loaded.ruleset.ok_or_else(|| format!("{condition}: {}", loaded.errors[0].message))
}

/// A filter on the mock fields of the case files, which are fixed texts here.
pub(super) fn mock(filter: &str) -> Result<bool, String> {
    Stage::new().filter(&filter.replace("c.", "static."))
}

/// A filter on one fixed text.
pub(super) fn fixed(name: &str, value: &str, filter: &str) -> Result<bool, String> {
    let mut settings = settings();
    settings.static_fields.insert(name.to_owned(), value.to_owned());
    Stage::new().filter_with(filter, &settings)
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            table: Table::default(),
            tid: 1,
            num: 0,
            kind: EventType::OPEN,
            params: Vec::new(),
            fd: None,
            begun: HashMap::new(),
        }
    }

    /// The thread that every case begins with.
    pub(super) fn add_init(&mut self) {
        let mut process = Process { pid: 1, vpid: 1, pgid: 1, ..Process::default() };
        process.set_argv(b"init", b"/sbin/init\0context\0ls\0--format\0{{json .}}\0");
        process.exe_path = (*b"/sbin/init").into();
        process.cwd = (*b"/root/").into();
        process.loginuid = 0;
        self.table.processes.insert(1, process);
        let null = File { kind: FdKind::File, name: b"/dev/null".to_vec(), dev: 0, ino: 0 };
        self.table.files.insert((1, 0), null);
    }

    pub(super) fn event(&mut self, step: &Value) -> Result<(), String> {
        let name = step["name"].as_str().unwrap();
        self.kind = EventType::from_name(name).ok_or("unknown event")?;
        self.tid = step["tid"].as_i64().unwrap();
        let begins = step["ppme"].as_str().unwrap().ends_with("_E");
        let given = step["params"].as_object().unwrap();
        self.params.clear();
        let cwd = self.table.processes.get(&self.tid).map_or(&b""[..], |p| &p.cwd).to_vec();
        for (key, value) in given {
            let Some(key) = self.kind.info().args.iter().find(|known| *known == key) else {
                if begins && key == "pathname" {
                    self.begin(value, given);
                }
                continue;
            };
            self.params.push((key, param(key, value, &cwd)?));
        }
        let order = self.kind.info().args;
        self.params.sort_by_key(|(key, _)| order.iter().position(|known| known == key));
        if begins {
            if let Some(Param::Path(_, path)) = self.get("name").cloned() {
                self.begun.insert(self.tid, path);
            }
            return Ok(());
        }
        self.num += 1;
        self.apply(&cwd);
        Ok(())
    }

    /// Leaves every parameter of the event empty.
    pub(super) fn empty(&mut self) {
        self.params = self.kind.info().args.iter().map(|name| (*name, Param::Missing)).collect();
    }

    /// The path that an `execveat` begins with.
    fn begin(&mut self, path: &Value, given: &serde_json::Map<String, Value>) {
        let dir = given["dirfd"].as_i64().unwrap_or_default();
        let empty = given["flags"].as_i64() == Some(1);
        let path = match latin(path.as_str().unwrap_or_default()) {
            path if path == b"<NA>" && empty => {
                self.table.files.get(&(self.tid, dir)).map(|file| file.name.clone()).unwrap_or_default()
            }
            path => path,
        };
        self.begun.insert(self.tid, path);
    }

    fn get(&self, key: &str) -> Option<&Param> {
        self.params.iter().find(|(name, _)| *name == key).map(|(_, param)| param)
    }

    fn number(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Param::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn path(&self, key: &str) -> Option<Vec<u8>> {
        match self.get(key)? {
            Param::Path(_, path) => Some(path.clone()),
            _ => None,
        }
    }

    /// What the event changes, and its descriptor.
    fn apply(&mut self, cwd: &[u8]) {
        self.fd = None;
        let begun = self.begun.remove(&self.tid);
        let name = self.kind.name();
        let result = self.number("res").or_else(|| self.number("fd")).unwrap_or(0);
        let kind = match name {
            "open" | "openat" | "creat" | "open_by_handle_at" => FdKind::File,
            "signalfd" | "signalfd4" => FdKind::Signal,
            "timerfd_create" => FdKind::Timer,
            "inotify_init" | "inotify_init1" => FdKind::Inotify,
            "bpf" => FdKind::Bpf,
            "userfaultfd" => FdKind::Userfault,
            "io_uring_setup" => FdKind::IoUring,
            "epoll_create" | "epoll_create1" => FdKind::Eventpoll,
            "pipe" | "pipe2" => FdKind::Pipe,
            "eventfd" | "eventfd2" => FdKind::Event,
            "memfd_create" => FdKind::Memfd,
            "pidfd_open" => FdKind::Pidfd,
            "pidfd_getfd" => FdKind::Other,
            _ => return self.change(name, result, cwd, begun),
        };
        let num = if kind == FdKind::Pipe { self.number("fd2").unwrap_or(-1) } else { result };
        let mut path = begun.or_else(|| self.path("name")).or_else(|| self.path("path")).unwrap_or_default();
        if kind == FdKind::Memfd
            && let Some(Param::Path(raw, _)) = self.get("name")
        {
            path.clone_from(raw);
        }
        let number = |key| self.number(key).unwrap_or(0);
        let dev = u32::try_from(number("dev")).unwrap_or(0);
        let mut file = File { kind, name: path, dev, ino: number("ino").cast_unsigned() };
        if name == "pidfd_getfd" {
            let of = |(_, file): (&(i64, i64), &File)| (file.kind == FdKind::File).then(|| file.clone());
            let target = number("target_fd");
            let found = self.table.files.iter().filter(|((_, num), _)| *num == target).find_map(of);
            file = found.unwrap_or(file);
        }
        if num >= 0 {
            self.table.files.insert((self.tid, num), file.clone());
        }
        let raw = file.name.clone();
        // A call that failed has created nothing: it has a name, but is no file.
        file.kind = if num < 0 { FdKind::Other } else { file.kind };
        self.fd = Some((num, file, raw));
    }

    fn change(&mut self, name: &str, result: i64, cwd: &[u8], begun: Option<Vec<u8>>) {
        let id = |key: &str| self.number(key).and_then(|id| u32::try_from(id).ok());
        let (uid, gid) = (id("uid").or_else(|| id("euid")), id("gid").or_else(|| id("egid")));
        let dir = match name {
            "chdir" => self.path("path"),
            "fchdir" => {
                let num = self.number("fd").unwrap_or(-1);
                self.table.files.get(&(self.tid, num)).map(|file| file.name.clone())
            }
            _ => None,
        };
        let Some(process) = self.table.processes.get_mut(&self.tid).filter(|_| result >= 0) else { return };
        match name {
            "setuid" | "setresuid" => process.uid = uid.unwrap_or(process.uid),
            "setgid" | "setresgid" => process.gid = gid.unwrap_or(process.gid),
            "execveat" => process.exe_path = begun.unwrap_or_default().into(),
            "chdir" | "fchdir" => {
                let mut dir = concatenate(cwd, &dir.unwrap_or_default());
                dir.push(b'/');
                process.cwd = dir.into();
            }
            _ => {}
        }
    }

    pub(super) fn with<T>(&self, see: impl FnOnce(&Event<'_>) -> T) -> T {
        let args: Vec<Arg<'_>> =
            self.params.iter().map(|(name, param)| Arg { name, value: self.value(name, param) }).collect();
        let fd = self.fd.as_ref().map(|(num, file, raw)| Fd {
            num: *num,
            kind: file.kind,
            name: &file.name,
            name_raw: raw,
            client_is_local: true,
            dev: file.dev,
            ino: file.ino,
            ..Fd::default()
        });
        see(&Event {
            num: self.num.max(1),
            time_ns: 1_566_230_400_000_000_000,
            cpu: 1,
            tid: self.tid,
            result: self.number("res").or_else(|| self.number("fd")),
            args: &args,
            process: self.table.processes.get(&self.tid),
            processes: &self.table,
            container: cadge_engine::ContainerState::Unknown,
            fd: fd.as_ref(),
            hostname: "testbox",
            ..Event::new(self.kind)
        })
    }

    fn value<'a>(&'a self, name: &str, param: &'a Param) -> ArgValue<'a> {
        match param {
            Param::Number(number) => match name {
                "res" => ArgValue::Errno(*number),
                "fd" | "dirfd" => ArgValue::Fd { num: *number, typechar: 0, name: b"" },
                "flags" if self.kind.name().starts_with("open") => {
                    ArgValue::OpenFlags(u32::try_from(*number).unwrap_or(0))
                }
                "uid" => ArgValue::Uid(u32::try_from(*number).unwrap_or(0), b""),
                _ => ArgValue::Int(*number),
            },
            Param::Path(raw, resolved) => ArgValue::Path { raw, resolved },
            Param::Bytes(bytes) => ArgValue::Bytes(bytes),
            Param::Missing => ArgValue::Missing,
        }
    }

    pub(super) fn filter(&self, filter: &str) -> Result<bool, String> {
        self.filter_with(filter, &settings())
    }

    pub(super) fn filter_with(&self, filter: &str, settings: &Settings) -> Result<bool, String> {
        parse(filter, DEPTH_MAX).map_err(|error| error.message)?;
        let ruleset = ruleset(filter, settings)?;
        let (mut compiled, mut interpreted) = (false, false);
        self.with(|event| {
            ruleset.matches(event, &mut Scratch::default(), &mut |_| compiled = true);
            ruleset.interpreter().matches(event, &mut |_| interpreted = true);
        });
        if compiled == interpreted {
            Ok(compiled)
        } else {
            Err(format!("{filter}: the graph and the tree differ"))
        }
    }

    pub(super) fn field(&self, name: &str) -> Result<Option<String>, String> {
        let name = name.strip_prefix("static.").map_or(name, |_| "static.example");
        if name == "static.example" {
            return Ok(settings().static_fields.get("example").cloned());
        }
        let template = Template::new(&format!("%{name}")).map_err(|error| error.message)?;
        let formatted = self.with(|event| template.format(event));
        Ok(formatted.is_complete.then_some(formatted.text))
    }
}

/// The files write each byte as the character of that number.
pub(super) fn latin(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(u32::from(c)).ok();
    text.chars().map(byte).collect::<Option<_>>().unwrap_or_else(|| text.as_bytes().to_vec())
}

fn param(key: &str, value: &Value, cwd: &[u8]) -> Result<Param, String> {
    let is_path = ["name", "path", "filename", "oldpath", "newpath"].contains(&key);
    Ok(match value {
        Value::Number(number) => Param::Number(number.as_i64().unwrap_or_default()),
        Value::String(text) => {
            let raw = if text == "(NULL)" { b"<NA>".to_vec() } else { latin(text) };
            let resolved = match &raw[..] {
                b"<NA>" => raw.clone(),
                raw if is_path && !raw.is_empty() => concatenate(cwd, raw),
                _ => Vec::new(),
            };
            Param::Path(raw, resolved)
        }
        Value::Object(map) if map.contains_key("empty") => Param::Path(b"<NA>".to_vec(), b"<NA>".to_vec()),
        Value::Object(map) => {
            let hex = map.get("bytes_hex").and_then(Value::as_str).ok_or("a parameter in C++")?;
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            Param::Bytes((0..hex.len()).step_by(2).map(byte).collect())
        }
        other => return Err(format!("parameter {other}")),
    })
}
