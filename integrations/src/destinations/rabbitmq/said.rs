//! What a broker of AMQP 0.9.1 says to a publisher.

use super::inside::Rest;

/// A method.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It greets, with the ways to say who one is.
    Start { mechanisms: String },
    /// It proposes the largest frame and the seconds between heartbeats; 0 is none.
    Tune { frame: u32, heartbeat: u16 },
    /// What was asked for is done: a connection or a channel is open, a queue is there, alerts will be confirmed, the
    /// connection may be closed.
    Done,
    /// It has what was published with this number, or all up to it.
    Taken { number: u64, also_before: bool },
    /// It has not, and will not by itself.
    Failed { number: u64, also_before: bool },
    /// It gives back what no queue takes. That follows.
    Returned { code: u16, text: String },
    /// It takes nothing now.
    Blocked { text: String },
    /// It takes alerts again.
    Unblocked,
    /// It closes the channel or the connection.
    Closed { code: u16, text: String },
}

impl Said {
    pub(super) fn parse(method: &[u8]) -> Option<Self> {
        let mut rest = Rest(method);
        let said = match (rest.short()?, rest.short()?) {
            (10, 10) => {
                // Its version and its properties.
                rest.short()?;
                rest.long_bytes()?;
                let mechanisms = String::from_utf8_lossy(rest.long_bytes()?).into_owned();
                Self::Start { mechanisms }
            }
            (10, 30) => {
                rest.short()?;
                Self::Tune { frame: rest.long()?, heartbeat: rest.short()? }
            }
            (10, 41 | 51) | (20 | 50 | 85, 11) => Self::Done,
            (10, 50) | (20, 40) => Self::Closed { code: rest.short()?, text: rest.short_text()? },
            (10, 60) => Self::Blocked { text: rest.short_text()? },
            (10, 61) => Self::Unblocked,
            (60, 50) => Self::Returned { code: rest.short()?, text: rest.short_text()? },
            (60, 80) => Self::Taken { number: rest.long_long()?, also_before: rest.octet()? & 1 == 1 },
            (60, 120) => Self::Failed { number: rest.long_long()?, also_before: rest.octet()? & 1 == 1 },
            _ => return None,
        };
        Some(said)
    }
}

/// The id among the properties in front of a body.
pub(super) fn id(header: &[u8]) -> Option<String> {
    let mut rest = Rest(header);
    // The class, its weight, and the body's length.
    rest.long()?;
    rest.long_long()?;
    let properties = rest.short()?;
    let has = |bit: u16| properties & (1 << bit) != 0;
    for text in [15, 14] {
        if has(text) {
            rest.short_text()?;
        }
    }
    if has(13) {
        rest.long_bytes()?;
    }
    for octet in [12, 11] {
        if has(octet) {
            rest.octet()?;
        }
    }
    for text in [10, 9, 8] {
        if has(text) {
            rest.short_text()?;
        }
    }
    if has(7) { rest.short_text() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn methods_are_as_the_standard_has_them() {
        let known = |bytes: &[u8]| Said::parse(bytes);
        assert_eq!(
            known(b"\0\x0a\0\x0a\0\x09\0\0\0\x01x\0\0\0\x05PLAIN\0\0\0\0"),
            Some(Said::Start { mechanisms: "PLAIN".to_owned() })
        );
        assert_eq!(
            known(b"\0\x0a\0\x1e\x07\xff\0\x02\0\0\0\x3c"),
            Some(Said::Tune { frame: 131_072, heartbeat: 60 })
        );
        assert_eq!(
            known(b"\0\x3c\0\x50\0\0\0\0\0\0\0\x07\x01"),
            Some(Said::Taken { number: 7, also_before: true })
        );
        assert_eq!(
            known(b"\0\x3c\0\x78\0\0\0\0\0\0\0\x07\x02"),
            Some(Said::Failed { number: 7, also_before: false })
        );
        for closes in [&b"\0\x0a\0\x32\x01\x93\x02no\0\0\0\0"[..], b"\0\x14\0\x28\x01\x93\x02no\0\0\0\0"] {
            assert_eq!(known(closes), Some(Said::Closed { code: 403, text: "no".to_owned() }));
        }
        assert_eq!((known(b"\0\x3c\0\x50\0"), known(b""), known(b"\0\x0a\0\x63")), (None, None, None));
    }

    #[test]
    fn an_id_is_behind_what_comes_before_it() {
        let header = b"\0\x3c\0\0\0\0\0\0\0\0\0\x05\xb0\x80\x01t\0\0\0\x02ab\x02\x03id7";
        assert_eq!(id(header), Some("id7".to_owned()));
        assert_eq!((id(&header[..20]), id(b"\0\x3c\0\0\0\0\0\0\0\0\0\x05\0\0")), (None, None));
    }

    proptest! {
        #[test]
        fn any_method_is_something_or_nothing(class in prop::sample::select(vec![10_u16, 20, 50, 60, 85]), method: u16, rest: Vec<u8>) {
            let bytes = [&class.to_be_bytes()[..], &method.to_be_bytes(), &rest].concat();
            let _ = (Said::parse(&bytes), Said::parse(&rest), id(&rest), id(&bytes));
        }
    }
}
