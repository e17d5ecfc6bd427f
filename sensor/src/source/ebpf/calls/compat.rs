//! Calls of 32-bit programs, and of 64-bit ones that make them: they have other numbers, more names for
//! one call, calls that are several, and arguments of other widths.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{ROWS, numbers};
use crate::source::ebpf::record::CallPart;

/// `CADGE_ABI_32`.
const ABI_32: u8 = 1;

/// `CADGE_NUMBER_SOCKETCALL` and `CADGE_NUMBER_IPC`.
#[cfg(target_arch = "x86_64")]
const SOCKETCALL: u32 = 576;
#[cfg(target_arch = "x86_64")]
const IPC: u32 = 608;
/// `CADGE_NUMBER_OLD_MMAP`.
#[cfg(target_arch = "x86_64")]
const OLD_MMAP: u32 = 640;

/// `CADGE_ROW_MULTIPLEXED`.
const MULTIPLEXED: u16 = 0xffff;

/// More names under which a 32-bit program makes a call. Those with `32`, `64` or `_time64` at the end are
/// found by that.
const TWINS: &[(&str, &str)] = &[
    ("mmap", "mmap2"),
    ("sendto", "send"),
    ("recvfrom", "recv"),
    // What shows less is the older one.
    ("umount2", "umount"),
];

/// What 32-bit x86 has behind one number: the number that the kernel program puts in its place, and the call.
#[cfg(target_arch = "x86_64")]
const PARTS: &[(u32, &str)] = &[
    (SOCKETCALL + 1, "socket"),
    (SOCKETCALL + 2, "bind"),
    (SOCKETCALL + 3, "connect"),
    (SOCKETCALL + 4, "listen"),
    (SOCKETCALL + 5, "accept"),
    (SOCKETCALL + 6, "getsockname"),
    (SOCKETCALL + 7, "getpeername"),
    (SOCKETCALL + 8, "socketpair"),
    (SOCKETCALL + 9, "sendto"),
    (SOCKETCALL + 10, "recvfrom"),
    (SOCKETCALL + 11, "sendto"),
    (SOCKETCALL + 12, "recvfrom"),
    (SOCKETCALL + 13, "shutdown"),
    (SOCKETCALL + 14, "setsockopt"),
    (SOCKETCALL + 15, "getsockopt"),
    (SOCKETCALL + 16, "sendmsg"),
    (SOCKETCALL + 17, "recvmsg"),
    (SOCKETCALL + 18, "accept4"),
    (SOCKETCALL + 19, "recvmmsg"),
    (SOCKETCALL + 20, "sendmmsg"),
    (IPC + 1, "semop"),
    (IPC + 2, "semget"),
    (IPC + 3, "semctl"),
    (IPC + 4, "semtimedop"),
    (IPC + 11, "msgsnd"),
    (IPC + 12, "msgrcv"),
    (IPC + 13, "msgget"),
    (IPC + 14, "msgctl"),
    (IPC + 21, "shmat"),
    (IPC + 22, "shmdt"),
    (IPC + 23, "shmget"),
    (IPC + 24, "shmctl"),
    (OLD_MMAP, "mmap"),
];
#[cfg(target_arch = "aarch64")]
const PARTS: &[(u32, &str)] = &[];

/// The calls that [`PARTS`] are parts of: their name and the numbers of those parts.
#[cfg(target_arch = "x86_64")]
const MULTIPLEXERS: &[(&str, std::ops::Range<u32>)] =
    &[("socketcall", SOCKETCALL..IPC), ("ipc", IPC..OLD_MMAP), ("mmap", OLD_MMAP..OLD_MMAP + 1)];
#[cfg(target_arch = "aarch64")]
const MULTIPLEXERS: &[(&str, std::ops::Range<u32>)] = &[];

/// The numbers of the x32 ABI beyond the native ones: calls whose structures have 32-bit pointers.
#[cfg(target_arch = "x86_64")]
const X32: &[(u32, &str)] = &[
    (514, "ioctl"),
    (515, "readv"),
    (516, "writev"),
    (517, "recvfrom"),
    (518, "sendmsg"),
    (519, "recvmsg"),
    (521, "ptrace"),
    (528, "kexec_load"),
    (532, "vmsplice"),
    (533, "move_pages"),
    (534, "preadv"),
    (535, "pwritev"),
    (537, "recvmmsg"),
    (538, "sendmmsg"),
    (539, "process_vm_readv"),
    (540, "process_vm_writev"),
    (541, "setsockopt"),
    (542, "getsockopt"),
    (546, "preadv2"),
    (547, "pwritev2"),
];
#[cfg(target_arch = "aarch64")]
const X32: &[(u32, &str)] = &[];

/// Whether a call has a row of its own.
fn has_row(name: &str) -> bool {
    ROWS.iter().any(|(call, _)| call.calls.contains(&name))
}

/// Every number by which a 32-bit program makes one of the calls of a row.
pub(super) fn numbers(names: &[&str]) -> Vec<u32> {
    let own = |name: &&&str| !MULTIPLEXERS.iter().any(|(multiplexer, _)| multiplexer == *name);
    let mut numbers: Vec<u32> = names.iter().filter(own).filter_map(|name| numbers::compat(name)).collect();
    for name in names {
        numbers.extend(
            ["32", "64", "_time64"].iter().filter_map(|end| numbers::compat(&format!("{name}{end}"))),
        );
        let twins = TWINS.iter().filter(|(native, twin)| native == name && !has_row(twin));
        numbers.extend(twins.filter_map(|(_, twin)| numbers::compat(twin)));
        numbers.extend(PARTS.iter().filter(|(_, part)| part == name).map(|(number, _)| number));
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Further numbers that 64-bit programs have for the calls of a row.
pub(super) fn x32_numbers(names: &[&str]) -> impl Iterator<Item = u32> {
    X32.iter().filter(|(_, name)| names.contains(name)).map(|(number, _)| *number)
}

/// The 32-bit calls that are several, of which one is wanted, and what stands for a row of theirs.
pub(in crate::source::ebpf) fn multiplexers(
    is_wanted: impl Fn(std::ops::Range<u32>) -> bool,
) -> Vec<(u32, u16)> {
    let wanted = MULTIPLEXERS.iter().filter(|(_, parts)| is_wanted(parts.clone()));
    wanted.filter_map(|(name, _)| Some((numbers::compat(name)?, MULTIPLEXED))).collect()
}

/// How the arguments of a 32-bit call differ from those of the same native one.
#[derive(Clone, Copy)]
enum Differs {
    /// These are ids of 16 bits, of which the largest stands for -1.
    Ids(&'static [u8]),
    /// From the first place on there are so many numbers of 64 bits, each in two arguments; the second
    /// number is of how many arguments between are nothing.
    Halves { at: usize, nothing: usize },
    /// This is in pages.
    Pages(usize),
    /// Native callers have one more, which is 0.
    Lacks(usize),
}

const DIFFERENCES: &[(&str, Differs)] = &[
    ("setuid", Differs::Ids(&[0])),
    ("setgid", Differs::Ids(&[0])),
    ("setfsuid", Differs::Ids(&[0])),
    ("setfsgid", Differs::Ids(&[0])),
    ("setreuid", Differs::Ids(&[0, 1])),
    ("setregid", Differs::Ids(&[0, 1])),
    ("setresuid", Differs::Ids(&[0, 1, 2])),
    ("setresgid", Differs::Ids(&[0, 1, 2])),
    ("chown", Differs::Ids(&[1, 2])),
    ("lchown", Differs::Ids(&[1, 2])),
    ("fchown", Differs::Ids(&[1, 2])),
    ("truncate64", Differs::Halves { at: 1, nothing: ALIGNED }),
    ("ftruncate64", Differs::Halves { at: 1, nothing: ALIGNED }),
    ("fallocate", Differs::Halves { at: 2, nothing: 0 }),
    ("pread64", Differs::Halves { at: 3, nothing: ALIGNED }),
    ("pwrite64", Differs::Halves { at: 3, nothing: ALIGNED }),
    ("readahead", Differs::Halves { at: 1, nothing: ALIGNED }),
    ("fanotify_mark", Differs::Halves { at: 2, nothing: 0 }),
    ("mmap2", Differs::Pages(5)),
    ("umount", Differs::Lacks(1)),
    ("send", Differs::Lacks(4)),
    ("recv", Differs::Lacks(4)),
];

/// 32-bit ARM begins a number of 64 bits at an even argument.
const ALIGNED: usize = if cfg!(target_arch = "aarch64") { 1 } else { 0 };

/// Bytes of the unit that mmap2 counts in, whatever a page is.
const PAGE_BYTES: u64 = 4096;

static BY_NUMBER: LazyLock<HashMap<u32, Differs>> = LazyLock::new(|| {
    let differences = DIFFERENCES.iter();
    differences.filter_map(|(name, differs)| Some((numbers::compat(name)?, *differs))).collect()
});

/// The call with its arguments as a native caller would have passed them.
pub(crate) fn widened(call: &CallPart) -> CallPart {
    let mut call = *call;
    if call.abi != ABI_32 {
        return call;
    }
    match BY_NUMBER.get(&call.number) {
        None => {}
        // 32-bit ARM has no other than these, and ids of 32 bits in them.
        Some(Differs::Ids(_)) if cfg!(target_arch = "aarch64") => {}
        Some(Differs::Ids(places)) => {
            for at in *places {
                if let Some(id) = call.args.get_mut(usize::from(*at)) {
                    *id &= 0xffff;
                    if *id == 0xffff {
                        *id = u64::from(u32::MAX);
                    }
                }
            }
        }
        Some(Differs::Halves { at, nothing }) => join_halves(&mut call.args, *at, *nothing),
        Some(Differs::Pages(at)) => {
            if let Some(offset) = call.args.get_mut(*at) {
                *offset = offset.wrapping_mul(PAGE_BYTES);
            }
        }
        Some(Differs::Lacks(at)) => call.args.iter_mut().skip(*at).for_each(|arg| *arg = 0),
    }
    call
}

/// Joins pairs of arguments from a place on. The one behind an odd number of them moves up.
fn join_halves(args: &mut [u64; 6], at: usize, nothing: usize) {
    let Some(halves) = args.get(at + nothing..) else { return };
    let halves = halves.to_vec();
    let joined = halves.chunks(2).map(|pair| match pair {
        [low, high] => low & 0xffff_ffff | high << 32,
        one => one.iter().copied().sum(),
    });
    let joined: Vec<u64> = joined.collect();
    for (index, arg) in args.iter_mut().skip(at).enumerate() {
        *arg = joined.get(index).copied().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(name: &str, args: [u64; 6]) -> CallPart {
        CallPart {
            result: 0,
            args,
            cgroup: 0,
            cap_effective: 0,
            cap_permitted: 0,
            cap_inheritable: 0,
            uid: 0,
            gid: 0,
            call: 1,
            abi: ABI_32,
            flags: 0,
            number: numbers::compat(name).unwrap(),
            ns_uid: 0,
            reserved: 0,
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn arguments_are_as_a_native_caller_passes_them() {
        let args = |name: &str, args| widened(&call(name, args)).args;
        // The kernel looks at 16 bits: whoever passes more does not hide a 0.
        assert_eq!(args("setuid", [0x1_0000, 9, 9, 9, 9, 9])[0], 0);
        assert_eq!(args("chown", [9, 0xffff, 7, 9, 9, 9]), [9, u64::from(u32::MAX), 7, 9, 9, 9]);
        assert_eq!(args("setuid32", [0x1_0000, 9, 9, 9, 9, 9])[0], 0x1_0000);
        assert_eq!(args("truncate64", [9, 1, 2, 0, 0, 0])[..2], [9, 2 << 32 | 1]);
        assert_eq!(args("fallocate", [9, 8, 1, 2, 3, 4])[..4], [9, 8, 2 << 32 | 1, 4 << 32 | 3]);
        assert_eq!(args("mmap2", [0, 1, 2, 3, 4, 2])[5], 8192);
        assert_eq!(args("umount", [9, 9, 9, 9, 9, 9]), [9, 0, 0, 0, 0, 0]);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_call_has_all_its_numbers() {
        assert_eq!(numbers(&["setuid"]), [23, 213]);
        assert_eq!(numbers(&["connect"]), [362, SOCKETCALL + 3]);
        assert_eq!(numbers(&["accept"]), [SOCKETCALL + 5]);
        assert_eq!(numbers(&["mmap"]), [192, OLD_MMAP]);
        assert_eq!(x32_numbers(&["sendmsg"]).collect::<Vec<_>>(), [518]);
        let all = multiplexers(|parts| parts.contains(&(SOCKETCALL + 3)));
        assert_eq!(all, [(102, MULTIPLEXED)]);
        for (name, _) in DIFFERENCES.iter().filter(|(name, _)| !["send", "recv"].contains(name)) {
            assert!(numbers::compat(name).is_some(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_call_is_widened(number in 0..700_u32, args in prop::array::uniform6(any::<u64>())) {
            let mut any = call("kill", args);
            any.number = number;
            widened(&any);
        }
    }
}
