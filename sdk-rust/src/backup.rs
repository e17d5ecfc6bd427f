//! Backups of a hub's log, made by the hub.

use cadge_proto::cadge::v1::BackupRequest;
use cadge_proto::cadge::v1::admin_client::AdminClient;

pub use cadge_proto::cadge::v1::BackupProgress;

use crate::link::Answers;
use crate::{Client, Error};

/// A backup that is being made. To drop it ends the backup.
#[derive(Debug)]
pub struct Backup(Answers<BackupProgress>);

impl Backup {
    /// How far it has come; `None` after the last report, which has `done`.
    pub async fn next(&mut self) -> Result<Option<BackupProgress>, Error> {
        self.0.next().await
    }
}

impl Client {
    /// Has the hub copy its log into a file on its own machine. Needs the role admin.
    pub async fn backup(&self, path: &str) -> Result<Backup, Error> {
        let request = BackupRequest { path: path.to_owned() };
        let response = AdminClient::new(self.link.calls()).backup(request).await;
        Ok(Backup(self.link.stream(response)?))
    }
}
