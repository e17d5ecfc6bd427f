//! The marks are a function of the records, bounded, and survive a checkpoint.

use super::*;
use proptest::prelude::*;

#[test]
fn the_first_of_each_counts_and_the_rest_is_left_out() {
    let mut marks = Marks::default();
    // Two hubs write 1 to 3 of the same sensor, in each other's way.
    let order = [1, 2, 1, 2, 3, 3];
    let served: Vec<bool> = (0..)
        .zip(order)
        .map(|(offset, sequence)| marks.take(offset, "a", Some(Number { epoch: 1, sequence }), true))
        .collect();
    assert_eq!(served, [true, true, false, false, true, false]);
    assert_eq!((marks.head(), marks.next(), marks.high_water("a", 1)), (5, 6, 3));
    assert!(marks.leaves_out(2) && marks.leaves_out(3) && marks.leaves_out(5));
    assert!(!marks.leaves_out(1) && !marks.leaves_out(4) && !marks.leaves_out(6));
    // Another sensor, another epoch, one without an order.
    assert!(
        marks.take(6, "b", Some(Number { epoch: 1, sequence: 1 }), true)
            && marks.take(7, "a", Some(Number { epoch: 2, sequence: 1 }), true)
    );
    assert!(marks.take(8, "a", Some(Number { epoch: UNORDERED, sequence: 1 }), true));
    assert!(!marks.take(9, "a", Some(Number { epoch: UNORDERED, sequence: 1 }), true));
    // Not an alert, but it says how far the sensor has come.
    assert!(!marks.take(10, "a", Some(Number { epoch: 1, sequence: 9 }), false));
    assert_eq!(marks.high_water("a", 1), 9);
    // Not a hub's.
    assert!(!marks.take(11, "", None, true));
}

#[test]
fn what_it_remembers_is_bounded() {
    let mut marks = Marks::default();
    let mut offset = 0;
    let mut take = |marks: &mut Marks, sensor: &str, epoch, sequence| {
        offset += 1;
        marks.take(offset, sensor, Some(Number { epoch, sequence }), true)
    };
    for sensor in 0..SENSORS_MAX + 10 {
        take(&mut marks, &format!("s{sensor}"), 1, 1);
    }
    assert!(marks.sensors.len() <= SENSORS_MAX);
    assert_eq!((marks.high_water("s0", 1), marks.high_water(&format!("s{SENSORS_MAX}"), 1)), (0, 1));
    for epoch in 1..100 {
        take(&mut marks, "a", epoch, 1);
    }
    assert_eq!((marks.sensors["a"].len(), marks.high_water("a", 99)), (EPOCHS_MAX, 1));
    for sequence in 0..IDENTITIES + 5 {
        take(&mut marks, "http", UNORDERED, sequence);
    }
    assert_eq!(marks.identities.len() as u64, IDENTITIES);
    for repeated in 0..2 * LEFT_OUT_MAX as u64 + 10 {
        take(&mut marks, "a", 99, repeated / 2 + 2);
    }
    assert_eq!(marks.left_out.len(), LEFT_OUT_MAX);
}

proptest! {
    #[test]
    fn a_checkpoint_goes_on_as_if_there_had_been_none(
        records in proptest::collection::vec((0..3u8, 0..4u64, 0..20u64, any::<bool>()), 0..200),
        cut in 0..200usize,
    ) {
        let take = |marks: &mut Marks, offset: usize| {
            let (sensor, epoch, sequence, has_alert) = records[offset];
            marks.take(offset as u64, &format!("s{sensor}"), Some(Number { epoch, sequence }), has_alert)
        };
        let cut = cut.min(records.len());
        let mut whole = Marks::default();
        for offset in 0..cut {
            take(&mut whole, offset);
        }
        let mut restored = Marks::restore(&whole.save()).unwrap();
        prop_assert_eq!(restored.save(), whole.save());
        for offset in cut..records.len() {
            prop_assert_eq!(take(&mut restored, offset), take(&mut whole, offset));
        }
        prop_assert_eq!(restored.save(), whole.save());
    }

    #[test]
    fn no_bytes_bring_it_down(saved: Vec<u8>) {
        let _ = Marks::restore(&saved);
    }
}
