//! What a hub's log has, asked for by the protocol itself: not by what is under test.

use std::path::Path;

use cadge_proto::Alert;
use cadge_proto::cadge::v1::outputs_client::OutputsClient;
use cadge_proto::cadge::v1::{Entry, GetRequest};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Error, Uri};

/// The longest response, in bytes.
const RESPONSE_BYTES_MAX: usize = 16 << 20;

/// Connects to a hub's socket.
pub(crate) async fn channel(socket: &Path) -> Result<Channel, Error> {
    let path = socket.to_owned();
    let connect = tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connect).await
}

/// A runtime for one thread's own calls.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// All entries of a hub's log.
pub(crate) fn entries(socket: &Path) -> Vec<Entry> {
    runtime().block_on(async {
        let client = OutputsClient::new(channel(socket).await.unwrap());
        let mut client = client.max_decoding_message_size(RESPONSE_BYTES_MAX);
        let mut responses = client.get(GetRequest::default()).await.unwrap().into_inner();
        let mut entries = Vec::new();
        while let Some(response) = responses.message().await.unwrap() {
            entries.extend(response.entries);
        }
        entries
    })
}

/// All alerts of a hub's log.
pub(crate) fn alerts(socket: &Path) -> Vec<Alert> {
    entries(socket).into_iter().map(|entry| entry.alert.unwrap()).collect()
}

/// What names an alert for ever.
pub(crate) fn id(alert: &Alert) -> String {
    format!("{}/{}/{}", alert.sensor, alert.epoch, alert.sequence)
}

/// The names of all alerts of a hub's log, in its order.
pub(crate) fn ids(socket: &Path) -> Vec<String> {
    alerts(socket).iter().map(id).collect()
}
