//! The kernel's own checks of a call's paths, where the kernel lets a program be there.

use aya::programs::{FEntry, Program};
use aya::{Btf, Ebpf};
use cadge_engine::EventType;

/// A check, and the calls whose paths it knows.
struct Hook {
    /// `enum cadge_hook_which`.
    which: u32,
    program: &'static str,
    target: &'static str,
    /// Names of event types.
    events: &'static [&'static str],
}

const HOOKS: &[Hook] = &[
    hook(1, "hook_unlink", "security_path_unlink", &["unlink", "unlinkat"]),
    hook(2, "hook_rmdir", "security_path_rmdir", &["rmdir", "unlinkat"]),
    hook(3, "hook_mkdir", "security_path_mkdir", &["mkdir", "mkdirat"]),
    hook(4, "hook_mknod", "security_path_mknod", &["mknod", "mknodat"]),
    hook(5, "hook_symlink", "security_path_symlink", &["symlink", "symlinkat"]),
    hook(6, "hook_link", "security_path_link", &["link", "linkat"]),
    hook(7, "hook_rename", "security_path_rename", &["rename", "renameat", "renameat2"]),
    hook(8, "hook_chmod", "security_path_chmod", &["chmod", "fchmodat"]),
    hook(9, "hook_chown", "security_path_chown", &["chown", "lchown", "fchownat"]),
    hook(10, "hook_truncate", "security_path_truncate", &["truncate"]),
    hook(11, "hook_mount", "security_sb_mount", &["mount"]),
    hook(12, "hook_move_mount", "security_move_mount", &["move_mount"]),
];

const fn hook(
    which: u32,
    program: &'static str,
    target: &'static str,
    events: &'static [&'static str],
) -> Hook {
    Hook { which, program, target, events }
}

/// Whether a check is of the paths of an event's call.
pub(crate) fn is_of(which: u32, event: &str) -> bool {
    HOOKS.iter().any(|hook| hook.which == which && hook.events.contains(&event))
}

/// Attaches those that somebody wants. Answers what the kernel says against those that it refuses: one whose
/// arguments it can't pass on (chown's, before 6.1) leaves the others.
pub(super) fn attach(ebpf: &mut Ebpf, btf: &Btf, wanted: &[EventType]) -> Result<(), String> {
    let wanted = HOOKS.iter().filter(|hook| wanted.iter().any(|kind| hook.events.contains(&kind.name())));
    let refused: Vec<String> = wanted.filter_map(|hook| attach_one(ebpf, btf, hook).err()).collect();
    if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
}

fn attach_one(ebpf: &mut Ebpf, btf: &Btf, hook: &Hook) -> Result<(), String> {
    let program: &mut Program =
        ebpf.program_mut(hook.program).ok_or_else(|| format!("the object has no `{}`", hook.program))?;
    let program: &mut FEntry = program.try_into().map_err(|error| format!("`{}`: {error}", hook.program))?;
    // ARM before 6.4 loads such a program, and refuses only to attach it.
    program.load(hook.target, btf).and_then(|()| program.attach()).map_err(|error| {
        let mut text = format!("`{}`: {error}", hook.target);
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            text.push_str(&format!(": {inner}"));
            cause = inner.source();
        }
        text
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_of_events_that_exist() {
        for hook in HOOKS {
            for event in hook.events {
                assert!(EventType::from_name(event).is_some(), "{event}");
            }
        }
    }
}
