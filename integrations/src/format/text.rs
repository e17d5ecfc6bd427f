//! JSON strings, written straight into the text that grows. Fast, as each alert is written for each destination.

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// Puts a JSON string in quotes. `<`, `>`, `&` and the two line separators are escaped as Go does.
pub(super) fn push_string(text: &str, out: &mut String) {
    out.push('"');
    let bytes = text.as_bytes();
    let (mut written, mut at) = (0, 0);
    while at < bytes.len() {
        let end = bytes.len().min(at + BLOCK);
        if end == at + BLOCK && is_plain(&bytes[at..end]) {
            at = end;
            continue;
        }
        while at < end {
            let Some(length) = special(&bytes[at..]) else {
                at += 1;
                continue;
            };
            out.push_str(&text[written..at]);
            push_escaped(&bytes[at..at + length], out);
            at += length;
            written = at;
        }
    }
    out.push_str(&text[written..]);
    out.push('"');
}

/// Without a branch for each byte, so that the compiler compares many at once. 0xe2 begins the line separators.
fn is_plain(block: &[u8]) -> bool {
    let special = |byte: u8| {
        u8::from(byte < 0x20)
            | u8::from(byte == b'"')
            | u8::from(byte == b'\\')
            | u8::from(byte == b'<')
            | u8::from(byte == b'>')
            | u8::from(byte == b'&')
            | u8::from(byte == 0xe2)
    };
    block.iter().fold(0, |found, byte| found | special(*byte)) == 0
}

/// How many bytes the character has, if it begins here and must be escaped.
fn special(rest: &[u8]) -> Option<usize> {
    match rest {
        [..0x20 | b'"' | b'\\' | b'<' | b'>' | b'&', ..] => Some(1),
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => Some(3),
        _ => None,
    }
}

fn push_escaped(character: &[u8], out: &mut String) {
    match *character {
        [b'"'] => out.push_str("\\\""),
        [b'\\'] => out.push_str("\\\\"),
        [8] => out.push_str("\\b"),
        [9] => out.push_str("\\t"),
        [10] => out.push_str("\\n"),
        [12] => out.push_str("\\f"),
        [13] => out.push_str("\\r"),
        [byte] => {
            out.push_str("\\u00");
            push_hex(byte, out);
        }
        [_, _, 0xa8] => out.push_str("\\u2028"),
        _ => out.push_str("\\u2029"),
    }
}

/// Two hexadecimal digits.
pub(super) fn push_hex(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}
