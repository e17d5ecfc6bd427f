//! The mirror of `bpf/event.h`: a test compares both with the object's BTF.

use std::mem::offset_of;

/// Declares a mirror of a C structure and how to read it from bytes.
macro_rules! mirror {
    ($(#[$meta:meta])* $name:ident = $c:literal { $($field:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name { $(pub(crate) $field: $ty),* }

        impl $name {
            /// The structure's name in `event.h`, its size, and each field's name, offset and size.
            #[cfg(test)]
            pub(crate) fn layout() -> (&'static str, usize, Vec<(&'static str, usize, usize)>) {
                ($c, size_of::<Self>(), vec![$((stringify!($field), offset_of!(Self, $field), size_of::<$ty>())),*])
            }

            pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
                Some(Self { $($field: field(bytes, offset_of!(Self, $field))?),* })
            }
        }
    };
}

mirror! {
    /// What every record begins with.
    Header = "cadge_header" {
        version: u16, kind: u16, size: u32, time_ns: u64, cpu: u32, pid: u32, tid: u32, reserved: u32,
    }
}

mirror! {
    /// A process.
    ProcessPart = "cadge_process" {
        start_ns: u64, exe_ino: u64, exe_ctime_ns: u64, exe_mtime_ns: u64, cap_effective: u64, cap_permitted: u64,
        cap_inheritable: u64, cgroup: u64, pidns_start_ns: u64, fd_limit: u64, argv_bytes: u64, env_bytes: u64,
        faults_major: u64, faults_minor: u64, vm_size_kb: u32, vm_rss_kb: u32, vm_swap_kb: u32, exe_dev: u32,
        exe_nlink: u32, exe_flags: u32, ppid: u32, vpid: u32, vtid: u32, sid: u32, vsid: u32, pgid: u32, vpgid: u32,
        uid: u32, gid: u32, real_uid: u32, inner_uid: u32, loginuid: u32, tty: u32, ns_pid: u32, ns_mnt: u32,
        ns_user: u32, ns_net: u32, by: u32, cause: u32, reserved: u32, comm: [u8; 16],
    }
}

mirror! {
    /// A process's end.
    ExitPart = "cadge_exit" { status: u32, reserved: u32 }
}

mirror! {
    /// A system call.
    CallPart = "cadge_call" {
        result: i64, args: [u64; 6], cgroup: u64, cap_effective: u64, cap_permitted: u64, cap_inheritable: u64,
        uid: u32, gid: u32, call: u16, abi: u8, flags: u8, number: u32, ns_uid: u32, reserved: u32,
    }
}

mirror! {
    /// A check that the kernel makes of a call's paths.
    HookPart = "cadge_hook" { which: u32, reserved: u32 }
}

/// A flag of a call: an `io_uring` does it, no system call: `CADGE_CALL_URING`.
pub(crate) const URING: u8 = 1;

impl CallPart {
    /// An argument; 0 if there is no such.
    pub(crate) fn arg(&self, at: u8) -> u64 {
        self.args.get(usize::from(at)).copied().unwrap_or_default()
    }

    /// Its lower half.
    pub(crate) fn word(&self, at: u8) -> u32 {
        u32::try_from(self.arg(at) & 0xffff_ffff).unwrap_or_default()
    }

    /// Its lower half as a signed number.
    pub(crate) fn int(&self, at: u8) -> i64 {
        self.word(at).cast_signed().into()
    }
}

mirror! {
    /// What a descriptor refers to.
    FilePart = "cadge_file" {
        ino: u64, dev: u32, mode: u32, flags: u32, nlink: u32, created: u8, layer: u8, reserved: [u8; 2], real_dev: u32,
        real_ino: u64,
    }
}

mirror! {
    /// A socket.
    SocketPart = "cadge_socket" {
        ino: u64, peer_ino: u64, family: u16, r#type: u16, protocol: u16, state: u16, local_port: u16,
        remote_port: u16, flags: u32, waiting: u32, waiting_max: u32, local: [u8; 16], remote: [u8; 16],
    }
}

/// The program chose the socket's local port: `CADGE_SOCKET_BOUND`.
pub(crate) const BOUND: u32 = 1;
/// Or it has it from the socket that waits for connections: `CADGE_SOCKET_SHARED`.
pub(crate) const SHARED: u32 = 2;

mirror! {
    /// What one `struct msghdr` holds.
    MessagePart = "cadge_message" { size: u64, moved: u64 }
}

mirror! {
    /// How the beginning and the end of an operation of an `io_uring` find each other.
    RequestPart = "cadge_request" { request: u64, ring: u64, user_data: u64, flags: u32, reserved: u32 }
}

/// Something that stands in a record as it stands in memory.
pub(super) trait Plain: Sized {
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! plain {
    ($($ty:ty),*) => { $(impl Plain for $ty {
        fn read(bytes: &[u8]) -> Option<Self> {
            bytes.first_chunk().map(|bytes| Self::from_ne_bytes(*bytes))
        }
    })* };
}

plain!(u8, u16, u32, u64, i64);

impl<const N: usize> Plain for [u8; N] {
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().copied()
    }
}

impl Plain for [u64; 6] {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut values = [0; 6];
        for (index, value) in values.iter_mut().enumerate() {
            *value = u64::read(bytes.get(8 * index..)?)?;
        }
        Some(values)
    }
}

pub(super) fn field<T: Plain>(bytes: &[u8], offset: usize) -> Option<T> {
    T::read(bytes.get(offset..)?)
}
