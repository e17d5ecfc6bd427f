//! An alert as AMQP 0.9.1 publishes it.

use std::borrow::Cow;

use super::frame;
use super::inside::Inside;
use super::session::CHANNEL;

/// An alert, and where it goes.
pub(super) struct Publication<'a> {
    pub(super) exchange: &'a str,
    /// At most 255 bytes.
    pub(super) routing_key: String,
    /// Whether the broker is to give it back if no queue takes it.
    pub(super) is_mandatory: bool,
    /// What it is known by when it is given back.
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) time: u64,
    pub(super) headers: [(&'static str, Cow<'a, str>); 4],
    pub(super) body: String,
}

impl Publication<'_> {
    pub(super) fn push(&self, size_max: usize, out: &mut Vec<u8>) {
        const BASIC: u16 = 60;
        // Type, headers, how to keep it, id, time, program.
        const PROPERTIES: u16 = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 7 | 1 << 6 | 1 << 3;
        const ON_DISK: u8 = 2;
        Inside::method(BASIC, 40)
            .short(0)
            .short_text(self.exchange)
            .short_text(&self.routing_key)
            .octet(self.is_mandatory.into())
            .push_method(CHANNEL, out);
        let headers =
            self.headers.iter().fold(Inside::table(), |table, (name, text)| table.named(name, text));
        Inside::header(BASIC, self.body.len(), PROPERTIES)
            .short_text("application/json")
            .with(&headers)
            .octet(ON_DISK)
            .short_text(&self.id)
            .long_long(self.time)
            .short_text("cadge")
            .push_header(CHANNEL, out);
        frame::push_body(CHANNEL, self.body.as_bytes(), size_max, out);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::destinations::rabbitmq::frame::Frame;
    use crate::destinations::rabbitmq::said;

    #[test]
    fn an_alert_is_a_method_a_header_and_a_body_in_parts() {
        let publication = Publication {
            exchange: "",
            routing_key: "falco".to_owned(),
            is_mandatory: true,
            id: "id7".to_owned(),
            time: 1,
            headers: ["rule", "priority", "source", "hostname"].map(|name| (name, "ä".into())),
            body: "x".repeat(10_000),
        };
        let mut out = Vec::new();
        publication.push(4096, &mut out);
        let mut rest = &out[..];
        let frames: Vec<Frame> =
            std::iter::from_fn(|| frame::read(&mut rest).now_or_never().unwrap().ok()).collect();
        let [Frame::Method(method), Frame::Header(header), parts @ ..] = &frames[..] else {
            panic!("{frames:?}")
        };
        assert_eq!(method, b"\0\x3c\0\x28\0\0\0\x05falco\x01");
        assert_eq!(said::id(header), Some("id7".to_owned()));
        assert!(parts == [Frame::Body, Frame::Body, Frame::Body] && rest.is_empty());
    }
}
