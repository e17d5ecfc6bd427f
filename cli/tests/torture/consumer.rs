//! The consumers' parts. Each writes down what it has received before it says so to the hub.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

use cadge_client::{Alert, Client, Entry, Start, SubscribeOptions};
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::outputs::Request;
use cadge_proto::raw::outputs::service_client::ServiceClient;
use futures_util::{Stream, StreamExt as _, stream};
use tonic::Status;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::process::Part;
use crate::received;

/// A wait before another try.
const PAUSE: Duration = Duration::from_millis(200);

/// Alerts that are written down at once.
const CHUNK: usize = 256;

/// Bytes that an old client lets the hub send ahead.
const WINDOW_BYTES: u32 = (64 << 10) - 1;

/// Appends to the file of what was received. What a write has taken outlives the process.
fn open(part: &Part) -> File {
    let path = received::path(&part.dir, &part.name);
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    // The last life's last line may have no end.
    file.write_all(b"\n").unwrap();
    file
}

fn write(file: &mut File, alerts: impl Iterator<Item = Alert>) {
    let lines: String = alerts.map(|alert| received::line(&alert)).collect();
    file.write_all(lines.as_bytes()).unwrap();
}

/// A durable cursor of our own API, with acknowledgements by hand.
pub(crate) async fn durable(part: Part) {
    let mut file = open(&part);
    let address = format!("https://localhost:{}", part.port);
    let client = loop {
        let [cert, key, ca] = part.pem();
        match Client::mtls(&address, &cert, &key, &ca).await {
            Ok(client) => break client,
            Err(error) => eprintln!("connecting: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    };
    let options = SubscribeOptions {
        cursor: Some("torture".to_owned()),
        start: Start::Beginning,
        manual: true,
        ..SubscribeOptions::default()
    };
    let mut chunks = client.subscribe(options).ready_chunks(CHUNK);
    while let Some(chunk) = chunks.next().await {
        let mut last = 0;
        let mut failed = None;
        let good: Vec<Alert> = chunk
            .into_iter()
            .filter_map(|entry| match entry {
                Ok(Entry { position, alert }) => {
                    last = position;
                    Some(alert)
                }
                Err(error) => {
                    failed = Some(error);
                    None
                }
            })
            .collect();
        write(&mut file, good.into_iter());
        chunks.get_ref().acknowledge(last);
        if let Some(error) = failed {
            eprintln!("the subscription has ended: {error}");
            std::process::exit(1);
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

/// Writes down what comes, until the stream ends or breaks.
async fn take(file: &mut File, alerts: impl Stream<Item = Result<RawAlert, Status>> + Unpin) -> bool {
    let mut chunks = alerts.ready_chunks(CHUNK);
    while let Some(chunk) = chunks.next().await {
        let good = chunk.iter().filter_map(|alert| alert.as_ref().ok());
        write(file, good.map(|alert| alert.decode().unwrap()));
        if let Some(Err(status)) = chunk.iter().find(|alert| alert.is_err()) {
            eprintln!("the stream has broken: {status}");
            return false;
        }
    }
    true
}

/// Asks for what is new, again and again.
pub(crate) async fn get(part: Part) {
    let mut file = open(&part);
    loop {
        match old(&part).await {
            Ok(mut client) => {
                while let Ok(response) = client.get(Request {}).await {
                    if !take(&mut file, response.into_inner()).await {
                        break;
                    }
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
                match client.sub(requests).await {
                    Ok(response) => drop(take(&mut file, response.into_inner()).await),
                    Err(status) => eprintln!("the call has failed: {status}"),
                }
            }
            Err(error) => eprintln!("connecting: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
