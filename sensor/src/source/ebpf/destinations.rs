//! The kernel's own copy of where datagrams go to, from programs at the root of the cgroups.

use std::fs::{self, File};

use aya::Ebpf;
use aya::programs::{CgroupAttachMode, CgroupSockAddr, Program};
use cadge_engine::EventType;

const PROGRAMS: &[&str] = &["sends_to_v4", "sends_to_v6"];

/// The events of calls that send. sendmmsg can stand for sendmsg.
const EVENTS: &[&str] = &["sendto", "sendmsg", "sendmmsg"];

/// Attaches the programs, if somebody wants to see what is sent. Answers why that can't be.
pub(super) fn attach(ebpf: &mut Ebpf, wanted: &[EventType]) -> Result<(), String> {
    if !wanted.iter().any(|kind| EVENTS.contains(&kind.name())) {
        return Ok(());
    }
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(|error| error.to_string())?;
    let root = unified_root(&mounts).ok_or("no hierarchy of cgroups of version 2 is mounted")?;
    let root = File::open(&root).map_err(|error| format!("`{root}`: {error}"))?;
    for name in PROGRAMS {
        let program: &mut Program =
            ebpf.program_mut(name).ok_or_else(|| format!("the object has no `{name}`"))?;
        let program: &mut CgroupSockAddr =
            program.try_into().map_err(|error| format!("`{name}`: {error}"))?;
        // A link, as it is since 5.7, stands beside those of others whatever the mode.
        program
            .load()
            .and_then(|()| program.attach(&root, CgroupAttachMode::Single))
            .map_err(|error| format!("`{name}`: {error}"))?;
    }
    Ok(())
}

/// Where the unified hierarchy is mounted; what is mounted at it is its root, unless somebody has put only a
/// part of it there.
fn unified_root(mounts: &str) -> Option<String> {
    mounts.lines().find_map(|line| {
        let mut columns = line.split(' ');
        let path = columns.nth(1)?;
        (columns.next()? == "cgroup2").then(|| path.replace("\\040", " "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_is_found() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                      cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup2 /sys/fs/cgroup/a\\040b cgroup2 rw 0 0\n";
        assert_eq!(unified_root(mounts).as_deref(), Some("/sys/fs/cgroup/a b"));
        assert_eq!(unified_root("x\n\n"), None);
    }
}
