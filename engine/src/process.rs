//! A process, as a source describes it.

use std::sync::Arc;

/// A process, as rules see it. A child shares its parent's long texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of rules")]
pub struct Process {
    /// Its id in the host's pid namespace.
    pub pid: i64,
    /// Its parent's id; 0 if it has none.
    pub ppid: i64,
    /// Its id in its own pid namespace; -1 if unknown.
    pub vpid: i64,
    /// Its session's id.
    pub sid: i64,
    /// Its process group's id.
    pub pgid: i64,
    /// The kernel's short name, at most 15 bytes (`proc.name`).
    pub comm: Box<[u8]>,
    /// The executable's path, resolved by the kernel (`proc.exepath`); empty if unknown.
    pub exe_path: Arc<[u8]>,
    /// All arguments, the program's own name first, each ended by a NUL.
    pub argv: Arc<[u8]>,
    /// `comm`, then a blank and each argument but the first (`proc.cmdline`): see [`Process::set_argv`].
    pub cmdline: Arc<[u8]>,
    /// The working directory, with a `/` at the end.
    pub cwd: Arc<[u8]>,
    /// The controlling terminal's device number; 0 for none.
    pub tty: u32,
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The user that logged in; `u32::MAX` if nobody did.
    pub loginuid: u32,
    /// The name of `uid`; empty if unknown.
    pub user_name: Box<str>,
    /// The home folder of `uid`; empty if unknown.
    pub user_home: Box<str>,
    /// The shell of `uid`; empty if unknown.
    pub user_shell: Box<str>,
    /// The name of `gid`; empty if unknown.
    pub group_name: Box<str>,
    /// The name of `loginuid`; empty if unknown.
    pub login_name: Box<str>,
    /// The first 12 digits of its container's id; empty on the host.
    pub container_id: Box<str>,
    /// When it started, in nanoseconds since the Unix epoch; 0 if unknown.
    pub start_ns: u64,
    /// The executable's inode number; 0 if unknown.
    pub exe_ino: u64,
    /// The executable is in a memfd.
    pub exe_from_memfd: bool,
    /// The executable is in the upper layer of an overlay file system.
    pub exe_upper_layer: bool,
    /// The executable is in a lower layer of an overlay file system.
    pub exe_lower_layer: bool,
    /// Who ran the executable may write to it.
    pub exe_writable: bool,
    /// The executable has no name any more.
    pub exe_deleted: bool,
    /// When the executable's inode was last changed, in nanoseconds since the Unix epoch; 0 if unknown.
    pub exe_ctime_ns: u64,
    /// When the executable was last written, in nanoseconds since the Unix epoch; 0 if unknown.
    pub exe_mtime_ns: u64,
    /// Of a script, the program that its first line names; empty otherwise.
    pub interpreter: Box<[u8]>,
    /// Not all arguments are in `argv`.
    pub args_truncated: bool,
    /// Bytes of all arguments, those that are not in `argv` too; 0 if unknown.
    pub args_bytes: u64,
    /// The environment, each variable ended by a NUL.
    pub env: Arc<[u8]>,
    /// Its process group's id in its own pid namespace; -1 if unknown.
    pub vpgid: i64,
    /// When the first process of its pid namespace started, in nanoseconds since the Unix epoch; 0 if unknown.
    pub pidns_start_ns: u64,
    /// The capabilities in effect, as bits.
    pub cap_effective: u64,
    /// The capabilities that it may use, as bits.
    pub cap_permitted: u64,
    /// The capabilities that exec passes on, as bits.
    pub cap_inheritable: u64,
    /// Its cgroups, each as `controller=path`, with blanks between them.
    pub cgroups: Arc<[u8]>,
    /// How many descriptors it may have open; 0 if unknown.
    pub fd_limit: u64,
    /// What it used when it was last described; nothing if that is not known.
    pub used: Option<Used>,
    /// `uid` as its own user namespace has it, where that knows it.
    pub ns_uid: Option<u32>,
    /// Its namespaces.
    pub namespaces: Namespaces,
}

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Virtual memory in kilobytes.
    pub virtual_kb: u32,
    /// Resident memory in kilobytes.
    pub resident_kb: u32,
    /// Swapped memory in kilobytes.
    pub swapped_kb: u32,
    /// Page faults that read from disk.
    pub faults_major: u64,
    /// Page faults that did not.
    pub faults_minor: u64,
}

/// The inodes of a process's namespaces, as the links in `/proc/PID/ns` have them; 0 if unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Of process ids.
    pub pid: u32,
    /// Of mounts.
    pub mnt: u32,
    /// Of users and groups.
    pub user: u32,
    /// Of networks.
    pub net: u32,
}

impl Process {
    /// Sets `comm` and `argv` (each argument ended by a NUL), and `cmdline` from them.
    pub fn set_argv(&mut self, comm: &[u8], argv: &[u8]) {
        self.comm = comm.into();
        self.argv = argv.into();
        let mut cmdline = comm.to_vec();
        if !comm.is_empty() {
            for arg in self.arguments().skip(1) {
                cmdline.push(b' ');
                cmdline.extend_from_slice(arg);
            }
        }
        self.cmdline = cmdline.into();
    }

    /// Each argument, the program's own name first.
    pub fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        let argv = self.argv.strip_suffix(&[0]).unwrap_or(&self.argv);
        let count = if self.argv.is_empty() { 0 } else { usize::MAX };
        argv.split(|byte| *byte == 0).take(count)
    }

    /// Each variable of the environment, as `NAME=value`.
    pub fn environment(&self) -> impl Iterator<Item = &[u8]> {
        self.env.split(|byte| *byte == 0).filter(|variable| !variable.is_empty())
    }

    /// The first argument: what the caller says the program is called (`proc.exe`).
    pub fn exe(&self) -> &[u8] {
        self.arguments().next().unwrap_or_default()
    }

    /// The arguments but the first, joined by blanks (`proc.args`): the end of `cmdline`.
    pub fn args(&self) -> &[u8] {
        self.cmdline.get(self.comm.len() + 1..).unwrap_or_default()
    }
}
