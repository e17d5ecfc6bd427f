//! How the hub and the brokers know each other: TLS, and SASL with a password.

use std::fs;
use std::path::PathBuf;

use rdkafka::ClientConfig;

use crate::config::KafkaLog;
use crate::error::Error;

/// What every client does before it is let in. The default is plain.
#[derive(Clone, Default)]
pub struct KafkaSecurity {
    tls: bool,
    cacertfile: Option<PathBuf>,
    login: Option<Login>,
}

/// How to say who one is.
#[derive(Clone)]
struct Login {
    mechanism: &'static str,
    username: String,
    password: String,
}

/// Without the password.
impl std::fmt::Debug for KafkaSecurity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let login = self.login.as_ref().map(|login| (login.mechanism, &login.username));
        out.debug_struct("KafkaSecurity")
            .field("tls", &self.tls)
            .field("login", &login)
            .finish_non_exhaustive()
    }
}

impl KafkaSecurity {
    /// Takes it from the configuration, and reads the password's file.
    pub fn of(config: &KafkaLog) -> Result<Self, Error> {
        let cacertfile = config.cacertfile.clone();
        if let Some(path) = &cacertfile {
            if !config.tls {
                return Err(refused("`log.kafka.cacertfile` is of no use without `log.kafka.tls: true`"));
            }
            fs::read(path).map_err(|cause| {
                refused(format!("`log.kafka.cacertfile`: {} can't be read: {cause}", path.display()))
            })?;
        }
        let login = login(config)?;
        if login.as_ref().is_some_and(|login| login.mechanism == "PLAIN") && !config.tls {
            tracing::warn!("`log.kafka.sasl: PLAIN` without `tls` sends the password as it is");
        }
        Ok(Self { tls: config.tls, cacertfile, login })
    }

    /// Sets what a client needs.
    pub(super) fn set(&self, config: &mut ClientConfig) {
        let protocol = match (self.tls, &self.login) {
            (false, None) => return,
            (true, None) => "ssl",
            (false, Some(_)) => "sasl_plaintext",
            (true, Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(path) = &self.cacertfile {
            config.set("ssl.ca.location", path.to_string_lossy());
        }
        if let Some(Login { mechanism, username, password }) = &self.login {
            config
                .set("sasl.mechanism", *mechanism)
                .set("sasl.username", username)
                .set("sasl.password", password);
        }
    }
}

fn refused(text: impl Into<String>) -> Error {
    Error::Configuration(text.into())
}

fn login(config: &KafkaLog) -> Result<Option<Login>, Error> {
    let KafkaLog { sasl, username, password, password_file, .. } = config;
    let mechanism = match sasl.to_ascii_uppercase().replace('-', "_").as_str() {
        "" if username.is_empty() && password.is_empty() && password_file.is_none() => return Ok(None),
        "" => return Err(refused("`log.kafka.username` and `password` need `log.kafka.sasl`")),
        "PLAIN" => "PLAIN",
        "SCRAM_SHA256" | "SCRAM_SHA_256" => "SCRAM-SHA-256",
        "SCRAM_SHA512" | "SCRAM_SHA_512" => "SCRAM-SHA-512",
        _ => {
            let text = format!("`log.kafka.sasl: {sasl}` is none of PLAIN, SCRAM_SHA256 and SCRAM_SHA512");
            return Err(refused(text));
        }
    };
    let password = match password_file {
        Some(_) if !password.is_empty() => {
            return Err(refused("`log.kafka.password` and `password_file` are both set; leave one out"));
        }
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|cause| {
                refused(format!("`log.kafka.password_file`: {} can't be read: {cause}", path.display()))
            })?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        None => password.clone(),
    };
    if username.is_empty() || password.is_empty() {
        let text = format!("`log.kafka.sasl: {sasl}` needs `username`, and `password` or `password_file`");
        return Err(refused(text));
    }
    Ok(Some(Login { mechanism, username: username.clone(), password }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(config: &KafkaLog) -> Result<Vec<(String, String)>, String> {
        let mut client = ClientConfig::new();
        KafkaSecurity::of(config).map_err(|error| error.to_string())?.set(&mut client);
        let mut all: Vec<_> =
            client.config_map().iter().map(|(key, value)| ((*key).clone(), (*value).clone())).collect();
        all.sort();
        Ok(all)
    }

    fn with(sasl: &str, username: &str, password: &str) -> KafkaLog {
        let (sasl, username, password) = (sasl.to_owned(), username.to_owned(), password.to_owned());
        KafkaLog { sasl, username, password, ..KafkaLog::default() }
    }

    #[test]
    fn each_way_in_becomes_the_clients_settings() {
        assert_eq!(set(&KafkaLog::default()).unwrap(), []);
        let tls = KafkaLog { tls: true, ..KafkaLog::default() };
        assert_eq!(set(&tls).unwrap(), [("security.protocol".to_owned(), "ssl".to_owned())]);
        for (sasl, mechanism) in
            [("plain", "PLAIN"), ("SCRAM_SHA256", "SCRAM-SHA-256"), ("scram-sha-512", "SCRAM-SHA-512")]
        {
            let settings = set(&with(sasl, "hub", "secret")).unwrap();
            assert!(settings.contains(&("sasl.mechanism".to_owned(), mechanism.to_owned())), "{settings:?}");
            assert!(settings.contains(&("security.protocol".to_owned(), "sasl_plaintext".to_owned())));
        }
        let both = KafkaLog { tls: true, ..with("PLAIN", "hub", "secret") };
        assert!(set(&both).unwrap().contains(&("security.protocol".to_owned(), "sasl_ssl".to_owned())));
    }

    #[test]
    fn a_password_stays_out_of_what_is_printed() {
        let security = KafkaSecurity::of(&with("PLAIN", "hub", "secret")).unwrap();
        let text = format!("{security:?}");
        assert!(text.contains("hub") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        let file = |path: &str| Some(PathBuf::from(path));
        for (config, expected) in [
            (with("GSSAPI", "hub", "secret"), "`log.kafka.sasl: GSSAPI`"),
            (with("PLAIN", "", "secret"), "`username`"),
            (with("PLAIN", "hub", ""), "`password`"),
            (with("", "hub", "secret"), "need `log.kafka.sasl`"),
            (KafkaLog { password_file: file("/nowhere"), ..with("PLAIN", "hub", "") }, "/nowhere"),
            (KafkaLog { password_file: file("/nowhere"), ..with("PLAIN", "hub", "x") }, "both set"),
            (KafkaLog { cacertfile: file("/nowhere"), ..KafkaLog::default() }, "`log.kafka.tls: true`"),
            (KafkaLog { cacertfile: file("/nowhere"), tls: true, ..KafkaLog::default() }, "/nowhere"),
        ] {
            let error = set(&config).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
