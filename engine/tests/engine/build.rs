//! Events, made by hand.

use std::collections::HashMap;
use std::net::SocketAddr;

use cadge_engine::flags::{O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY};
use cadge_engine::{
    Alert, Arg, ArgValue, ContainerState, Endpoint, Event, EventType, Fd, FdKind, L4Proto, Process, RuleFile,
    Ruleset, Scratch, Settings,
};

/// A ruleset out of one text that must load.
#[track_caller]
pub(crate) fn ruleset(text: &str) -> Ruleset {
    let report = Ruleset::load(&[RuleFile { name: "rules.yaml", text }], &Settings::default());
    let errors: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    report.ruleset.unwrap_or_else(|| panic!("{}", errors.join("\n")))
}

/// Two processes, `parent` (20) and its child (30), and what the child does.
pub(crate) struct Scene {
    pub(crate) processes: HashMap<i64, Process>,
    pub(crate) kind: EventType,
    pub(crate) result: i64,
    path: Vec<u8>,
    flags: u32,
    socket: Option<(Endpoint, Endpoint, String)>,
}

impl Scene {
    pub(crate) fn new(kind: EventType, name: &str, parent: &str) -> Self {
        let process = |pid: i64, ppid: i64, name: &str| {
            let mut process = Process { pid, ppid, vpid: pid, sid: 10, pgid: pid, ..Process::default() };
            process.loginuid = u32::MAX;
            process.exe_path = format!("/usr/bin/{name}").into_bytes().into();
            process.cwd = (*b"/root/").into();
            process.set_argv(name.as_bytes(), format!("{name}\0arg\0").as_bytes());
            process
        };
        let processes = [process(10, 0, "init"), process(20, 10, parent), process(30, 20, name)];
        Self {
            processes: processes.into_iter().map(|process| (process.pid, process)).collect(),
            kind,
            result: 3,
            path: Vec::new(),
            flags: O_RDONLY,
            socket: None,
        }
    }

    pub(crate) fn exec(name: &str, parent: &str) -> Self {
        let mut scene = Self::new(EventType::EXECVE, name, parent);
        scene.result = 0;
        scene
    }

    pub(crate) fn read(name: &str, path: &str) -> Self {
        let mut scene = Self::new(EventType::OPENAT, name, "sh");
        scene.path = path.into();
        scene
    }

    pub(crate) fn write(name: &str, path: &str) -> Self {
        let mut scene = Self::read(name, path);
        scene.flags = O_WRONLY | O_CREAT | O_TRUNC;
        scene
    }

    pub(crate) fn connect(name: &str, server: &str) -> Self {
        let mut scene = Self::new(EventType::CONNECT, name, "sh");
        let server: SocketAddr = server.parse().unwrap();
        let client = Endpoint { ip: "192.0.2.7".parse().unwrap(), port: 40000 };
        let server = Endpoint { ip: server.ip(), port: server.port() };
        let text = format!("{}:{}->{}:{}", client.ip, client.port, server.ip, server.port);
        scene.socket = Some((client, server, text));
        scene.result = -115;
        scene
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        self.processes.get_mut(&30).unwrap()
    }

    pub(crate) fn alerts(&self, ruleset: &Ruleset) -> Vec<Alert> {
        let mut alerts = Vec::new();
        self.with_event(|event| ruleset.evaluate(event, &mut Scratch::default(), &mut alerts));
        alerts
    }

    /// What the process does, in a container of which so much is known.
    pub(crate) fn with_container<T>(
        &self,
        container: ContainerState<'_>,
        see: impl FnOnce(&Event<'_>) -> T,
    ) -> T {
        self.with_event(|event| see(&Event { container, ..*event }))
    }

    pub(crate) fn with_event<T>(&self, see: impl FnOnce(&Event<'_>) -> T) -> T {
        let file = Fd {
            num: self.result,
            kind: FdKind::File,
            name: &self.path,
            name_raw: &self.path,
            client_is_local: true,
            dev: 5,
            ino: 77,
            ..Fd::default()
        };
        let socket = self.socket.as_ref().map(|(client, server, text)| Fd {
            num: 9,
            kind: FdKind::Ipv4,
            name: text.as_bytes(),
            client: Some(*client),
            server: Some(*server),
            l4proto: L4Proto::Tcp,
            connected: true,
            ..file
        });
        let arg = |name, value| Arg { name, value };
        let open = [
            arg("fd", ArgValue::Fd { num: self.result, typechar: b'f', name: &self.path }),
            arg("dirfd", ArgValue::Fd { num: -100, typechar: 0, name: b"" }),
            arg("name", ArgValue::Path { raw: &self.path, resolved: &self.path }),
            arg("flags", ArgValue::OpenFlags(self.flags)),
            arg("mode", ArgValue::Mode(0o644)),
        ];
        let other = [arg("res", ArgValue::Errno(self.result))];
        let fd = if self.path.is_empty() { socket.as_ref() } else { Some(&file) };
        see(&Event {
            num: 1,
            time_ns: 1_700_000_000_000_000_001,
            tid: 30,
            result: Some(self.result),
            args: if self.path.is_empty() { &other } else { &open },
            process: self.processes.get(&30),
            processes: &self.processes,
            container: ContainerState::Unknown,
            fd,
            hostname: "host-1",
            ..Event::new(self.kind)
        })
    }
}
