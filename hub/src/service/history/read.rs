//! Reads the alerts at places that the index has named: neighbours together.

use crate::log::{Entry, Log, LogError};

/// Neighbours that are read at once: with all of them at their largest a response stays below 4 MiB.
const NEIGHBOURS: usize = 8;

/// What was read of some positions.
pub(super) struct Read {
    pub(super) entries: Vec<Entry>,
    /// Where it stopped, because that were bytes enough.
    pub(super) rest_after: Option<u64>,
}

/// Reads the alerts at positions, in their order. Those that are gone are left out.
pub(super) async fn read(log: &dyn Log, positions: &[u64], bytes_max: usize) -> Result<Read, LogError> {
    let (mut read, mut bytes) = (Vec::new(), 0);
    let mut left = positions;
    while !left.is_empty() {
        let (run, rest) = left.split_at(neighbours(left));
        let (low, high) = (run[0].min(run[run.len() - 1]), run[0].max(run[run.len() - 1]));
        let start = read.len();
        let mut after = low - 1;
        while after < high {
            let more = log.read(after, run.len(), bytes_max).await?;
            let Some(last) = more.last() else { break };
            after = last.position;
            read.extend(more.into_iter().filter(|entry| entry.position <= high));
        }
        if run[0] == high {
            read[start..].reverse();
        }
        bytes += read[start..].iter().map(|entry| entry.alert.as_bytes().len()).sum::<usize>();
        left = rest;
        if bytes >= bytes_max && !left.is_empty() {
            return Ok(Read { entries: read, rest_after: run.last().copied() });
        }
    }
    Ok(Read { entries: read, rest_after: None })
}

/// How many of the first positions lie one beside the other.
fn neighbours(positions: &[u64]) -> usize {
    let up = positions.windows(2).take_while(|pair| pair[1] == pair[0] + 1).count();
    let down = positions.windows(2).take_while(|pair| pair[0] == pair[1] + 1).count();
    (up.max(down) + 1).min(NEIGHBOURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_go_up_or_down() {
        for (positions, expected) in [
            (&[1u64, 2, 3, 5][..], 3),
            (&[9, 8, 7, 8], 3),
            (&[4, 6], 1),
            (&[4], 1),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], NEIGHBOURS),
        ] {
            assert_eq!(neighbours(positions), expected, "{positions:?}");
        }
    }
}
