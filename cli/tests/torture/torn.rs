//! Torn writes: what a disk may hold behind the last thing that it promised to keep.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _};

/// SQLite's write-ahead log: a head, then frames, each of which is a head and a page.
const WAL_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;

fn number(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u32::from_be_bytes(*bytes[at..].first_chunk().unwrap())).unwrap()
}

/// Where the frames of the last commit end, and the bytes of a frame.
fn committed(wal: &[u8]) -> Option<(usize, usize)> {
    if wal.len() < WAL_HEAD {
        return None;
    }
    let frame = FRAME_HEAD + number(wal, 8);
    let salt = &wal[16..24];
    let mut end = WAL_HEAD;
    let mut at = WAL_HEAD;
    // Frames of an older use of the file have another salt. One that ends a commit says how large the
    // database is then.
    while at + frame <= wal.len() && &wal[at + 8..at + 16] == salt {
        at += frame;
        if number(wal, at - frame + 4) > 0 {
            end = at;
        }
    }
    Some((end, frame))
}

/// Writes a part of a transaction behind the last commit of a log that nobody uses.
pub(crate) fn wal(database: &Path, random: &mut StdRng) {
    let path = database.with_extension("db-wal");
    let Ok(bytes) = fs::read(&path) else { return };
    let Some((end, frame)) = committed(&bytes) else { return };
    let mut torn = vec![0; random.random_range(1..3 * frame)];
    random.fill_bytes(&mut torn);
    if random.random_bool(0.7) && torn.len() >= FRAME_HEAD {
        // The head is that of a frame which ends a commit, down to the salt; only its sum is wrong.
        torn[..4].copy_from_slice(&1_u32.to_be_bytes());
        torn[4..8].copy_from_slice(&9_u32.to_be_bytes());
        torn[8..16].copy_from_slice(&bytes[16..24]);
    }
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&torn, end as u64).unwrap();
}

/// Writes a part of a record behind the last one of a spool that nobody uses.
pub(crate) fn spool(dir: &Path, random: &mut StdRng) {
    // One that was killed in its first moments has none yet.
    let Ok(entries) = fs::read_dir(dir) else { return };
    let files = entries.map(|entry| entry.unwrap().path());
    let segments = files.filter(|path| path.extension().is_some_and(|extension| extension == "spool"));
    // Their names sort as their alerts do.
    let Some(last) = segments.max() else { return };
    let bytes = fs::read(&last).unwrap();
    let mut torn = vec![0; random.random_range(1..2000)];
    match random.random_range(0..4) {
        0 => {}
        1 => random.fill_bytes(&mut torn),
        // The last record once more, but not all of it, or with one byte that is another.
        2 => torn = bytes[bytes.len().saturating_sub(300)..bytes.len().saturating_sub(1)].to_vec(),
        _ => {
            let length = u32::try_from(torn.len()).unwrap();
            random.fill_bytes(&mut torn);
            if let Some(head) = torn.first_chunk_mut::<4>() {
                *head = length.saturating_sub(16).to_le_bytes();
            }
        }
    }
    let file = OpenOptions::new().write(true).open(&last).unwrap();
    // A full disk takes less of it: that is as good.
    let _ = file.write_all_at(&torn, bytes.len() as u64);
}
