//! The consumers' parts. Each writes down what it has received before it says so to the hub.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

use cadge_client::{Client, SubscribeOptions};
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::outputs::Request;
use cadge_proto::raw::outputs::service_client::ServiceClient;
use futures_util::{StreamExt as _, stream};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Response, Status, Streaming};

use crate::process::Part;
use crate::received;

/// A wait before another try.
const PAUSE: Duration = Duration::from_millis(200);

/// Alerts of one that acknowledges that are written down at once.
const CHUNK: usize = 256;

/// Bytes that an old client lets the hub send ahead.
pub(crate) const WINDOW_BYTES: u32 = (64 << 10) - 1;

/// Appends to the file of what was received. What a write has taken outlives the process.
fn open(part: &Part) -> File {
    let path = received::path(&part.dir, &part.name);
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    // The last life's last line may have no end.
    file.write_all(b"\n").unwrap();
    file
}

fn write(file: &mut File, lines: impl Iterator<Item = String>) {
    let lines: String = lines.collect();
    file.write_all(lines.as_bytes()).unwrap();
}

/// A durable cursor of our own API, with acknowledgements by hand.
pub(crate) async fn durable(part: Part) {
    let mut file = open(&part);
    let address = format!("https://localhost:{}", part.port);
    let client = loop {
        let [cert, key, ca] = part.pem();
        match Client::connect(&address).ca(ca).identity(cert, key).await {
            Ok(client) => break client,
            Err(error) => eprintln!("connecting: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    };
    let options = SubscribeOptions { manual: true, ..SubscribeOptions::durable("torture") };
    let mut alerts = client.subscribe(options);
    while let Some(batch) = alerts.next_batch().await {
        let batch = batch.unwrap_or_else(|error| {
            eprintln!("the subscription has ended: {error}");
            std::process::exit(1)
        });
        for chunk in batch.chunks(CHUNK) {
            write(&mut file, chunk.iter().map(received::line));
            alerts.acknowledge(chunk.last().map_or(0, |alert| alert.position));
        }
    }
}

/// An old client of Falco's API, which knows neither cursors nor acknowledgements.
async fn old(part: &Part) -> Result<ServiceClient<Channel>, tonic::transport::Error> {
    let [cert, key, ca] = part.pem();
    let tls = ClientTlsConfig::new()
        .identity(Identity::from_pem(cert, key))
        .ca_certificate(Certificate::from_pem(ca));
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", part.port))?.tls_config(tls)?;
    // What the C core and Go have. All of it may be on its way when the client dies.
    let endpoint =
        endpoint.initial_stream_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
    let channel = endpoint
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .connect()
        .await?;
    Ok(ServiceClient::new(channel))
}

/// Writes down each alert as it comes, and how the stream has ended if it did not end well. Answers whether
/// it did.
async fn take(file: &mut File, answer: Result<Response<Streaming<RawAlert>>, Status>) -> bool {
    let taken = async {
        let mut alerts = answer?.into_inner();
        // Not several at once: what is in hand when the client dies is lost.
        while let Some(alert) = alerts.message().await? {
            write(file, std::iter::once(received::line(&alert.decode().unwrap().into())));
        }
        Ok::<(), Status>(())
    };
    let Err(status) = taken.await else { return true };
    eprintln!("the stream has broken: {status}");
    file.write_all(received::BROKEN.as_bytes()).unwrap();
    false
}

/// Asks for what is new, again and again.
pub(crate) async fn get(part: Part) {
    let mut file = open(&part);
    loop {
        match old(&part).await {
            Ok(mut client) => {
                while take(&mut file, client.get(Request {}).await).await {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Err(error) => eprintln!("connecting: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens, and does so anew when the stream has broken.
pub(crate) async fn sub(part: Part) {
    let mut file = open(&part);
    loop {
        match old(&part).await {
            Ok(mut client) => {
                let requests = stream::iter([Request {}]).chain(stream::pending());
                take(&mut file, client.sub(requests).await).await;
            }
            Err(error) => eprintln!("connecting: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
