//! Backups by the API.

use super::site::Site;

#[tokio::test]
async fn an_admin_has_the_log_copied() {
    let site = Site::start().await;
    let mut sensor = site.sensor("a").await;
    for first in (1..=3000).step_by(500) {
        sensor.send(first..=first + 499).await;
    }
    let client = site.client().await;
    let to = site.dir.path().join("copy.db");
    let mut backup = client.backup(to.to_str().unwrap()).await.unwrap();
    let mut reports = Vec::new();
    while let Some(report) = backup.next().await.unwrap() {
        reports.push(report);
    }
    let last = reports.last().unwrap();
    assert!(last.done && last.bytes == last.bytes_total, "{reports:?}");
    assert_eq!(std::fs::metadata(&to).unwrap().len(), last.bytes);
    let mut again = client.backup(to.to_str().unwrap()).await.unwrap();
    let error = again.next().await.unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
}
