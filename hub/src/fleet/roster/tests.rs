//! Who falls silent, who comes back, who is forgotten.

use super::*;

const AFTER: Duration = Duration::from_secs(30);

fn hello(name: &str) -> Hello {
    Hello { sensor: name.to_owned(), version: "1".to_owned(), ..Hello::default() }
}

fn later(moment: Moment, seconds: u64) -> Moment {
    let wait = Duration::from_secs(seconds);
    Moment { instant: moment.instant + wait, time: moment.time + wait }
}

fn names(sensors: &[Sensor]) -> Vec<&str> {
    sensors.iter().map(|sensor| sensor.sensor.as_str()).collect()
}

#[test]
fn silence_is_told_once_and_so_is_the_return() {
    let start = Moment::now();
    let mut roster = Roster::new(Vec::new(), 10, start);
    roster.connected(&hello("a"), 0, start);
    roster.heartbeat("a", Heartbeat::default(), later(start, 10));
    assert!(roster.fallen_silent(AFTER, later(start, 39)).is_empty());
    assert_eq!(names(&roster.fallen_silent(AFTER, later(start, 40))), ["a"]);
    roster.set_silent("a", true);
    assert!(roster.fallen_silent(AFTER, later(start, 50)).is_empty());
    assert!(roster.back().is_empty());
    roster.heartbeat("a", Heartbeat::default(), later(start, 60));
    assert_eq!(names(&roster.back()), ["a"]);
    roster.set_silent("a", false);
    assert!(roster.back().is_empty());
    assert_eq!(names(&roster.fallen_silent(AFTER, later(start, 90))), ["a"]);
}

#[test]
fn one_that_never_comes_back_after_a_restart_is_missed_too() {
    let start = Moment::now();
    let before = Sensor { sensor: "a".to_owned(), connected: true, ..Sensor::default() };
    let roster = Roster::new(vec![before], 10, start);
    assert!(!roster.all()[0].connected);
    assert!(roster.fallen_silent(AFTER, later(start, 29)).is_empty());
    assert_eq!(names(&roster.fallen_silent(AFTER, later(start, 30))), ["a"]);
}

#[test]
fn a_second_connection_outlives_the_first() {
    let now = Moment::now();
    let mut roster = Roster::new(Vec::new(), 10, now);
    roster.connected(&hello("a"), 0, now);
    roster.connected(&hello("a"), 0, now);
    roster.gone("a", now);
    assert!(roster.all()[0].connected);
    roster.gone("a", now);
    assert!(!roster.all()[0].connected);
}

#[test]
fn the_longest_silent_makes_room_and_the_connected_stay() {
    let start = Moment::now();
    let mut roster = Roster::new(Vec::new(), 3, start);
    for (second, name) in (0..).zip(["a", "b", "c"]) {
        roster.connected(&hello(name), 0, later(start, second));
    }
    roster.gone("b", later(start, 10));
    roster.connected(&hello("d"), 0, later(start, 11));
    assert_eq!((names(&roster.all()), roster.forgotten), (vec!["a", "c", "d"], 1));
}

#[test]
fn the_long_gone_are_forgotten() {
    let start = Moment::now();
    let mut roster = Roster::new(Vec::new(), 10, start);
    roster.connected(&hello("a"), 0, start);
    roster.connected(&hello("b"), 0, start);
    roster.gone("a", start);
    roster.forget_old(Duration::from_hours(1), later(start, 3599));
    assert_eq!(roster.all().len(), 2);
    roster.forget_old(Duration::from_hours(1), later(start, 3601));
    assert_eq!(names(&roster.all()), ["b"]);
}

#[test]
fn what_a_sensor_says_is_bounded() {
    let now = Moment::now();
    let mut roster = Roster::new(Vec::new(), 10, now);
    let long = "é".repeat(1000);
    roster.connected(&Hello { hostname: long.clone(), ..hello("a") }, 0, now);
    let mut counters: HashMap<String, u64> = (0..500).map(|number| (format!("n{number}_total"), 1)).collect();
    counters.insert(long, 1);
    roster.heartbeat("a", Heartbeat { counters, ..Heartbeat::default() }, now);
    let sensor = &roster.all()[0];
    assert_eq!((sensor.hostname.len(), sensor.counters.len()), (TEXT_BYTES_MAX, COUNTERS_MAX));
    assert_eq!(roster.counters_refused, 501 - COUNTERS_MAX as u64);
}
