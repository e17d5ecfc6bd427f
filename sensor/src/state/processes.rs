//! The table of processes: filled at the start, kept by exec, fork and exit.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use cadge_engine::{Process, Processes};

/// A process that has ended is kept for so long, for rules that ask for the parent of a process
/// that outlived it.
const KEEP_DEAD_NS: u64 = 10_000_000_000;

/// Processes by id, dead ones for a while. Bounded.
#[derive(Debug)]
pub(crate) struct ProcessTable {
    processes: HashMap<i64, Entry>,
    /// Those that have ended, oldest first: when, which, and its own start.
    dead: VecDeque<(u64, i64, u64)>,
    max: usize,
    evicted: u64,
}

#[derive(Debug)]
struct Entry {
    /// Shared with events that are kept.
    process: Arc<Process>,
    /// When it started, since boot: tells two processes with one id from each other.
    start_ns: u64,
}

impl ProcessTable {
    pub(crate) fn new(max: usize) -> Self {
        Self { processes: HashMap::new(), dead: VecDeque::new(), max: max.max(1), evicted: 0 }
    }

    /// Puts a process in. An older one of the same id makes room; a younger one stays.
    pub(crate) fn put(&mut self, process: Process, start_ns: u64) {
        let pid = process.pid;
        if self.processes.get(&pid).is_some_and(|known| known.start_ns > start_ns) {
            return;
        }
        if self.processes.len() >= self.max && !self.processes.contains_key(&pid) {
            self.evict();
        }
        self.processes.insert(pid, Entry { process: Arc::new(process), start_ns });
    }

    /// Notes that a process has ended at a time since boot.
    pub(crate) fn end(&mut self, pid: i64, time_ns: u64) {
        if let Some(entry) = self.processes.get(&pid).filter(|entry| entry.start_ns <= time_ns) {
            self.dead.push_back((time_ns, pid, entry.start_ns));
        }
        while let Some((ended, pid, start_ns)) = self.dead.front().copied() {
            if ended + KEEP_DEAD_NS > time_ns {
                break;
            }
            self.dead.pop_front();
            self.remove(pid, start_ns);
        }
    }

    /// Makes room: the process that has been dead for longest goes, else any.
    fn evict(&mut self) {
        self.evicted += 1;
        while let Some((_, pid, start_ns)) = self.dead.pop_front() {
            if self.remove(pid, start_ns) {
                return;
            }
        }
        if let Some(pid) = self.processes.keys().next().copied() {
            self.processes.remove(&pid);
        }
    }

    fn remove(&mut self, pid: i64, start_ns: u64) -> bool {
        let same = self.processes.get(&pid).is_some_and(|entry| entry.start_ns == start_ns);
        if same {
            self.processes.remove(&pid);
        }
        same
    }

    pub(crate) fn len(&self) -> usize {
        self.processes.len()
    }

    /// How many had to go before their time.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }
}

impl Processes for ProcessTable {
    fn process(&self, pid: i64) -> Option<&Process> {
        self.processes.get(&pid).map(|entry| &*entry.process)
    }

    fn shared(&self, pid: i64) -> Option<Arc<Process>> {
        self.processes.get(&pid).map(|entry| Arc::clone(&entry.process))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn process(pid: i64, name: &str) -> Process {
        Process { pid, comm: name.as_bytes().into(), ..Process::default() }
    }

    #[test]
    fn the_dead_are_kept_for_a_while() {
        let mut table = ProcessTable::new(10);
        table.put(process(1, "a"), 5);
        table.end(1, 100);
        assert!(table.process(1).is_some());
        table.put(process(2, "b"), 6);
        table.end(2, 100 + KEEP_DEAD_NS);
        assert!(table.process(1).is_none());
        assert!(table.process(2).is_some());
    }

    #[test]
    fn an_id_that_is_used_again_is_another_process() {
        let mut table = ProcessTable::new(10);
        table.put(process(1, "old"), 5);
        table.end(1, 100);
        table.put(process(1, "new"), 200);
        // The old one's end, and its snapshot, come late.
        table.end(1, 150);
        table.put(process(1, "old"), 5);
        table.end(9, 200 + KEEP_DEAD_NS);
        assert_eq!(&*table.process(1).unwrap().comm, b"new");
    }

    proptest! {
        #[test]
        fn the_table_is_bounded(steps in prop::collection::vec((0..40_i64, any::<bool>()), 0..300)) {
            let mut table = ProcessTable::new(8);
            for (time, (pid, ends)) in (1_u64..).zip(steps) {
                if ends { table.end(pid, time) } else { table.put(process(pid, "x"), time) }
                prop_assert!(table.len() <= 8);
            }
        }
    }
}
