//! What admins have a hub do.

use std::path::PathBuf;

use cadge_proto::raw::v1::{BackupProgress, BackupRequest, admin_server};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{Answers, Context, caller};
use crate::log::BackedUp;

/// Reports on their way. More are left out.
const QUEUE: usize = 4;

/// The service.
pub(super) struct Admin(pub(super) Context);

#[tonic::async_trait]
impl admin_server::Admin for Admin {
    type BackupStream = Answers<BackupProgress>;

    async fn backup(&self, request: Request<BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
        let call = caller(&request, &[])?;
        let path = request.into_inner().path;
        call.note("path", path.clone());
        tracing::info!(by = %call.name, path, "a backup begins");
        let (reports, outgoing) = mpsc::channel(QUEUE);
        let context = self.0.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = context.stop.cancelled() => {}
                () = reports.closed() => {}
                () = back_up(&context, path.into(), &reports) => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

/// Makes a backup, and reports on it. To drop the future ends the backup.
async fn back_up(context: &Context, path: PathBuf, reports: &mpsc::Sender<Result<BackupProgress, Status>>) {
    let (progress, mut steps) = mpsc::channel(QUEUE);
    let backup = context.consumers.log().backup(&path, progress);
    tokio::pin!(backup);
    let mut last = BackedUp::default();
    let outcome = loop {
        tokio::select! {
            outcome = &mut backup => break outcome,
            Some(step) = steps.recv() => {
                last = step;
                let _ = reports.try_send(Ok(report(step, false)));
            }
        }
    };
    // The last steps may wait still.
    while let Ok(step) = steps.try_recv() {
        last = step;
    }
    if let Err(error) = &outcome {
        tracing::warn!(%error, "a backup has failed");
    }
    // The admin has to know why: it is their file.
    let end = outcome.map(|()| report(BackedUp { bytes: last.total, ..last }, true));
    let _ = reports.send(end.map_err(|error| Status::failed_precondition(error.to_string()))).await;
}

fn report(copied: BackedUp, done: bool) -> BackupProgress {
    BackupProgress { bytes: copied.bytes, bytes_total: copied.total, done }
}
