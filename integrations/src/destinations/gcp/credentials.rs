//! Credentials for Google Cloud: a service account's key, a user's grant, or what the metadata server gives out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::{Client, Url};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::Account;
use crate::SendError;
use crate::destinations::aws::signature::form;
use crate::destinations::bearer;
use crate::destinations::lease::{Lender, Lent};
use crate::destinations::near;
use crate::settings::Secret;

/// Where tokens are given out, unless the credentials say otherwise.
const TOKENS: &str = "https://oauth2.googleapis.com/token";

/// The metadata server, unless `GCE_METADATA_HOST` names another one.
const METADATA: &str = "metadata.google.internal";

/// The token of the machine's or the workload's service account there.
const METADATA_PATH: &str = "computeMetadata/v1/instance/service-accounts/default/token";

/// A signed request for a token is good for so many seconds: as long as may be.
const SIGNED_FOR: i64 = 3600;

/// What a service account's request for a token is called.
const BY_SIGNATURE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Who gives out tokens, and for what.
pub(super) enum Credentials {
    Account { client: Client, address: Url, signer: Box<Signer> },
    User { client: Client, address: Url, grant: Secret },
    Metadata { client: Client, address: Url },
}

/// A service account's key, and what it is asked for.
pub(super) struct Signer {
    email: String,
    key_id: String,
    key: RsaKeyPair,
    scope: &'static str,
    audience: String,
}

/// The credentials that an account asks for. `None`: an endpoint of one's own is sent none.
pub(super) fn lender(
    account: &Account,
    scope: &'static str,
    client: &Client,
    variable: impl Fn(&str) -> String,
) -> Result<Option<Credentials>, String> {
    let file = variable("GOOGLE_APPLICATION_CREDENTIALS");
    let found = if !account.credentials.is_empty() {
        let text = STANDARD.decode(account.credentials.reveal().trim());
        let text = text.map_err(|_| "`credentials` is not base64: it is the JSON file, encoded")?;
        Credentials::read(&text, scope, client).map_err(|problem| format!("`credentials` {problem}"))?
    } else if !account.workloadidentity {
        if account.endpoint.is_empty() {
            let both = "`credentials` is missing: give a service account's key, or `workloadidentity: true`";
            return Err(both.to_owned());
        }
        return Ok(None);
    } else if file.is_empty() {
        let host = variable("GCE_METADATA_HOST");
        let host = if host.is_empty() { METADATA } else { host.as_str() };
        let address = near::address("GCE_METADATA_HOST", host, METADATA_PATH)?;
        Credentials::Metadata { client: near::client()?, address }
    } else {
        let text = std::fs::read(&file);
        let text =
            text.map_err(|error| format!("`GOOGLE_APPLICATION_CREDENTIALS`: reading {file}: {error}"))?;
        Credentials::read(&text, scope, client).map_err(|problem| format!("the file {file} {problem}"))?
    };
    Ok(Some(found))
}

impl Credentials {
    /// Reads a file of Google's. The error goes on after its name.
    fn read(text: &[u8], scope: &'static str, client: &Client) -> Result<Self, String> {
        let file: Value = serde_json::from_slice(text).map_err(|_| "is no JSON".to_owned())?;
        let own = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
        let part =
            |key: &str| if own(key).is_empty() { Err(format!("has no `{key}`")) } else { Ok(own(key)) };
        let address = if own("token_uri").is_empty() { TOKENS.to_owned() } else { own("token_uri") };
        let address: Url = address.parse().map_err(|_| "has a `token_uri` that is no URL".to_owned())?;
        let client = client.clone();
        match own("type").as_str() {
            "service_account" => {
                let key = key(&part("private_key")?)?;
                let (email, key_id) = (part("client_email")?, own("private_key_id"));
                let signer = Signer { email, key_id, key, scope, audience: address.to_string() };
                Ok(Self::Account { client, address, signer: Box::new(signer) })
            }
            "authorized_user" => {
                let parts = ["client_id", "client_secret", "refresh_token"].map(|key| Ok((key, part(key)?)));
                let mut pairs = parts.into_iter().collect::<Result<Vec<_>, String>>()?;
                pairs.push(("grant_type", "refresh_token".to_owned()));
                Ok(Self::User { client, address, grant: form(&pairs).into() })
            }
            _ => Err("is neither of a service account (`type: service_account`) nor of a user (`authorized_user`): \
                      other kinds are not supported"
                .to_owned()),
        }
    }
}

/// Reads a private key. The error shows nothing of it.
fn key(pem: &str) -> Result<RsaKeyPair, String> {
    let problem = || "has a `private_key` that is no RSA key in PEM".to_owned();
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| problem())? {
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err(problem()),
    }
    .map_err(|_| problem())
}

impl Signer {
    /// The request for a token at a time, signed.
    fn assertion(&self, now: i64) -> Result<String, SendError> {
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if !self.key_id.is_empty() {
            header["kid"] = self.key_id.as_str().into();
        }
        let claims = json!({
            "iss": self.email,
            "scope": self.scope,
            "aud": self.audience,
            "iat": now,
            "exp": now + SIGNED_FOR,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| SendError::Unreachable("the private key can't sign".to_owned()))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl Lender<Secret> for Credentials {
    fn lend(&self) -> BoxFuture<'_, Result<Lent<Secret>, SendError>> {
        let post = |client: &Client, address: &Url, body: String| {
            let request = client.post(address.clone());
            request.header("content-type", "application/x-www-form-urlencoded").body(body)
        };
        Box::pin(async move {
            let request = match self {
                Self::Account { client, address, signer } => {
                    let assertion = signer.assertion(Timestamp::now().as_second())?;
                    let pairs = [("grant_type", BY_SIGNATURE), ("assertion", assertion.as_str())];
                    post(client, address, form(&pairs))
                }
                Self::User { client, address, grant } => post(client, address, grant.reveal().to_owned()),
                Self::Metadata { client, address } => {
                    client.get(address.clone()).header("metadata-flavor", "Google")
                }
            };
            bearer::token(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(file: &Value) -> Result<Credentials, String> {
        Credentials::read(file.to_string().as_bytes(), "scope", &near::client().unwrap())
    }

    fn found(account: &Account, environment: &[(&str, &str)]) -> Result<Option<Credentials>, String> {
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value).to_owned()
        };
        lender(account, "scope", &near::client().unwrap(), variable)
    }

    #[test]
    fn what_a_file_lacks_is_named_and_nothing_of_it_is_shown() {
        for (file, words) in [
            (json!({"type": "external_account", "S3CRET": 1}), "is neither of a service account"),
            (json!({"type": "service_account"}), "has no `private_key`"),
            (json!({"type": "service_account", "private_key": "S3CRET"}), "no RSA key in PEM"),
            (json!({"type": "authorized_user", "client_id": "S3CRET"}), "has no `client_secret`"),
            (json!({"type": "service_account", "token_uri": "S3CRET"}), "`token_uri` that is no URL"),
            (json!(["S3CRET"]), "is neither"),
        ] {
            let error = read(&file).err().unwrap();
            assert!(error.contains(words) && !error.contains("S3CRET"), "{error}");
        }
    }

    #[test]
    fn a_user_has_a_grant() {
        let file = json!({"type": "authorized_user", "client_id": "a b", "client_secret": "c", "refresh_token": "r"});
        let Ok(Credentials::User { address, grant, .. }) = read(&file) else { panic!() };
        assert_eq!(address.as_str(), TOKENS);
        let known = "client_id=a+b&client_secret=c&refresh_token=r&grant_type=refresh_token";
        assert_eq!(grant.reveal(), known);
    }

    #[test]
    fn a_workload_has_what_the_environment_names() {
        let own = Account { workloadidentity: true, ..Account::default() };
        let Ok(Some(Credentials::Metadata { address, .. })) = found(&own, &[]) else { panic!() };
        let path = "/computeMetadata/v1/instance/service-accounts/default/token";
        assert_eq!(address.as_str(), format!("http://metadata.google.internal{path}"));
        let error = found(&own, &[("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")]).err().unwrap();
        assert!(error.contains("reading /nowhere"), "{error}");
        assert!(found(&own, &[("GCE_METADATA_HOST", ":")]).is_err());
        let emulator = Account { endpoint: "http://localhost:1".to_owned(), ..Account::default() };
        assert!(matches!(found(&emulator, &[]), Ok(None)));
        assert!(found(&Account::default(), &[]).err().unwrap().contains("`credentials` is missing"));
    }

    proptest! {
        #[test]
        fn no_key_and_no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = key(&format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"));
            let _ = key(&format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", STANDARD.encode(&text)));
        }
    }
}
