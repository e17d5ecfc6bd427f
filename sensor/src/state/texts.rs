//! How many bytes the long texts of processes take, those that several share counted once.

use std::collections::HashMap;
use std::sync::Arc;

use cadge_engine::Process;

/// What is shorter is counted for each process that has it: to look it up would cost more than it takes.
const SHARED_BYTES_MIN: usize = 256;

/// The texts in use.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// By where it stands in memory: how many have it.
    shared: HashMap<usize, u32>,
    bytes: usize,
}

impl Texts {
    /// Counts a process's texts.
    pub(crate) fn add(&mut self, process: &Process) {
        for text in texts(process) {
            if text.len() >= SHARED_BYTES_MIN {
                let count = self.shared.entry(text.as_ptr().addr()).or_default();
                *count += 1;
                if *count > 1 {
                    continue;
                }
            }
            self.bytes += text.len();
        }
    }

    /// Takes off the texts of a process that was counted.
    pub(crate) fn remove(&mut self, process: &Process) {
        for text in texts(process) {
            let at = text.as_ptr().addr();
            if text.len() >= SHARED_BYTES_MIN
                && let Some(count) = self.shared.get_mut(&at)
            {
                *count -= 1;
                if *count > 0 {
                    continue;
                }
                self.shared.remove(&at);
            }
            self.bytes = self.bytes.saturating_sub(text.len());
        }
    }

    /// Bytes of all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn texts(process: &Process) -> [&Arc<[u8]>; 6] {
    [&process.argv, &process.cmdline, &process.env, &process.exe_path, &process.cwd, &process.cgroups]
}
