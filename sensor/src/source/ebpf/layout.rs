//! Compares the mirror in `record.rs` with the types that clang wrote into the object (BTF).

use std::collections::HashMap;

use object::{Object as _, ObjectSection as _};

use super::calls::PLAN_BYTES;
use super::load::OBJECT;
use super::record::{
    CallPart, ExitPart, FilePart, Header, HookPart, MessagePart, ProcessPart, RequestPart, SocketPart,
};

/// The structures of the object's BTF: size, and each field's offset in bytes.
fn structures() -> HashMap<String, (usize, HashMap<String, usize>)> {
    let file = object::File::parse(OBJECT).unwrap();
    let btf = file.section_by_name(".BTF").unwrap().data().unwrap().to_vec();
    let word = |at: usize| u32::from_le_bytes(*btf[at..].first_chunk().unwrap()) as usize;
    // struct btf_header of linux/btf.h.
    let head = word(4);
    let (types, types_len, strings) = (head + word(8), word(12), head + word(16));
    let name = |offset: usize| {
        let text = &btf[strings + offset..];
        String::from_utf8_lossy(&text[..text.iter().position(|byte| *byte == 0).unwrap()]).into_owned()
    };
    let mut found = HashMap::new();
    let mut at = types;
    while at < types + types_len {
        let (info, size) = (word(at + 4), word(at + 8));
        let (kind, count) = (info >> 24 & 31, info & 0xffff);
        let members = at + 12;
        let tail = match kind {
            // Structures and unions; the upper bits of an offset are a bit field's size.
            4 | 5 => {
                let fields = (0..count).map(|index| members + 12 * index);
                let fields =
                    fields.map(|field| (name(word(field)), (word(field + 8) & 0xff_ffff) / 8)).collect();
                found.insert(name(word(at)), (size, fields));
                12 * count
            }
            1 | 14 | 17 => 4,
            3 => 12,
            6 | 13 => 8 * count,
            15 | 19 => 12 * count,
            _ => 0,
        };
        at = members + tail;
    }
    found
}

#[test]
fn the_mirror_is_the_objects_layout() {
    let structures = structures();
    let mirrors = [
        Header::layout(),
        ProcessPart::layout(),
        ExitPart::layout(),
        CallPart::layout(),
        RequestPart::layout(),
        FilePart::layout(),
        HookPart::layout(),
        SocketPart::layout(),
        MessagePart::layout(),
    ];
    assert_eq!(structures["cadge_plan"].0, PLAN_BYTES);
    for (name, size, fields) in mirrors {
        let (object_size, object_fields) =
            structures.get(name).unwrap_or_else(|| panic!("no {name} in the object"));
        assert_eq!(size, *object_size, "{name}");
        assert_eq!(fields.len(), object_fields.len(), "{name}");
        for (field, offset, _) in fields {
            let field = field.trim_start_matches("r#");
            assert_eq!(Some(&offset), object_fields.get(field), "{name}.{field}");
        }
    }
}
