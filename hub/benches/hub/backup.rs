//! An admin who has the log copied, again and again.

use std::path::Path;

use cadge_proto::raw::v1::BackupRequest;
use cadge_proto::raw::v1::admin_client::AdminClient;

use crate::way::channel;

/// Says `ready` when the first backup is under way, goes on until its standard input ends, and then says
/// how much was copied.
pub(crate) fn run(socket: &Path, to: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let bytes = runtime.block_on(async {
        let ended = || drop(std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new()));
        let ended = tokio::task::spawn_blocking(ended);
        tokio::pin!(ended);
        let mut client = AdminClient::new(channel(socket).await);
        let mut before = 0;
        loop {
            let path = to.to_str().unwrap().to_owned();
            let mut reports = client.backup(BackupRequest { path }).await.unwrap().into_inner();
            let mut copied = 0;
            loop {
                let report = tokio::select! {
                    _ = &mut ended => return before + copied,
                    report = reports.message() => report.unwrap().unwrap(),
                };
                if before + copied == 0 {
                    println!("ready");
                }
                copied = report.bytes.max(1);
                if report.done {
                    break;
                }
            }
            before += copied;
            std::fs::remove_file(to).unwrap();
        }
    });
    println!("{} MiB copied", bytes >> 20);
}
