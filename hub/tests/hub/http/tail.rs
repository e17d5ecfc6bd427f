//! Alerts from a file: through rotation and a restart, with lines that are none among them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use cadge_hub::Config;
use cadge_hub::config::Input;

use super::web::{Web, falco};
use crate::hub::site::PATIENCE;

/// A hub that follows `falco.json` in its folder.
fn follow(config: &mut Config) {
    let file = config.log.path.with_file_name("falco.json");
    config.inputs = vec![Input { file, hostname: Some("files".to_owned()) }];
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Waits until the log has so many alerts: their numbers.
async fn numbers(web: &Web, count: usize) -> Vec<u64> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let outputs = web.outputs().await;
        if outputs.len() >= count {
            return outputs
                .iter()
                .map(|output| output.rsplit_once(' ').unwrap().1.parse().unwrap())
                .collect();
        }
        assert!(tokio::time::Instant::now() < deadline, "{} of {count} alerts", outputs.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_file_is_followed_through_rotation_and_restart() {
    let mut web = Web::start(follow).await;
    let path = web.path("falco.json");
    // It does not exist at first.
    append(&path, &format!("{}\nno alert\n{{\"rule\":7}}\n\n{}\n", falco(0), falco(1)));
    assert_eq!(numbers(&web, 2).await, [0, 1]);
    web.counted("cadge_hub_input_lines_total{file=").await;
    let page = web.page("/metrics").await;
    assert!(page.contains("falco.json\",status=\"rejected\"} 2"), "{page}");
    fs::rename(&path, web.path("falco.json.1")).unwrap();
    append(&path, &(falco(2) + "\n"));
    assert_eq!(numbers(&web, 3).await, [0, 1, 2]);
    let lines: String = (3..2000).map(falco).collect::<Vec<_>>().join("\n") + "\n";
    append(&path, &lines);
    numbers(&web, 2000).await;
    web.restart().await;
    append(&path, &(falco(2000) + "\n"));
    assert_eq!(numbers(&web, 2001).await, (0..=2000).collect::<Vec<_>>());
    let alert = web.alerts().await.pop().unwrap();
    assert_eq!((alert.sensor.as_str(), alert.hostname.as_str()), ("file/files", "h"));
}

#[tokio::test]
async fn without_its_place_a_file_is_read_again_and_recognised() {
    let mut web = Web::start(follow).await;
    let path = web.path("falco.json");
    append(&path, &format!("{}\n{}\n", falco(0), falco(1)));
    numbers(&web, 2).await;
    // The place is written after the log has the alerts.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while fs::remove_dir_all(web.path("inputs")).is_err() {
        assert!(tokio::time::Instant::now() < deadline, "no place was written");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    web.restart().await;
    append(&path, &(falco(2) + "\n"));
    assert_eq!(numbers(&web, 3).await, [0, 1, 2]);
    web.counted("cadge_hub_alerts_duplicate_total 2").await;
}

#[tokio::test]
async fn a_file_that_is_named_twice_or_not_at_all_is_an_error() {
    for files in [&["/"][..], &["/a", "/a"]] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.grpc.bind_address = String::new();
        config.grpc.unix_socket = None;
        config.webserver.enabled = false;
        config.log.path = dir.path().join("log.db");
        config.inputs = files.iter().map(|file| Input { file: file.into(), hostname: None }).collect();
        let error = cadge_hub::Hub::start(config).await.unwrap_err();
        assert!(error.is_configuration() && error.to_string().contains("inputs["), "{error}");
    }
}
