//! What the SDK says when it can't connect: one clear error for each cause.

use std::path::Path;
use std::time::Instant;

use cadge_client::{Client, Error, GetOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::secured::{Pki, Secured, Shown};
use super::site::Site;

/// How connecting to an address of one's own ends.
async fn fails(site: &Secured, host: &str, ca: &str, shown: Option<&Shown>) -> Error {
    let address = format!("https://{host}:{}", site.hub.grpc_address().unwrap().port());
    let mut connect = Client::connect(&address).ca(ca);
    if let Some(shown) = shown {
        connect = connect.identity(shown.cert.as_str(), shown.key.as_str());
    }
    let error = connect.await.unwrap_err();
    assert!(error.to_string().contains(&address), "{error}");
    error
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_told_from_a_hub_that_is_down() {
    let site = Secured::start().await;
    let (ca, good, other) = (site.pki.pem(), site.pki.consumer("c"), Pki::new("Cadge"));
    let address = format!("https://localhost:{}", site.hub.grpc_address().unwrap().port());
    let shown = |shown: &Shown| Client::connect(&address).ca(ca.as_str()).identity(&*shown.cert, &*shown.key);
    assert!(shown(&good).await.is_ok());
    let expired = time::OffsetDateTime::now_utc() - time::Duration::minutes(1);
    let expired = site.pki.issue("spiffe://cadge/consumer/c", |params| params.not_after = expired);
    for error in [
        fails(&site, "localhost", &other.pem(), Some(&good)).await,
        fails(&site, "127.0.0.1", &ca, Some(&good)).await,
        fails(&site, "localhost", &ca, Some(&other.consumer("c"))).await,
        fails(&site, "localhost", &ca, Some(&expired)).await,
        fails(&site, "localhost", &ca, None).await,
    ] {
        assert!(matches!(error, Error::WrongCertificate(_)), "{error:?}");
    }
    let halves = Client::connect(&address).ca(&*ca).identity(&*good.cert, &*site.pki.consumer("d").key);
    let no_pem =
        [Client::connect(&address).ca("no PEM"), Client::connect(&address).ca(&*ca).identity("", ""), halves];
    for connect in no_pem {
        let error = connect.await.unwrap_err();
        assert!(matches!(error, Error::WrongCertificate(_)), "{error:?}");
    }
    site.hub.stop().await;
    let error = shown(&good).await.unwrap_err();
    assert!(matches!(error, Error::HubDown(_)) && error.to_string().contains(&address), "{error:?}");
}

#[tokio::test]
async fn who_lacks_the_role_is_told_so() {
    let site = Secured::start().await;
    let sensor = site.pki.sensor("s");
    let address = format!("https://localhost:{}", site.hub.grpc_address().unwrap().port());
    let client =
        Client::connect(&address).ca(site.pki.pem()).identity(sensor.cert, sensor.key).await.unwrap();
    let Err(error) = client.get(GetOptions::default()).await else { panic!("a sensor has read the log") };
    assert!(matches!(error, Error::PermissionDenied(_)), "{error:?}");
    assert!(error.to_string().contains("role consumer") && error.to_string().contains(&address), "{error}");
}

/// Answers a fixed text to whoever connects, whatever they say.
async fn other(dir: &Path, answer: &'static [u8]) -> (String, String) {
    let (socket, tcp) = (
        tokio::net::UnixListener::bind(dir.join("other.sock")).unwrap(),
        tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let at = tcp.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            let _ = stream.read(&mut [0; 16]).await;
            let _ = stream.write_all(answer).await;
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let _ = stream.read(&mut [0; 16]).await;
            let _ = stream.write_all(answer).await;
        }
    });
    (format!("unix://{}", dir.join("other.sock").display()), format!("https://{at}"))
}

#[tokio::test]
async fn what_is_no_hub_is_a_mismatch() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, tcp) = other(dir.path(), b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let ca = Pki::new("Cadge").pem();
    for connect in [Client::connect(socket), Client::connect(tcp).ca(ca)] {
        let error = connect.await.unwrap_err();
        assert!(matches!(error, Error::ProtocolMismatch(_)), "{error:?}");
    }
    // The hub's own web page is not its gRPC port.
    let site = Secured::start().await;
    let page = format!("https://{}", site.hub.http_address().unwrap());
    let error = Client::connect(page).ca(site.pki.pem()).await.unwrap_err();
    assert!(matches!(error, Error::ProtocolMismatch(_)), "{error:?}");
}

#[tokio::test]
async fn an_address_that_is_none_is_an_invalid_request() {
    for address in ["", "localhost:5060", "http://localhost:5060", "https://", "ftp://x"] {
        let error = Client::connect(address).await.unwrap_err();
        assert!(matches!(error, Error::InvalidRequest(_)), "{address}: {error:?}");
    }
    let site = Site::start().await;
    let socket = format!("unix://{}", site.socket().display());
    assert!(Client::connect(&socket).token("a token").await.is_ok(), "the socket asks for none");
    let error = Client::connect(&socket).token("two\nlines").await.unwrap_err();
    assert!(matches!(error, Error::InvalidRequest(_)) && !error.to_string().contains("two"), "{error:?}");
}

#[tokio::test]
async fn what_never_answers_is_down_within_ten_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let silent = tokio::net::UnixListener::bind(dir.path().join("silent.sock")).unwrap();
    let start = Instant::now();
    let error =
        Client::connect(format!("unix://{}", dir.path().join("silent.sock").display())).await.unwrap_err();
    assert!(matches!(error, Error::HubDown(_)) && error.to_string().contains("silent.sock"), "{error:?}");
    assert!(start.elapsed().as_secs() < 15, "{:?}", start.elapsed());
    drop(silent);
}
