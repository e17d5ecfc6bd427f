//! Any bytes are read or refused, and what is written is read again.

use super::*;
use proptest::prelude::*;

#[test]
fn paths_are_turned_around() {
    let mut out = Vec::new();
    for (bytes, expected) in [
        (&b"shadow\0etc\0"[..], &b"/etc/shadow"[..]),
        (b"", b"/"),
        (b"memfd:x\0", b"/memfd:x"),
        (b"a\0/\0", b"/a"),
    ] {
        join_path(Part { kind: part::PATH, flags: 0, arg: 0, bytes }, &mut out);
        assert_eq!(out, expected);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..24_u8, patch in any::<bool>()) {
        if patch && bytes.len() > 8 {
            bytes[..4].copy_from_slice(&[2, 0, kind, 0]);
            let size = u32::try_from(bytes.len()).unwrap();
            bytes[4..8].copy_from_slice(&size.to_ne_bytes());
        }
        if let Ok(record) = Record::read(&bytes) {
            let mut out = Vec::new();
            for part in record.parts() {
                join_path(part, &mut out);
            }
        }
    }

    #[test]
    fn appended_parts_are_found(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut record = vec![0; size_of::<Header>() + size_of::<ExitPart>()];
        record[0] = 2;
        record[2] = 3;
        append_part(&mut record, part::STRING, b"");
        append_part(&mut record, part::ARGV, &bytes);
        let record = Record::read(&record).unwrap();
        prop_assert_eq!(record.part(part::ARGV).unwrap().bytes, &bytes[..]);
    }
}
