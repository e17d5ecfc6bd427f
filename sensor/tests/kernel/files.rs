//! Calls on files, by their names and by descriptors: each event, in every ABI.

#![allow(clippy::too_many_lines, reason = "tables")]

use std::process::Command;

use super::cases::{case, expect_cases};
use super::live::skipped;
use super::script::Mode;
use super::watch::Watch;

#[test]
fn names_are_made_moved_and_removed() {
    let types = &[
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "unlink",
        "unlinkat",
        "mkdir",
        "mkdirat",
        "rmdir",
        "mknod",
        "mknodat",
    ];
    let Some(watch) = Watch::on("names", types, &[]) else { return };
    expect_cases(
        &watch,
        &[
            #[cfg(target_arch = "x86_64")]
            case(
                "rename",
                &["rename s:{dir}/sub/../file s:{dir}/new"],
                &[
                    ("oldpath", "{dir}/file"),
                    ("newpath", "{dir}/new"),
                    ("res", "0"),
                    ("fs.path.source", "{dir}/file"),
                    ("fs.path.sourceraw", "{dir}/sub/../file"),
                    ("fs.path.target", "{dir}/new"),
                ],
            ),
            case(
                "renameat",
                &["chdir s:{dir}", "openat -100 s:sub 0 0", "renameat -100 s:./file $1 s:new"],
                &[
                    ("olddirfd", "AT_FDCWD"),
                    ("oldpath", "{dir}/file"),
                    ("newdirfd", "<d>{dir}/sub"),
                    ("newpath", "{dir}/sub/new"),
                    ("fs.path.sourceraw", "./file"),
                    ("fs.path.target", "{dir}/sub/new"),
                ],
            ),
            case(
                "renameat2",
                &["renameat2 -100 s:{dir}/file -100 s:{dir}/link 2"],
                &[("newpath", "{dir}/link"), ("flags", "RENAME_EXCHANGE"), ("fs.path.source", "{dir}/file")],
            ),
            // Falco's source of a hard link is the new name.
            #[cfg(target_arch = "x86_64")]
            case(
                "link",
                &["link s:{dir}/file s:{dir}/new"],
                &[
                    ("oldpath", "{dir}/file"),
                    ("newpath", "{dir}/new"),
                    ("fs.path.source", "{dir}/new"),
                    ("fs.path.target", "{dir}/file"),
                ],
            ),
            case(
                "linkat",
                &["openat -100 s:{dir}/file 0 0", "linkat $0 s: -100 s:{dir}/new 0x1000"],
                &[
                    ("olddir", "<d>{dir}/file"),
                    ("oldpath", "{dir}/file"),
                    ("newpath", "{dir}/new"),
                    ("flags", "AT_EMPTY_PATH"),
                ],
            ),
            #[cfg(target_arch = "x86_64")]
            case(
                "symlink",
                &["symlink s:../etc/shadow s:{dir}/new"],
                &[
                    ("target", "../etc/shadow"),
                    ("linkpath", "{dir}/new"),
                    ("fs.path.source", "{dir}/new"),
                    ("fs.path.target", "../etc/shadow"),
                ],
            ),
            case(
                "symlinkat",
                &["openat -100 s:{dir}/sub 0 0", "symlinkat s:/etc/shadow $0 s:new"],
                &[("target", "/etc/shadow"), ("linkdirfd", "<d>{dir}/sub"), ("linkpath", "{dir}/sub/new")],
            ),
            #[cfg(target_arch = "x86_64")]
            case(
                "unlink",
                &["unlink s:{dir}/file"],
                &[("path", "{dir}/file"), ("fs.path.name", "{dir}/file")],
            ),
            case(
                "unlinkat",
                &["unlinkat -100 s:{dir}/sub 0x200"],
                &[
                    ("dirfd", "AT_FDCWD"),
                    ("name", "{dir}/sub"),
                    ("flags", "AT_REMOVEDIR"),
                    ("fs.path.name", "{dir}/sub"),
                ],
            ),
            case(
                "unlinkat",
                &["unlinkat -100 s:{dir}/gone 0"],
                &[("name", "{dir}/gone"), ("evt.res", "ENOENT"), ("fs.path.name", "<NA>")],
            ),
            #[cfg(target_arch = "x86_64")]
            case(
                "mkdir",
                &["mkdir s:{dir}/new 448"],
                &[("path", "{dir}/new"), ("mode", "S_IXUSR|S_IWUSR|S_IRUSR"), ("fs.path.name", "{dir}/new")],
            ),
            case(
                "mkdirat",
                &["chdir s:{dir}/sub", "mkdirat -100 s:../new 448"],
                &[("path", "{dir}/new"), ("fs.path.nameraw", "../new")],
            ),
            #[cfg(target_arch = "x86_64")]
            case("rmdir", &["rmdir s:{dir}/sub"], &[("path", "{dir}/sub"), ("fs.path.name", "{dir}/sub")]),
            #[cfg(target_arch = "x86_64")]
            case(
                "mknod",
                &["mknod s:{dir}/new 0x21b6 0x103"],
                &[("path", "{dir}/new"), ("mode", "*|S_IFCHR"), ("dev", "259")],
            ),
            case(
                "mknodat",
                &["mknodat -100 s:{dir}/new 0x1180 0"],
                &[("dirfd", "AT_FDCWD"), ("path", "{dir}/new"), ("mode", "S_IWUSR|S_IRUSR|S_IFIFO")],
            ),
        ],
    );
}

#[test]
fn modes_owners_and_attributes_are_changed() {
    let types = &[
        "chmod",
        "fchmod",
        "fchmodat",
        "chown",
        "lchown",
        "fchown",
        "fchownat",
        "access",
        "setxattr",
        "lsetxattr",
        "fsetxattr",
        "removexattr",
        "lremovexattr",
        "fremovexattr",
    ];
    let Some(watch) = Watch::on("modes", types, &[]) else { return };
    expect_cases(
        &watch,
        &[
            #[cfg(target_arch = "x86_64")]
            case(
                "chmod",
                &["chmod s:{dir}/file 0x9ed"],
                &[("filename", "{dir}/file"), ("mode", "*|S_ISUID"), ("fs.path.name", "{dir}/file")],
            ),
            case(
                "fchmod",
                &["openat -100 s:{dir}/link 0 0", "fchmod $0 448"],
                &[
                    ("fd", "<f>{dir}/file"),
                    ("fd.name", "{dir}/file"),
                    ("mode", "S_IXUSR|S_IWUSR|S_IRUSR"),
                    ("fs.path.name", "{dir}/file"),
                ],
            ),
            case("fchmodat", &["fchmodat -100 s:{dir}/file 511"], &[("filename", "{dir}/file")]),
            case("fchmodat", &["fchmodat2 -100 s:{dir}/file 511 0"], &[("filename", "{dir}/file")]),
            case(
                "fchmodat",
                &["openat -100 s:{dir}/file 0x200000 0", "fchmodat2 $0 s: 511 0x1000"],
                &[("filename", "{dir}/file")],
            ),
            #[cfg(target_arch = "x86_64")]
            case(
                "chown",
                &["chown/chown32 s:{dir}/file 7 8"],
                &[("path", "{dir}/file"), ("uid", "7"), ("gid", "8"), ("fs.path.name", "{dir}/file")],
            ),
            #[cfg(target_arch = "x86_64")]
            case("chown", &["chown s:{dir}/file 7 8"], &[("path", "{dir}/file"), ("uid", "7")]),
            #[cfg(target_arch = "x86_64")]
            case("lchown", &["lchown/lchown32 s:{dir}/link 7 8"], &[("path", "{dir}/link")]),
            case(
                "fchown",
                &["openat -100 s:{dir}/file 0 0", "fchown/fchown32 $0 7 8"],
                &[("fd.name", "{dir}/file"), ("gid", "8"), ("fs.path.name", "{dir}/file")],
            ),
            case(
                "fchownat",
                &["fchownat -100 s:{dir}/link 7 8 0x100"],
                &[("pathname", "{dir}/link"), ("flags", "AT_SYMLINK_NOFOLLOW"), ("uid", "7")],
            ),
            #[cfg(target_arch = "x86_64")]
            case("access", &["access s:{dir}/file 4"], &[("name", "{dir}/file"), ("mode", "R_OK")]),
            // What a file system does not allow is told all the same.
            case(
                "setxattr",
                &["setxattr s:{dir}/file s:user.cadge s:x 1 1"],
                &[("path", "{dir}/file"), ("name", "user.cadge"), ("flags", "XATTR_CREATE")],
            ),
            case(
                "lsetxattr",
                &["lsetxattr s:{dir}/link s:trusted.cadge s:x 1 0"],
                &[("path", "{dir}/link"), ("name", "trusted.cadge")],
            ),
            case(
                "fsetxattr",
                &["openat -100 s:{dir}/file 0 0", "fsetxattr $0 s:security.capability s:x 1 0"],
                &[("fd.name", "{dir}/file"), ("name", "security.capability")],
            ),
            case(
                "removexattr",
                &["removexattr s:{dir}/file s:security.ima"],
                &[("path", "{dir}/file"), ("name", "security.ima")],
            ),
            case("lremovexattr", &["lremovexattr s:{dir}/link s:security.ima"], &[("path", "{dir}/link")]),
            case(
                "fremovexattr",
                &["openat -100 s:{dir}/file 0 0", "fremovexattr $0 s:security.ima"],
                &[("fd.name", "{dir}/file")],
            ),
        ],
    );
}

#[test]
fn contents_are_cut_and_copied() {
    let types = &[
        "truncate",
        "ftruncate",
        "fallocate",
        "copy_file_range",
        "splice",
        "tee",
        "vmsplice",
        "sendfile",
        "utime",
        "utimes",
        "futimesat",
        "utimensat",
        "name_to_handle_at",
        "inotify_add_watch",
        "fanotify_init",
    ];
    let Some(watch) = Watch::on("contents", types, &[]) else { return };
    let open_two = ["openat -100 s:{dir}/file 0 0", "openat -100 s:{dir}/new 0x41 384"];
    let with = |call: &'static str| [open_two[0], open_two[1], call];
    expect_cases(
        &watch,
        &[
            case(
                "truncate",
                &["truncate s:{dir}/file 1"],
                &[("path", "{dir}/file"), ("length", "1"), ("fs.path.name", "{dir}/file")],
            ),
            #[cfg(target_arch = "x86_64")]
            case("truncate", &["truncate/truncate64 s:{dir}/file 1 0"], &[("length", "1")]),
            case("ftruncate", &with("ftruncate $1 5"), &[("fd.name", "{dir}/new"), ("length", "5")]),
            #[cfg(target_arch = "x86_64")]
            case(
                "ftruncate",
                &with("ftruncate/ftruncate64 $1 5 0"),
                &[("fd.name", "{dir}/new"), ("length", "5")],
            ),
            case(
                "fallocate",
                &with("fallocate $1 1 0 0 4 0"),
                &[("fd.name", "{dir}/new"), ("mode", "FALLOC_FL_KEEP_SIZE")],
            ),
            case(
                "copy_file_range",
                &with("copy_file_range $0 { u64:1 } $1 0 1 0"),
                &[
                    ("fdin", "<f>{dir}/file"),
                    ("fdout", "<f>{dir}/new"),
                    ("fd.name", "{dir}/new"),
                    ("offout", "0"),
                ],
            ),
            case(
                "sendfile",
                &with("sendfile/sendfile64 $1 $0 { u64:0 } 2"),
                &[
                    ("in_fd", "<f>{dir}/file"),
                    ("out_fd", "<f>{dir}/new"),
                    ("fd.name", "{dir}/new"),
                    ("res", "2"),
                ],
            ),
            case(
                "splice",
                &["pipe2 b:8 0", "openat -100 s:{dir}/file 0 0", "splice $1 0 $0.0.1 0 2 1"],
                &[("fd_in", "<f>{dir}/file"), ("fd_out", "<p>*"), ("size", "2"), ("flags", "SPLICE_F_MOVE")],
            ),
            case(
                "tee",
                &["pipe2 b:8 0", "pipe2 b:8 0", "tee $0.0.0 $1.0.1 4 2"],
                &[("size", "4"), ("fd.type", "pipe")],
            ),
            case("vmsplice", &["pipe2 b:8 0", "vmsplice $0.0.1 0 0 0"], &[("fd.type", "pipe")]),
            #[cfg(target_arch = "x86_64")]
            case("utime", &["utime s:{dir}/file 0"], &[("path", "{dir}/file")]),
            #[cfg(target_arch = "x86_64")]
            case("utimes", &["utimes s:{dir}/file 0"], &[("path", "{dir}/file")]),
            #[cfg(target_arch = "x86_64")]
            case("futimesat", &["futimesat -100 s:{dir}/file 0"], &[("path", "{dir}/file")]),
            case(
                "utimensat",
                &["utimensat -100 s:{dir}/link 0 0x100"],
                &[("path", "{dir}/link"), ("flags", "AT_SYMLINK_NOFOLLOW"), ("fs.path.name", "{dir}/link")],
            ),
            case(
                "utimensat",
                &["openat -100 s:{dir}/file 1 0", "utimensat $0 0 0 0"],
                &[("dirfd", "<f>{dir}/file")],
            ),
            case(
                "name_to_handle_at",
                &["name_to_handle_at -100 s:{dir}/file { u32:0 u32:0 } b:4 0"],
                &[("path", "{dir}/file"), ("evt.failed", "true")],
            ),
            case(
                "inotify_add_watch",
                &["inotify_init1 0", "inotify_add_watch $0 s:{dir}/file 2"],
                &[("path", "{dir}/file"), ("mask", "2"), ("fs.path.name", "{dir}/file")],
            ),
            case("fanotify_init", &["fanotify_init 0x1 0"], &[("flags", "FAN_CLOEXEC")]),
        ],
    );
}

#[test]
fn descriptors_are_made() {
    let types = &[
        "dup",
        "dup2",
        "dup3",
        "pipe",
        "pipe2",
        "memfd_create",
        "inotify_init",
        "inotify_init1",
        "mmap",
        "mmap2",
        "mprotect",
    ];
    let Some(watch) = Watch::on("descriptors", types, &[]) else { return };
    let socket = "connect $0 sin:127.0.0.1:{port} 16";
    let to = "127.0.0.1:*->127.0.0.1:{port}";
    expect_cases(
        &watch,
        &[
            case(
                "dup",
                &["socket 2 1 0", socket, "dup $0"],
                &[
                    ("fd.name", to),
                    ("fd.type", "ipv4"),
                    ("fd.num", "$2"),
                    ("evt.rawres", "$2"),
                    ("oldfd", "<4*>*"),
                ],
            ),
            case("dup", &["socket 2 1 0", socket, "fcntl $0 0 9"], &[("fd.name", to), ("fd.num", "9")]),
            case(
                "dup",
                &["socket 2 1 0", socket, "fcntl/fcntl64 $0 1030 9"],
                &[("fd.name", to), ("evt.rawres", "9")],
            ),
            #[cfg(target_arch = "x86_64")]
            case(
                "dup2",
                &["socket 2 1 0", socket, "dup2 $0 0"],
                &[("fd.name", to), ("fd.sport", "{port}"), ("evt.rawres", "0"), ("newfd", "0")],
            ),
            case(
                "dup3",
                &["openat -100 s:{dir}/file 0 0", "dup3 $0 0 0x80000"],
                &[
                    ("fd.name", "{dir}/file"),
                    ("fd.num", "0"),
                    ("flags", "O_CLOEXEC"),
                    ("oldfd", "<f>{dir}/file"),
                ],
            ),
            #[cfg(target_arch = "x86_64")]
            case("pipe", &["pipe b:8"], &[("res", "0"), ("fd1", "<p>"), ("fd2", "<p>")]),
            case("pipe2", &["pipe2 b:8 0x80800"], &[("fd2", "<p>"), ("flags", "O_NONBLOCK|O_CLOEXEC")]),
            case(
                "memfd_create",
                &["memfd_create s:cadge 1"],
                &[
                    ("name", "cadge"),
                    ("flags", "MFD_CLOEXEC"),
                    ("fd.name", "/memfd:cadge"),
                    ("fd.type", "memfd"),
                ],
            ),
            #[cfg(target_arch = "x86_64")]
            case("inotify_init", &["inotify_init"], &[("flags", "0")]),
            case("inotify_init1", &["inotify_init1 0x80000"], &[("flags", "O_CLOEXEC")]),
            case(
                "mprotect",
                &["mprotect 0x10000 4096 5"],
                &[("addr", "65536"), ("length", "4096"), ("prot", "PROT_READ|PROT_EXEC")],
            ),
            case(
                "mprotect",
                &["pkey_mprotect 0x10000 4096 7 -1"],
                &[("prot", "PROT_READ|PROT_WRITE|PROT_EXEC")],
            ),
        ],
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn only_executable_memory_is_told() {
    use super::script::{Mode, run};
    use std::time::Instant;
    let Some(watch) = Watch::on("mmap", &["mmap"], &[]) else { return };
    let map = |prot: u32, length: u32| format!("mmap/mmap2 0 {length} {prot} 0x22 -1 0");
    let old = "mmap { u32:0 u32:12288 u32:5 u32:0x22 u32:0xffffffff u32:0 }";
    let (plain, executable) = (map(3, 4096), map(7, 8192));
    for mode in [Mode::Native, Mode::I386, Mode::Int80] {
        if !mode.exists() {
            continue;
        }
        let pid = run(mode, &[&plain, &executable]).pid;
        let mut lengths = Vec::new();
        let deadline = Instant::now() + std::time::Duration::from_secs(20);
        while lengths.last().is_none_or(|last| last != "8192")
            && let Some(seen) = watch.next(deadline)
        {
            if seen.pid == pid && seen.kind == "mmap" {
                assert_eq!(seen.arg("prot"), "PROT_READ|PROT_WRITE|PROT_EXEC");
                assert_eq!(seen.arg("flags"), "MAP_PRIVATE|MAP_ANONYMOUS");
                lengths.push(seen.arg("length").to_owned());
            }
        }
        assert!(!lengths.iter().any(|length| length == "4096"), "{mode:?}: {lengths:?}");
        assert_eq!(lengths.last().map(String::as_str), Some("8192"), "{mode:?}");
    }
    if Mode::I386.exists() {
        let ran = run(Mode::I386, &[old]);
        assert!(ran.results[0] > 0 || ran.results[0] < -4096, "{ran:?}");
        let pid = ran.pid;
        let seen = watch.expect("the oldest mmap", |seen| seen.pid == pid && seen.arg("length") == "12288");
        assert_eq!(seen.arg("prot"), "PROT_READ|PROT_EXEC");
    }
}

#[test]
fn mounts_are_told_old_and_new() {
    let types = &[
        "mount",
        "umount2",
        "move_mount",
        "open_tree",
        "fsopen",
        "fsconfig",
        "fsmount",
        "fspick",
        "mount_setattr",
    ];
    let Some(watch) = Watch::on("mounts", types, &[]) else { return };
    // In a namespace that ends with the script.
    let own = ["unshare 0x20000", "mount s:none s:/ 0 0x44000 0"];
    let with = |calls: &[&'static str]| [&own[..], calls].concat();
    let tmpfs = "mount s:cadge s:{dir}/sub s:tmpfs 6 s:size=64k";
    let made = [
        "fsopen s:tmpfs 1",
        "fsconfig $2 1 s:size s:64k 0",
        "fsconfig $2 6 0 0 0",
        "fsmount $2 1 6",
        "move_mount $5 s: -100 s:{dir}/sub 4",
    ];
    expect_cases(
        &watch,
        &[
            case(
                "mount",
                &with(&[tmpfs]),
                &[
                    ("dev", "cadge"),
                    ("dir", "{dir}/sub"),
                    ("type", "tmpfs"),
                    ("flags", "NOSUID|NODEV"),
                    ("res", "0"),
                    ("fs.path.source", "cadge"),
                    ("fs.path.target", "{dir}/sub"),
                ],
            ),
            #[cfg(target_arch = "x86_64")]
            case(
                "umount2",
                &with(&[tmpfs, "umount2 s:{dir}/sub 2"]),
                &[("name", "{dir}/sub"), ("flags", "DETACH")],
            ),
            #[cfg(target_arch = "x86_64")]
            case("umount2", &["umount2/umount s:{dir}/gone 0"], &[("name", "{dir}/gone"), ("flags", "0")]),
            case("fsopen", &with(&made), &[("name", "tmpfs"), ("flags", "FSOPEN_CLOEXEC")]),
            case(
                "fsconfig",
                &with(&made),
                &[("cmd", "FSCONFIG_SET_STRING"), ("key", "size"), ("value_charbuf", "64k"), ("res", "0")],
            ),
            case(
                "fsmount",
                &with(&made),
                &[("attr_flags", "MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV"), ("evt.rawres", "$5")],
            ),
            case(
                "move_mount",
                &with(&made),
                &[
                    ("to_path", "{dir}/sub"),
                    ("flags", "MOVE_MOUNT_F_EMPTY_PATH"),
                    ("fs.path.target", "{dir}/sub"),
                ],
            ),
            case(
                "open_tree",
                &with(&["open_tree -100 s:{dir} 1"]),
                &[("path", "{dir}"), ("flags", "OPEN_TREE_CLONE"), ("fs.path.name", "{dir}")],
            ),
            case(
                "fspick",
                &with(&[tmpfs, "fspick -100 s:{dir}/sub 1"]),
                &[("path", "{dir}/sub"), ("flags", "FSPICK_CLOEXEC")],
            ),
            case(
                "mount_setattr",
                &with(&[tmpfs, "mount_setattr -100 s:{dir}/sub 0 { u64:1 u64:2 u64:0 u64:0 } 32"]),
                &[
                    ("path", "{dir}/sub"),
                    ("attr_set", "MOUNT_ATTR_RDONLY"),
                    ("attr_clr", "MOUNT_ATTR_NOSUID"),
                ],
            ),
        ],
    );
}

#[test]
fn a_descriptor_that_is_only_a_place_gives_no_access() {
    let Some(watch) = Watch::on("O_PATH", &["openat", "openat2"], &["evt.is_open_read", "evt.is_open_write"])
    else {
        return;
    };
    expect_cases(
        &watch,
        &[
            case(
                "openat",
                &["openat -100 s:{dir}/file 0x200000 0"],
                &[("flags", "O_PATH"), ("evt.is_open_read", "false"), ("fd.name", "{dir}/file")],
            ),
            // Opened again through it.
            case(
                "openat",
                &["openat -100 s:{dir}/file 0x200000 0", "openat -100 s:/proc/self/fd/3 2 0"],
                &[("flags", "O_RDWR"), ("evt.is_open_write", "true"), ("fd.name", "{dir}/file")],
            )
            .not_by(&[Mode::UringDirect]),
            case(
                "openat",
                &["openat -100 s:{dir} 0x410001 384"],
                &[("flags", "O_DIRECTORY|O_WRONLY|O_TMPFILE"), ("fd.name", "{dir}/*")],
            ),
        ],
    );
}

#[test]
fn files_of_an_overlay_have_their_layer() {
    let known = || std::fs::read_to_string("/proc/filesystems").unwrap().contains("\toverlay\n");
    // A module, perhaps, that nobody has asked for yet.
    let load = || Command::new("modprobe").arg("overlay").status().is_ok_and(|status| status.success());
    if !(known() || load() && known()) {
        return skipped("files of an overlay", "the kernel has no overlay file system");
    }
    let fields = &["fd.is_upper_layer", "fd.is_lower_layer"];
    let Some(watch) = Watch::on("layers", &["openat"], fields) else { return };
    let overlay = [
        "unshare 0x20000",
        "mount s:none s:/ 0 0x44000 0",
        "mount s:none s:{dir}/sub s:tmpfs 0 0",
        "mkdirat -100 s:{dir}/sub/low 448",
        "mkdirat -100 s:{dir}/sub/up 448",
        "mkdirat -100 s:{dir}/sub/work 448",
        "mkdirat -100 s:{dir}/sub/at 448",
        "openat -100 s:{dir}/sub/low/file 0x41 384",
        "mount s:none s:{dir}/sub/at s:overlay 0 \
         s:lowerdir={dir}/sub/low,upperdir={dir}/sub/up,workdir={dir}/sub/work",
    ];
    let with = |calls: &[&'static str]| [&overlay[..], calls].concat();
    expect_cases(
        &watch,
        &[
            case(
                "openat",
                &with(&["openat -100 s:{dir}/sub/at/file 0 0"]),
                &[
                    ("fd.name", "{dir}/sub/at/file"),
                    ("flags", "O_RDONLY|FD_LOWER_LAYER"),
                    ("fd.is_lower_layer", "true"),
                    ("fd.is_upper_layer", "false"),
                ],
            ),
            // Written, it is copied up.
            case(
                "openat",
                &with(&["openat -100 s:{dir}/sub/at/file 1 0"]),
                &[("flags", "O_WRONLY|FD_UPPER_LAYER"), ("fd.is_upper_layer", "true")],
            ),
            case(
                "openat",
                &with(&["openat -100 s:{dir}/sub/at/new 0x41 384"]),
                &[("flags", "O_CREAT|O_WRONLY|O_F_CREATED|FD_UPPER_LAYER"), ("fd.name", "{dir}/sub/at/new")],
            ),
        ],
    );
}

#[test]
fn paths_through_the_callers_own_links_are_what_they_mean() {
    let Some(watch) = Watch::on("own links", &["unlinkat", "fchmodat", "truncate"], &[]) else { return };
    expect_cases(
        &watch,
        &[
            case(
                "unlinkat",
                &["unlinkat -100 s:/proc/self/root{dir}/file 0"],
                &[
                    ("name", "{dir}/file"),
                    ("fs.path.name", "{dir}/file"),
                    ("fs.path.nameraw", "/proc/self/root{dir}/file"),
                ],
            ),
            case(
                "unlinkat",
                &["openat -100 s:/proc/self 0 0", "unlinkat $0 s:root{dir}/file 0"],
                &[("name", "{dir}/file")],
            ),
            case(
                "unlinkat",
                &["chdir s:{dir}", "unlinkat -100 s:/proc/thread-self/cwd/file 0"],
                &[("name", "{dir}/file")],
            ),
            case(
                "fchmodat",
                &["openat -100 s:{dir}/file 0x200000 0", "fchmodat -100 s:/proc/self/fd/3 511"],
                &[("filename", "{dir}/file"), ("res", "0")],
            ),
            case(
                "truncate",
                &["openat -100 s:{dir}/file 0x200000 0", "truncate s:/proc/self/fd/3 1"],
                &[("path", "{dir}/file"), ("fs.path.name", "{dir}/file")],
            ),
        ],
    );
}
