//! Texts made of a call's record, which its event borrows.

use cadge_engine::Process;

use super::super::ebpf::calls::{Call, Take, Value};
use super::super::ebpf::record::{CallPart, Record, SocketPart, UNREADABLE, join_path, part};
use super::path::{follow_own_links, resolve};
use super::socket::{EndTexts, Found, SocketView};
use crate::state::{Names, Sockets};

/// How a path of one of the caller's own descriptors begins.
const OWN_FD: &[u8] = b"/proc/self/fd/";

/// Arguments that a call can have, and what it returned.
const PLACES: usize = 8;

/// Texts made of a record, by the number of the argument that they belong to. Used again for each record.
#[derive(Default)]
pub(super) struct Texts {
    /// The names of what descriptors refer to.
    pub(super) files: [Vec<u8>; PLACES],
    /// Those of them that are sockets.
    pub(super) sockets: [Option<SocketView>; PLACES],
    /// What arguments say of the event's own.
    pub(super) ends: EndTexts,
    /// Paths that the caller passed, resolved.
    pub(super) paths: [Vec<u8>; PLACES],
    /// The event's file as the host sees it, if its process sees it otherwise.
    pub(super) host: Vec<u8>,
    /// The path by which the event's file was opened, if it is told by another name.
    pub(super) opened: Vec<u8>,
    /// Names of users and groups.
    pub(super) names: [Box<str>; PLACES],
    base: Vec<u8>,
}

impl Texts {
    /// Makes the texts that a row asks for.
    pub(super) fn fill(&mut self, record: &Record<'_>, call: &CallPart, row: &Call, names: &mut Names) {
        for at in self.files.iter_mut().chain(&mut self.paths) {
            at.clear();
        }
        for part in record.parts() {
            let Some(file) = self.files.get_mut(usize::from(part.arg)) else { continue };
            if part.kind == part::PATH {
                join_path(part, file);
            }
        }
        for take in row.takes {
            if let Take::Path(at, base) | Take::Opened(at, base) = *take {
                self.name_directory(record, at, base);
            }
        }
        for (_, value) in row.args {
            match *value {
                Value::Path(at) => self.resolve(record, at),
                Value::Uid(at) => self.names[usize::from(at)] = names.user(call.word(at)),
                Value::Gid(at) => self.names[usize::from(at)] = names.group(call.word(at)),
                _ => {}
            }
        }
        self.fill_host(record, row);
    }

    /// Describes each socket, and notes it.
    pub(super) fn fill_sockets(
        &mut self,
        record: &Record<'_>,
        call: &CallPart,
        row: &'static Call,
        in_container: bool,
        known: &mut Sockets,
    ) {
        self.sockets = [None; PLACES];
        self.ends.tuple.clear();
        self.ends.address.clear();
        for part in record.parts().filter(|part| part.kind == part::SOCKET) {
            let at = usize::from(part.arg);
            let (Some(name), Some(socket)) = (self.files.get_mut(at), SocketPart::read(part.bytes)) else {
                continue;
            };
            let found = Found { record, call, row, socket, arg: part.arg, in_container };
            self.sockets[at] = Some(found.describe(known, name));
            if row.fd.place() == Some(part.arg) {
                found.print_ends(name, &mut self.ends);
            }
        }
    }

    /// Gives a descriptor's file another of its names.
    pub(super) fn call_it(&mut self, at: u8, name: &[u8]) {
        if let Some(file) = self.files.get_mut(usize::from(at)) {
            std::mem::swap(&mut self.opened, file);
            file.clear();
            file.extend_from_slice(name);
        }
    }

    fn fill_host(&mut self, record: &Record<'_>, row: &Call) {
        self.host.clear();
        self.opened.clear();
        if let Some(part) = row.fd.place().and_then(|at| record.part_of(part::HOST_PATH, at)) {
            join_path(part, &mut self.host);
        }
    }

    /// A descriptor of a directory has the path that the one of an argument is relative to.
    fn name_directory(&mut self, record: &Record<'_>, at: u8, base: u8) {
        if let Some(file) = self.files.get_mut(usize::from(base)).filter(|file| file.is_empty())
            && let Some(part) = record.part_of(part::BASE, at)
        {
            join_path(part, file);
        }
    }

    /// Puts what is known better in the place of a path that the caller passed.
    pub(super) fn set_path(&mut self, at: u8, path: &[u8]) {
        if let Some(known) = self.paths.get_mut(usize::from(at)) {
            known.clear();
            known.extend_from_slice(path);
        }
    }

    /// Takes the links out of paths that every process has to itself.
    pub(super) fn follow_own_links(&mut self, process: &Process) {
        for path in &mut self.paths {
            follow_own_links(path, process);
        }
    }

    fn resolve(&mut self, record: &Record<'_>, at: u8) {
        let path = &mut self.paths[usize::from(at)];
        // What was not there is no path: not even that of the directory.
        let Some(raw) = record.part_of(part::STRING, at).filter(|raw| raw.flags & UNREADABLE == 0) else {
            return path.clear();
        };
        // The kernel program has looked at what such a path means.
        let meant = &self.files[usize::from(at)];
        if raw.bytes.starts_with(OWN_FD) && !meant.is_empty() {
            return path.clone_from(meant);
        }
        let base = record.part_of(part::BASE, at).map(|part| {
            join_path(part, &mut self.base);
            self.base.as_slice()
        });
        resolve(base, raw.bytes, path);
    }
}
