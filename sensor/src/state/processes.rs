//! The table of processes: filled at the start, kept by exec, fork and exit. Bounded in number and in bytes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use cadge_engine::{Process, Processes};

use super::texts::Texts;

/// A process that has ended is kept for so long, for rules that ask for the parent of a process
/// that outlived it.
const KEEP_DEAD_NS: u64 = 10_000_000_000;

/// Processes of which the one that was used least recently goes, where no dead one is left.
const CANDIDATES: usize = 16;

/// Processes by id, dead ones for a while. Bounded.
#[derive(Debug)]
pub(crate) struct ProcessTable {
    processes: HashMap<i64, Entry>,
    /// Those that have ended, oldest first: when, which, and its own start.
    dead: VecDeque<(u64, i64, u64)>,
    texts: Texts,
    max: usize,
    bytes_max: usize,
    evicted: u64,
    evicted_alive: u64,
    /// Grows with each use of an entry.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    /// Shared with events that are kept.
    process: Arc<Process>,
    /// When it started, since boot: tells two processes with one id from each other.
    start_ns: u64,
    /// When it was used, in `uses`.
    used: u64,
    has_ended: bool,
}

impl ProcessTable {
    pub(crate) fn new(max: usize, bytes_max: usize) -> Self {
        Self {
            processes: HashMap::new(),
            dead: VecDeque::new(),
            texts: Texts::default(),
            max: max.max(1),
            bytes_max,
            evicted: 0,
            evicted_alive: 0,
            uses: 0,
        }
    }

    /// Puts a process in. An older one of the same id makes room; a younger one stays.
    pub(crate) fn put(&mut self, process: Process, start_ns: u64) {
        let pid = process.pid;
        if self.processes.get(&pid).is_some_and(|known| known.start_ns > start_ns) {
            return;
        }
        self.take_out(pid);
        self.texts.add(&process);
        while self.processes.len() >= self.max || self.texts.bytes() > self.bytes_max {
            if !self.evict() {
                break;
            }
        }
        self.uses += 1;
        let entry = Entry { process: Arc::new(process), start_ns, used: self.uses, has_ended: false };
        self.processes.insert(pid, entry);
    }

    /// Changes a process that is known, if it is the one that started then.
    pub(crate) fn change(&mut self, pid: i64, start_ns: u64, change: impl FnOnce(&mut Process)) -> bool {
        self.uses += 1;
        let Some(entry) = self.processes.get_mut(&pid).filter(|entry| entry.start_ns == start_ns) else {
            return false;
        };
        self.texts.remove(&entry.process);
        let process = Arc::make_mut(&mut entry.process);
        change(process);
        // Whatever a change does: it is this process's entry.
        process.pid = pid;
        entry.used = self.uses;
        self.texts.add(&entry.process);
        true
    }

    /// The process with this id, if it is the one that started then.
    pub(crate) fn started(&self, pid: i64, start_ns: u64) -> Option<&Process> {
        self.processes.get(&pid).filter(|entry| entry.start_ns == start_ns).map(|entry| &*entry.process)
    }

    /// Notes that a process made an event, and answers whether it is known.
    pub(crate) fn touch(&mut self, pid: i64) -> bool {
        self.uses += 1;
        let entry = self.processes.get_mut(&pid);
        entry.map(|entry| entry.used = self.uses).is_some()
    }

    /// Notes that a process has ended at a time since boot.
    pub(crate) fn end(&mut self, pid: i64, time_ns: u64) {
        if let Some(entry) = self.processes.get_mut(&pid)
            && entry.start_ns <= time_ns
            && !entry.has_ended
        {
            entry.has_ended = true;
            self.dead.push_back((time_ns, pid, entry.start_ns));
        }
        while let Some((ended, pid, start_ns)) = self.dead.front().copied() {
            if ended.saturating_add(KEEP_DEAD_NS) > time_ns {
                break;
            }
            self.dead.pop_front();
            self.remove(pid, start_ns);
        }
    }

    /// Makes room: the process that has been dead for longest goes, else one that was not used for long.
    fn evict(&mut self) -> bool {
        while let Some((_, pid, start_ns)) = self.dead.pop_front() {
            if self.remove(pid, start_ns) {
                self.evicted += 1;
                return true;
            }
        }
        let candidates = self.processes.iter().take(CANDIDATES);
        let oldest = candidates.min_by_key(|(_, entry)| entry.used).map(|(pid, _)| *pid);
        let was_there = oldest.is_some_and(|pid| self.take_out(pid));
        self.evicted += u64::from(was_there);
        self.evicted_alive += u64::from(was_there);
        was_there
    }

    fn remove(&mut self, pid: i64, start_ns: u64) -> bool {
        let same = self.processes.get(&pid).is_some_and(|entry| entry.start_ns == start_ns);
        same && self.take_out(pid)
    }

    fn take_out(&mut self, pid: i64) -> bool {
        let entry = self.processes.remove(&pid);
        entry.map(|entry| self.texts.remove(&entry.process)).is_some()
    }

    /// Hands over the id of each container that a process is in.
    pub(crate) fn containers(&self, see: &mut dyn FnMut(&str)) {
        let ids = self.processes.values().map(|entry| &*entry.process.container_id);
        let ids: HashSet<&str> = ids.filter(|id| !id.is_empty()).collect();
        ids.into_iter().for_each(see);
    }

    pub(crate) fn len(&self) -> usize {
        self.processes.len()
    }

    /// Bytes of the processes' texts.
    pub(crate) fn bytes(&self) -> usize {
        self.texts.bytes()
    }

    /// How many had to go before their time.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How many of these had not ended.
    pub(crate) fn evicted_alive(&self) -> u64 {
        self.evicted_alive
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

    const BYTES_MAX: usize = 1 << 20;

    fn process(pid: i64, name: &str) -> Process {
        Process { pid, comm: name.as_bytes().into(), ..Process::default() }
    }

    #[test]
    fn the_dead_are_kept_for_a_while() {
        let mut table = ProcessTable::new(10, BYTES_MAX);
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
        let mut table = ProcessTable::new(10, BYTES_MAX);
        table.put(process(1, "old"), 5);
        table.end(1, 100);
        table.put(process(1, "new"), 200);
        // The old one's end, its snapshot and its change come late.
        table.end(1, 150);
        table.put(process(1, "old"), 5);
        assert!(!table.change(1, 5, |process| process.comm = b"old".as_slice().into()));
        table.end(9, 200 + KEEP_DEAD_NS);
        assert_eq!(&*table.process(1).unwrap().comm, b"new");
    }

    #[test]
    fn who_is_used_stays_and_the_dead_go_first() {
        let mut table = ProcessTable::new(4, BYTES_MAX);
        for pid in 1..=4 {
            table.put(process(pid, "x"), 1);
        }
        table.end(3, 10);
        table.put(process(5, "x"), 11);
        assert!(table.process(3).is_none());
        assert_eq!((table.evicted(), table.evicted_alive()), (1, 0));
        assert!(table.touch(1));
        table.put(process(6, "x"), 12);
        assert!(table.process(2).is_none() && table.process(1).is_some());
        assert_eq!((table.evicted(), table.evicted_alive()), (2, 1));
    }

    #[test]
    fn bytes_are_bounded_and_what_is_shared_counts_once() {
        let mut table = ProcessTable::new(1000, 100_000);
        let mut parent = process(1, "x");
        parent.set_argv(b"x", &[b'a'; 10_000]);
        table.put(parent.clone(), 1);
        let alone = table.bytes();
        for pid in 2..500 {
            table.put(Process { pid, ..parent.clone() }, 1);
        }
        // Short texts are counted for each.
        assert_eq!((table.len(), table.bytes()), (499, alone + 498));
        for pid in 1000..1100 {
            let mut other = process(pid, "y");
            other.set_argv(b"y", &[b'b'; 10_000]);
            table.put(other, 2);
        }
        assert!(table.bytes() <= 100_000, "{}", table.bytes());
        assert!(table.evicted() > 500);
    }

    proptest! {
        #[test]
        fn the_table_is_bounded(steps in prop::collection::vec((0..40_i64, 0..4_u8, 0..9000_usize), 0..300)) {
            let mut table = ProcessTable::new(8, 20_000);
            for (time, (pid, what, size)) in (1_u64..).zip(steps) {
                let mut new = process(pid, "x");
                new.set_argv(b"x", &vec![b'a'; size]);
                match what {
                    0 => table.end(pid, time),
                    1 => { table.change(pid, time / 2, |old| *old = new); }
                    _ => table.put(new, time),
                }
                prop_assert!(table.len() <= 8);
                prop_assert!(table.dead.len() <= 300);
            }
            for pid in 0..40 {
                table.take_out(pid);
            }
            prop_assert_eq!(table.bytes(), 0);
        }
    }
}
