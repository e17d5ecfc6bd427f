//! Flags of calls on files and their paths.

use super::Names;

/// `unlinkat`.
pub static UNLINKAT: Names = Names(&[(0x200, "AT_REMOVEDIR")]);

/// `linkat`.
pub static LINKAT: Names = Names(&[(0x400, "AT_SYMLINK_FOLLOW"), (0x1000, "AT_EMPTY_PATH")]);

/// `fchownat`, `fchmodat2`.
pub static FCHOWNAT: Names = Names(&[(0x100, "AT_SYMLINK_NOFOLLOW"), (0x1000, "AT_EMPTY_PATH")]);

/// `newfstatat`, `execveat`, `faccessat2`, `name_to_handle_at`: everything that may be said of a path.
pub static AT: Names = Names(&[
    (0x1000, "AT_EMPTY_PATH"),
    (0x800, "AT_NO_AUTOMOUNT"),
    (0x100, "AT_SYMLINK_NOFOLLOW"),
    (0x200, "AT_EACCESS"),
    (0x400, "AT_SYMLINK_FOLLOW"),
    (0x8000, "AT_RECURSIVE"),
]);

/// `renameat2`.
pub static RENAMEAT2: Names =
    Names(&[(1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT")]);

/// `openat2`: how the path is resolved.
pub static OPENAT2_RESOLVE: Names = Names(&[
    (0x08, "RESOLVE_BENEATH"),
    (0x10, "RESOLVE_IN_ROOT"),
    (0x02, "RESOLVE_NO_MAGICLINKS"),
    (0x04, "RESOLVE_NO_SYMLINKS"),
    (0x01, "RESOLVE_NO_XDEV"),
    (0x20, "RESOLVE_CACHED"),
]);

/// `access`, `faccessat`: the mode.
pub static ACCESS_MODE: Names = Names(&[(0, "F_OK"), (4, "R_OK"), (2, "W_OK"), (1, "X_OK")]);

/// `splice`, `tee`, `vmsplice`.
pub static SPLICE: Names =
    Names(&[(1, "SPLICE_F_MOVE"), (2, "SPLICE_F_NONBLOCK"), (4, "SPLICE_F_MORE"), (8, "SPLICE_F_GIFT")]);

/// `flock`: the operation.
pub static FLOCK_OPERATION: Names =
    Names(&[(1, "LOCK_SH"), (2, "LOCK_EX"), (4, "LOCK_NB"), (8, "LOCK_UN"), (0, "LOCK_NONE")]);

/// `lseek`: whence.
pub static LSEEK_WHENCE: Names =
    Names(&[(2, "SEEK_END"), (1, "SEEK_CUR"), (0, "SEEK_SET"), (3, "SEEK_DATA"), (4, "SEEK_HOLE")]);

/// `close_range`.
pub static CLOSE_RANGE: Names = Names(&[(2, "CLOSE_RANGE_UNSHARE"), (4, "CLOSE_RANGE_CLOEXEC")]);

/// `fcntl`: the command.
pub static FCNTL_COMMAND: Names = Names(&[
    (1032, "F_GETPIPE_SZ"),
    (1031, "F_SETPIPE_SZ"),
    (1026, "F_NOTIFY"),
    (1030, "F_DUPFD_CLOEXEC"),
    (1029, "F_CANCELLK"),
    (1025, "F_GETLEASE"),
    (1024, "F_SETLEASE"),
    (16, "F_GETOWN_EX"),
    (15, "F_SETOWN_EX"),
    (14, "F_SETLKW64"),
    (13, "F_SETLK64"),
    (12, "F_GETLK64"),
    (11, "F_GETSIG"),
    (10, "F_SETSIG"),
    (9, "F_GETOWN"),
    (8, "F_SETOWN"),
    (7, "F_SETLKW"),
    (6, "F_SETLK"),
    (5, "F_GETLK"),
    (4, "F_SETFL"),
    (3, "F_GETFL"),
    (2, "F_SETFD"),
    (1, "F_GETFD"),
    (0, "F_DUPFD"),
    (36, "F_OFD_GETLK"),
    (37, "F_OFD_SETLK"),
    (38, "F_OFD_SETLKW"),
    (17, "F_GETOWNER_UIDS"),
    (1033, "F_ADD_SEALS"),
    (1034, "F_GET_SEALS"),
    (1035, "F_GET_RW_HINT"),
    (1036, "F_SET_RW_HINT"),
    (1037, "F_GET_FILE_RW_HINT"),
    (1038, "F_SET_FILE_RW_HINT"),
]);

/// `fallocate`: the mode.
pub static FALLOCATE_MODE: Names = Names(&[
    (0x01, "FALLOC_FL_KEEP_SIZE"),
    (0x02, "FALLOC_FL_PUNCH_HOLE"),
    (0x08, "FALLOC_FL_COLLAPSE_RANGE"),
    (0x10, "FALLOC_FL_ZERO_RANGE"),
    (0x20, "FALLOC_FL_INSERT_RANGE"),
    (0x40, "FALLOC_FL_UNSHARE_RANGE"),
]);

/// `setxattr` and its like.
pub static SETXATTR: Names = Names(&[(1, "XATTR_CREATE"), (2, "XATTR_REPLACE")]);

/// `epoll_create1`.
pub static EPOLL_CREATE1: Names = Names(&[(0o2_000_000, "EPOLL_CLOEXEC")]);

/// `fanotify_init`.
pub static FANOTIFY_INIT: Names = Names(&[
    (0x001, "FAN_CLOEXEC"),
    (0x002, "FAN_NONBLOCK"),
    (0x004, "FAN_CLASS_CONTENT"),
    (0x008, "FAN_CLASS_PRE_CONTENT"),
    (0x010, "FAN_UNLIMITED_QUEUE"),
    (0x020, "FAN_UNLIMITED_MARKS"),
    (0x040, "FAN_ENABLE_AUDIT"),
    (0x080, "FAN_REPORT_PIDFD"),
    (0x100, "FAN_REPORT_TID"),
    (0x200, "FAN_REPORT_FID"),
    (0x400, "FAN_REPORT_DIR_FID"),
    (0x800, "FAN_REPORT_NAME"),
    (0x1000, "FAN_REPORT_TARGET_FID"),
]);
