//! A list of numbers with their names.

use std::io::Write as _;

/// Numbers with their names, in the order in which they are printed.
#[derive(Debug, PartialEq, Eq)]
pub struct Names(pub(super) &'static [(u64, &'static str)]);

impl Names {
    /// Adds the names of the bits that are set, joined by `|` and each bit named once. Nothing but a name
    /// of zero itself stands for zero. The number, if none has a name.
    pub fn flags(&self, value: u64, out: &mut Vec<u8>) {
        let mut rest = value;
        let fits = self.0.iter().filter(|(bits, _)| {
            let is_set = if *bits == 0 { value == 0 } else { rest & bits == *bits };
            if is_set {
                rest &= !bits;
            }
            is_set
        });
        if !join(fits, b'|', out) {
            let _ = write!(out, "{value}");
        }
    }

    /// Adds the name of exactly this number, all its names if it has more. The number, if it has none.
    pub fn exact(&self, value: i64, out: &mut Vec<u8>) {
        let wanted = value.cast_unsigned();
        if !join(self.0.iter().filter(|(number, _)| *number == wanted), b'|', out) {
            let _ = write!(out, "{value}");
        }
    }

    /// Adds the names of the bits that are set, with a blank between them; nothing for none.
    pub fn words(&self, value: u64, out: &mut Vec<u8>) {
        join(self.0.iter().filter(|(bits, _)| value & bits == *bits), b' ', out);
    }

    /// The first name of exactly this number.
    pub fn name(&self, value: i64) -> Option<&'static str> {
        let wanted = value.cast_unsigned();
        self.0.iter().find(|(number, _)| *number == wanted).map(|(_, name)| *name)
    }

    /// The number of a name.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
    }
}

/// Whether there was any.
fn join<'a>(rows: impl Iterator<Item = &'a (u64, &'static str)>, between: u8, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    for (_, name) in rows {
        if out.len() > start {
            out.push(between);
        }
        out.extend_from_slice(name.as_bytes());
    }
    out.len() > start
}

#[cfg(test)]
mod tests {
    use super::super::{CAPABILITY, CLONE, MAP_PROT, SHUTDOWN_HOW, SOCKET_DOMAIN};

    #[track_caller]
    fn check(print: impl FnOnce(&mut Vec<u8>), expected: &str) {
        let mut out = Vec::new();
        print(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn flags_are_joined_in_the_tables_order() {
        check(|out| CLONE.flags(0x1000_0111, out), "CLONE_NEWUSER|CLONE_VM");
        check(|out| CLONE.flags(17, out), "17");
        check(|out| CLONE.flags(0, out), "0");
    }

    #[test]
    fn only_zero_is_named_by_a_name_of_zero() {
        check(|out| MAP_PROT.flags(0, out), "PROT_NONE");
        check(|out| MAP_PROT.flags(5, out), "PROT_READ|PROT_EXEC");
    }

    #[test]
    fn a_number_has_all_its_names() {
        check(|out| SOCKET_DOMAIN.exact(1, out), "AF_LOCAL|AF_UNIX");
        check(|out| SOCKET_DOMAIN.exact(10, out), "AF_INET6");
        check(|out| SHUTDOWN_HOW.exact(0, out), "SHUT_RD");
        check(|out| SHUTDOWN_HOW.exact(-7, out), "-7");
    }

    #[test]
    fn words_have_blanks_between_them() {
        check(|out| CAPABILITY.words(0b11, out), "CAP_CHOWN CAP_DAC_OVERRIDE");
        check(|out| CAPABILITY.words(0, out), "");
    }

    #[test]
    fn names_have_their_numbers() {
        assert_eq!(SHUTDOWN_HOW.name(2), Some("SHUT_RDWR"));
        assert_eq!(SHUTDOWN_HOW.name(3), None);
        assert_eq!(SHUTDOWN_HOW.number("SHUT_WR"), Some(1));
    }
}
