//! Flags of calls on memory.

use super::Names;

/// `mmap`, `mprotect`, `pkey_mprotect`: what may be done with the memory.
pub static MAP_PROT: Names = Names(&[
    (0x1, "PROT_READ"),
    (0x2, "PROT_WRITE"),
    (0x4, "PROT_EXEC"),
    (0x8, "PROT_SEM"),
    (0x0100_0000, "PROT_GROWSDOWN"),
    (0x0200_0000, "PROT_GROWSUP"),
    (0, "PROT_NONE"),
]);

/// `mmap`, `mmap2`.
pub static MAP: Names = Names(&[
    (0x03, "MAP_SHARED_VALIDATE"),
    (0x01, "MAP_SHARED"),
    (0x02, "MAP_PRIVATE"),
    (0x10, "MAP_FIXED"),
    (0x20, "MAP_ANONYMOUS"),
    (0x40, "MAP_32BIT"),
    (0x4000, "MAP_NORESERVE"),
    (0x8000, "MAP_POPULATE"),
    (0x1_0000, "MAP_NONBLOCK"),
    (0x0100, "MAP_GROWSDOWN"),
    (0x0800, "MAP_DENYWRITE"),
    (0x1000, "MAP_EXECUTABLE"),
    (0, "MAP_FILE"),
    (0x2000, "MAP_LOCKED"),
    (0x2_0000, "MAP_STACK"),
    (0x4_0000, "MAP_HUGETLB"),
    (0x8_0000, "MAP_SYNC"),
    (0x10_0000, "MAP_FIXED_NOREPLACE"),
]);

/// `mlock2`.
pub static MLOCK2: Names = Names(&[(1, "MLOCK_ONFAULT")]);

/// `mlockall`.
pub static MLOCKALL: Names = Names(&[(1, "MCL_CURRENT"), (2, "MCL_FUTURE"), (4, "MCL_ONFAULT")]);

/// `memfd_create`.
pub static MEMFD_CREATE: Names = Names(&[
    (0x01, "MFD_CLOEXEC"),
    (0x02, "MFD_ALLOW_SEALING"),
    (0x04, "MFD_HUGETLB"),
    (0x08, "MFD_NOEXEC_SEAL"),
    (0x10, "MFD_EXEC"),
]);

/// `userfaultfd`: beside the flags of an open file.
pub static USERFAULTFD: Names =
    Names(&[(0o4_000, "O_NONBLOCK"), (0o2_000_000, "O_CLOEXEC"), (1, "UFFD_USER_MODE_ONLY")]);
