//! Frames that are right, and far too many of them, from somebody who does not read the answers.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::frames::{PREFACE, frame, head};
use crate::victim::Victim;

/// Bytes of a flood, and the time for it: who is not read any more is held up, which is right as well.
const BYTES: usize = 8 << 20;
const TIME: Duration = Duration::from_secs(3);

/// So many at a time.
const ATTACKERS: usize = 4;

/// The frames of a flood, from the n-th stream on.
fn part(kind: &str, stream: u32) -> Vec<u8> {
    let call = |stream| frame(1, 4, stream, &head("/falco.outputs.service/sub"));
    match kind {
        "ping" => frame(6, 0, 0, &[7; 8]),
        "settings" => frame(4, 0, 0, &[0, 4, 0, 1, 0, 0]),
        "reset" => [call(stream), frame(3, 0, stream, &[0, 0, 0, 8])].concat(),
        "call" => call(stream),
        "empty data" => [if stream == 1 { call(1) } else { Vec::new() }, frame(0, 0, 1, &[])].concat(),
        "window" => [if stream == 1 { call(1) } else { Vec::new() }, frame(8, 0, 1, &[0, 0, 0, 1])].concat(),
        // A head that never ends.
        "continuation" if stream == 1 => frame(1, 0, 1, &head("/falco.outputs.service/sub")),
        "continuation" => frame(9, 0, 1, &head("/falco.outputs.service/get")),
        // A head that says the same long field again and again: short on the wire, long in memory.
        _ => [frame(
            1,
            4,
            stream,
            &[head("/x"), [&[0x40, 1, b'a', 127, 0x81, 0x1e][..], &[b'b'; 4000]].concat(), vec![0xbe; 2000]]
                .concat(),
        )]
        .concat(),
    }
}

pub(crate) fn floods(victim: &Victim, _: u64) {
    for kind in ["ping", "settings", "reset", "call", "empty data", "window", "continuation", "header bomb"] {
        victim.runtime.block_on(async {
            let attack = async || {
                let mut stream = victim.unix().await.unwrap();
                let mut bytes = [PREFACE, &frame(4, 0, 0, &[])].concat();
                let (mut number, mut sent) = (1, 0);
                while sent < BYTES {
                    while bytes.len() < 64 << 10 {
                        bytes.extend(part(kind, number));
                        number += 2;
                    }
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                    sent += bytes.len();
                    bytes.clear();
                }
            };
            let attacks = (0..ATTACKERS).map(|_| tokio::time::timeout(TIME, attack()));
            futures_util::future::join_all(attacks).await;
        });
        victim.check(kind);
    }
}
