//! Keys from servers as strict as AWS's are documented to be.

use std::sync::Arc;

use axum::http::HeaderMap;
use proptest::prelude::*;
use reqwest::header::HeaderValue;

use super::*;
use crate::destinations::near::tests::server;

/// The keys of an account without any of its own, in an environment.
fn found(account: &Account, environment: &[(&str, &str)]) -> Result<Lease<Keys>, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let variable = |name: &str| {
        environment.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value).to_owned()
    };
    lease(account, &Place { client: &Client::new(), region: "eu-west-1", variable: &variable })
}

async fn keys(environment: &[(&str, &str)]) -> Result<Arc<Keys>, String> {
    let lease = found(&Account::default(), environment)?;
    lease.get().await.map_err(|error| error.to_string())
}

fn soon() -> String {
    (Timestamp::now() + Duration::from_mins(30)).to_string()
}

fn json_keys(id: &str) -> String {
    serde_json::json!({"Code": "Success", "AccessKeyId": id, "SecretAccessKey": "S3CRET", "Token": "T0KEN", "Expiration": soon()})
        .to_string()
}

/// What the token service answers: keys that are over at once, so that each request for them is made.
fn xml_keys(id: &str) -> String {
    format!(
        "<R><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>S3CRET</SecretAccessKey>\
         <SessionToken>T0KEN+/=</SessionToken><Expiration>{}</Expiration></Credentials></R>",
        Timestamp::now()
    )
}

fn instance(line: &str, headers: &HeaderMap, _: &str) -> (u16, String) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = "/latest/meta-data/iam/security-credentials/";
    match line {
        "PUT /latest/api/token" if header("x-aws-ec2-metadata-token-ttl-seconds").parse::<u32>().is_ok() => {
            (200, "SESSION".to_owned())
        }
        _ if header("x-aws-ec2-metadata-token") != "SESSION" => (401, String::new()),
        _ if line == format!("GET {path}") => (200, "hub role\n".to_owned()),
        _ if line == format!("GET {path}hub%20role") => (200, json_keys("INSTANCE")),
        _ => (404, String::new()),
    }
}

#[tokio::test]
async fn an_instance_gives_out_its_roles_keys() {
    let (url, sent) = server(instance).await;
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())];
    let lease = found(&Account::default(), &environment).unwrap();
    for _ in 0..3 {
        let keys = lease.get().await.unwrap();
        assert_eq!(
            (keys.id.as_str(), keys.secret.reveal(), keys.token.reveal()),
            ("INSTANCE", "S3CRET", "T0KEN")
        );
    }
    assert_eq!(sent.lock().unwrap().len(), 3);
    let (url, _) = server(|_, _, _| (404, String::new())).await;
    let error = keys(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)]).await.err().unwrap();
    assert!(error.contains("no keys from the instance's metadata: it answered 404"), "{error}");
    let error = keys(&[("AWS_EC2_METADATA_DISABLED", "true")]).await.err().unwrap();
    assert!(error.contains("`AWS_EC2_METADATA_DISABLED`"), "{error}");
}

#[tokio::test]
async fn a_container_shows_its_token_as_it_is_now() {
    let (url, _) = server(|_, headers, _| match headers.get("authorization").map(HeaderValue::as_bytes) {
        Some(b"first") => (200, json_keys("FIRST")),
        Some(b"second") => (200, json_keys("SECOND")),
        _ => (401, String::new()),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let path = file.to_str().unwrap();
    let environment = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path),
    ];
    let error = keys(&environment).await.err().unwrap();
    assert!(error.contains("container's credentials: reading"), "{error}");
    let lease = found(&Account::default(), &environment).unwrap();
    for (token, id) in [("first\n", "FIRST"), ("second\n", "SECOND")] {
        std::fs::write(&file, token).unwrap();
        let keys = lease.get().await.unwrap();
        assert_eq!(keys.id, id);
        lease.drop(&keys).await;
    }
    let environment = [environment[0], ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "first")];
    assert_eq!(keys(&environment).await.unwrap().id, "FIRST");
    let error = keys(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.org/x")]).await.err().unwrap();
    assert!(error.contains("neither by HTTPS nor at the container's own host"), "{error}");
}

#[tokio::test]
async fn a_web_identity_is_read_anew_for_each_request() {
    let (url, sent) = server(|line, headers, body| {
        let is_right = line == "POST /" && !headers.contains_key("authorization") && body.contains("cadge");
        if is_right { (200, xml_keys("WEB")) } else { (400, String::new()) }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let environment = [
        ("AWS_ENDPOINT_URL_STS", url.as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/a"),
    ];
    let lease = found(&Account::default(), &environment).unwrap();
    for token in ["one", "two"] {
        std::fs::write(&file, token).unwrap();
        assert_eq!(lease.get().await.unwrap().token.reveal(), "T0KEN+/=");
    }
    let form = |token| {
        format!(
            "Version=2011-06-15&Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa\
             &RoleSessionName=cadge&WebIdentityToken={token}"
        )
    };
    assert_eq!(*sent.lock().unwrap(), [form("one"), form("two")]);
}

#[tokio::test]
async fn a_role_is_taken_on_with_the_keys_that_there_are() {
    let (url, sent) = server(|_, headers, _| {
        let signed = headers["authorization"].to_str().unwrap();
        let is_right = signed.contains("Credential=BASE/") && signed.contains("/eu-west-1/sts/aws4_request");
        if is_right { (200, xml_keys("ROLE")) } else { (403, String::new()) }
    })
    .await;
    let account = Account {
        rolearn: "arn:aws:iam::1:role/a".to_owned(),
        externalid: "e".to_owned(),
        ..Account::default()
    };
    let environment = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "BASE"),
        ("AWS_SECRET_ACCESS_KEY", "S"),
        ("AWS_ROLE_SESSION_NAME", "hub"),
        // Keys count before an identity.
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"),
        ("AWS_ROLE_ARN", "arn"),
    ];
    assert_eq!(found(&account, &environment).unwrap().get().await.unwrap().id, "ROLE");
    let form = "Version=2011-06-15&Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa&RoleSessionName=hub&ExternalId=e";
    assert_eq!(*sent.lock().unwrap(), [form]);
}

#[tokio::test]
async fn an_answer_without_keys_is_not_shown() {
    let (url, _) = server(|_, _, _| {
        (200, "{\"AccessKeyId\":\"S3CRET S3CRET\",\"SecretAccessKey\":\"S3CRET\"}".to_owned())
    })
    .await;
    let error = keys(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)]).await.err().unwrap();
    assert!(error.contains("what is answered has none") && !error.contains("S3CRET"), "{error}");
    let refused = "<Error><Code>AccessDenied</Code><Message>not you</Message></Error><X>S3CRET</X>";
    let reply = |status, text: &str| Reply { status, after: None, text: text.to_owned() };
    let error = sts::read(&reply(StatusCode::FORBIDDEN, refused)).err().unwrap().to_string();
    assert!(error.ends_with("403 Forbidden: AccessDenied: not you"), "{error}");
    let error =
        sts::read(&reply(StatusCode::OK, "<AccessKeyId>S3CRET</AccessKeyId>")).err().unwrap().to_string();
    assert!(error.ends_with("what is answered has none"), "{error}");
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(parts in proptest::array::uniform4("\\PC{0,20}"), text in "\\PC{0,60}") {
        let [id, secret, token, expiration] = parts.each_ref().map(String::as_str);
        let _ = lent([id, secret, token, expiration]);
        let body = serde_json::json!({"AccessKeyId": "A", "SecretAccessKey": secret, "Token": token, "Expiration": expiration});
        for text in [text, body.to_string(), format!("<Credentials><AccessKeyId>{secret}</AccessKeyId>")] {
            let reply = Reply { status: StatusCode::OK, after: None, text };
            let _ = (read("x", &reply), sts::read(&reply));
        }
    }
}
