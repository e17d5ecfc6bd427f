//! What is decoded is what the type decodes that the wire's description makes.

use cadge_proto::cadge::v1 as typed;
use proptest::prelude::*;
use prost::Message as _;

use super::*;

/// Bytes decode to what prost makes of them, or not at all.
fn agrees(bytes: &[u8]) -> Option<()> {
    let batch = Batch::decode(bytes).ok()?;
    let answer = typed::SubscribeResponse::decode(bytes).expect("what decodes here, prost decodes");
    let entries = answer.entries.into_iter().filter_map(|entry| Some((entry.position, entry.alert?)));
    let alerts: Vec<Alert> =
        entries.map(|(position, alert)| Alert { position, ..Alert::from(alert) }).collect();
    assert_eq!(batch.alerts, alerts);
    let numbers = [3, 2, 4, 5].map(|field| batch.number(field));
    let [resumed, rest @ ..] = numbers;
    assert_eq!(resumed, answer.resumed);
    assert_eq!(rest.map(Option::unwrap_or_default), [answer.head, answer.position, answer.lag]);
    let page = typed::SearchResponse::decode(bytes).expect("its fields have the same types");
    let fields = [2, 3, 4].map(|field| batch.number(field).unwrap_or_default());
    assert_eq!(fields, [page.next_page, page.indexed, page.head]);
    Some(())
}

fn alert() -> impl Strategy<Value = typed::Alert> {
    let texts = (".*", ".*", ".*", proptest::collection::vec(".*", 0..4));
    let fields = proptest::collection::hash_map(".*", ".*", 0..12);
    let numbers = (any::<u64>(), any::<u64>(), -1..9_i32, any::<i64>(), any::<i32>());
    (texts, fields, numbers).prop_map(|((rule, output, sensor, tags), output_fields, numbers)| {
        let (epoch, sequence, priority, seconds, nanos) = numbers;
        typed::Alert {
            time: (nanos != 0).then_some(prost_types::Timestamp { seconds, nanos }),
            priority,
            source_deprecated: priority ^ 1,
            hostname: rule.chars().rev().collect(),
            source: output.chars().rev().collect(),
            rule,
            output,
            output_fields,
            tags,
            sensor,
            epoch,
            sequence,
        }
    })
}

fn answer() -> impl Strategy<Value = Vec<u8>> {
    let entries = proptest::collection::vec((any::<u64>(), proptest::option::of(alert())), 0..4);
    (entries, any::<u64>(), any::<Option<u64>>()).prop_map(|(entries, head, resumed)| {
        let entry = |(position, alert)| typed::Entry { position, alert };
        let entries = entries.into_iter().map(entry).collect();
        let answer = typed::SubscribeResponse { entries, head, resumed, position: head / 2, lag: head / 3 };
        answer.encode_to_vec()
    })
}

proptest! {
    #[test]
    fn a_hubs_answer_is_what_prost_makes_of_it(bytes in answer()) {
        prop_assert!(agrees(&bytes).is_some());
    }

    #[test]
    fn an_alert_alone_is_one_without_a_place(alert in alert()) {
        let batch = Batch::decode_one(&alert.encode_to_vec()).unwrap();
        prop_assert_eq!(batch.alerts, [Alert::from(alert)]);
    }

    #[test]
    fn two_answers_behind_each_other_are_merged(one in answer(), two in answer()) {
        prop_assert!(agrees(&[one, two].concat()).is_some());
    }

    #[test]
    fn an_alert_in_two_parts_is_merged(one in alert(), two in alert(), position: u64) {
        let part = |alert| typed::Entry { position, alert: Some(alert) }.encode_to_vec();
        let entry = [part(one), part(two)].concat();
        let mut bytes = vec![0x0a];
        prost::encoding::encode_varint(entry.len() as u64, &mut bytes);
        bytes.extend(entry);
        prop_assert!(agrees(&bytes).is_some());
    }

    #[test]
    fn garbled_answers_agree_or_fail(bytes in answer(), at: Vec<(prop::sample::Index, u8)>, cut: prop::sample::Index) {
        let mut bytes = bytes;
        for (at, byte) in at.into_iter().take(3) {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes.truncate(cut.index(bytes.len() + 1).max(bytes.len() / 2));
        let _ = agrees(&bytes);
        let _ = Batch::decode_one(&bytes);
    }

    #[test]
    fn any_bytes_agree_or_fail(bytes: Vec<u8>) {
        let _ = agrees(&bytes);
        let _ = Batch::decode_one(&bytes);
    }
}

#[test]
fn fields_of_tomorrow_are_passed_over() {
    let mut alert = typed::Alert { rule: "R".to_owned(), ..typed::Alert::default() }.encode_to_vec();
    // Field 100, and a group with one inside.
    alert.extend([0xa0, 0x06, 0x01, 0xa3, 0x06, 0xa0, 0x06, 0x01, 0xa4, 0x06]);
    assert_eq!(Batch::decode_one(&alert).unwrap().alerts[0].rule, "R");
    assert!(agrees(&[&[0x0a, 2 + 16, 0x12, 16][..], &alert[..13], &[0xa0, 0x06, 0x01]].concat()).is_some());
}
