//! A database of PostgreSQL, and the one statement that writes many alerts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::Error;
use tokio_postgres::{Client, Config, NoTls, Statement};

use crate::format::canonical;
use crate::link::{Files, Link, Trust};
use crate::settings::{Secret, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Alerts in one statement.
const BATCH: usize = 500;

/// How a client asks for TLS.
const TLS_WANTED: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What a column gets of an alert `a`, in falcosidekick's columns.
const COLUMNS: [(&str, &str); 7] = [
    ("time", "(a->>'time')::timestamptz"),
    ("rule", "a->>'rule'"),
    ("priority", "a->>'priority'"),
    ("source", "a->>'source'"),
    ("output", "a->>'output'"),
    ("tags", "(SELECT string_agg(tag, ',') FROM jsonb_array_elements_text(a->'tags') tag)"),
    ("hostname", "a->>'hostname'"),
];

keys! {
    /// Where a database is, and who writes to it.
    pub(crate) struct Server {
        /// The database server.
        host: String = "",
        /// Its port.
        port: u16 = 5432,
        /// The user.
        user: String = "postgres",
        /// The user's password.
        password: Secret = "",
        /// The database.
        database: String = "cadge",
        /// Fields that have a column of their own with the same name, which has to be there. `timescaledb` has one for
        /// each of `customfields` and `templatedfields`, in small letters, as falcosidekick does.
        fields: Vec<String> = [],
        /// Whether the connection is encrypted.
        tls: bool = false,
        /// An authority to trust besides the system's.
        cacertfile: String = "",
        + certificates: Tls,
    }
}

/// A database with a table for alerts.
pub(in super::super) struct Database {
    link: Link,
    is_encrypted: bool,
    config: Config,
    kinds: FieldKinds,
    /// Makes the table.
    create: Option<String>,
    insert: String,
    idle: Mutex<Vec<Session>>,
}

/// A connection that is ready to write.
struct Session {
    client: Client,
    insert: Statement,
}

impl Database {
    /// With `has_ids` the table is made, and each alert is in it once. Fields that are `added` have columns, too, with
    /// names in small letters: falcosidekick does not quote them, so that its users' tables have them so.
    pub(in super::super) fn new(
        server: &Server,
        table: &str,
        added: &[String],
        has_ids: bool,
        setup: &Setup,
    ) -> Result<Self, String> {
        let files = Files { authority: &server.cacertfile, ..Files::default() };
        let trust = server.tls.then(|| Trust::new(&server.certificates, &files, setup)).transpose()?;
        let link = Link::new("host", &server.host, server.port, trust)?;
        let mut config = Config::new();
        config
            .user(&server.user)
            .password(server.password.reveal())
            .dbname(&server.database)
            .application_name("cadge")
            // The stream is encrypted already.
            .ssl_mode(SslMode::Disable);
        let table = table.split('.').map(name).collect::<Vec<_>>().join(".");
        let create = has_ids.then(|| {
            format!(
                "CREATE TABLE IF NOT EXISTS {table} (uuid uuid PRIMARY KEY, time timestamptz, rule text, \
                 priority text, source text, output text, tags text, hostname text, output_fields jsonb)"
            )
        });
        let own = server.fields.iter().map(|field| (field.clone(), field.clone()));
        let fields = own.chain(added.iter().map(|field| (field.to_lowercase(), field.clone())));
        Ok(Self {
            link,
            is_encrypted: server.tls,
            config,
            kinds: setup.kinds,
            create,
            insert: insert(&table, &fields.collect::<Vec<_>>(), has_ids),
            idle: Mutex::default(),
        })
    }

    async fn write(&self, lines: &[String]) -> Result<u64, SendError> {
        let kept = self.waiting().pop().filter(|session| !session.client.is_closed());
        let session = match kept {
            Some(session) => session,
            None => self.connect().await?,
        };
        let written =
            session.client.execute(&session.insert, &[&lines]).await.map_err(|error| failed(&error))?;
        // One that failed, or was given up in the middle of a statement, is not kept.
        self.waiting().push(session);
        Ok(written)
    }

    async fn connect(&self) -> Result<Session, SendError> {
        let unreachable = |error: std::io::Error| SendError::from(error);
        let mut stream = self.link.connect_plain().await.map_err(unreachable)?;
        if self.is_encrypted {
            stream.write(&TLS_WANTED).await.map_err(unreachable)?;
            if stream.byte().await.map_err(unreachable)? != b'S' {
                return Err(SendError::Unreachable("the server has no TLS".to_owned()));
            }
            stream = self.link.encrypt(stream).await.map_err(unreachable)?;
        }
        let opened = self.config.connect_raw(stream.into_stream(), NoTls).await;
        let (client, connection) = opened.map_err(|error| failed(&error))?;
        // It ends with the client, and says there what went wrong.
        tokio::spawn(connection);
        if let Some(create) = &self.create {
            client.batch_execute(create).await.map_err(|error| failed(&error))?;
        }
        let insert = client.prepare(&self.insert).await.map_err(|error| failed(&error))?;
        Ok(Session { client, insert })
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Integration for Database {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let lines: Vec<String> =
                alerts.iter().map(|delivery| line(&delivery.alert, self.kinds)).collect();
            let written = self.write(&lines).await?;
            Ok(Answer(format!("written: {written} rows")))
        })
    }
}

/// The statement. Its one parameter is a list of alerts as JSON. A field has a column.
fn insert(table: &str, fields: &[(String, String)], has_ids: bool) -> String {
    let mut columns: Vec<(String, String)> =
        COLUMNS.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect();
    if has_ids {
        columns.push(("uuid".to_owned(), "(a->>'uuid')::uuid".to_owned()));
        columns.push(("output_fields".to_owned(), "a->'output_fields'".to_owned()));
    }
    for (column, field) in fields {
        let value = format!("a->'output_fields'->>'{}'", field.replace('\'', "''"));
        // A field may have the name of a column that is there anyway.
        if !columns.iter().any(|(known, _)| known == column || *known == name(column)) {
            columns.push((name(column), value));
        }
    }
    let (columns, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM (SELECT line::jsonb a FROM unnest($1::text[]) line) alerts{}",
        columns.join(", "),
        values.join(", "),
        if has_ids { " ON CONFLICT DO NOTHING" } else { "" }
    )
}

/// The name of a table or a column.
fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace('\0', ""))
}

/// An alert as JSON. PostgreSQL's text has no NUL.
fn line(alert: &Alert, kinds: FieldKinds) -> String {
    let line = canonical(alert, kinds);
    if !line.contains("\\u0000") {
        return line;
    }
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    let fields = alert.output_fields.iter().map(|(name, text)| (clean(name), clean(text))).collect();
    let alert = Alert {
        output: clean(&alert.output),
        rule: clean(&alert.rule),
        source: clean(&alert.source),
        hostname: clean(&alert.hostname),
        tags: alert.tags.iter().map(|tag| clean(tag)).collect(),
        output_fields: fields,
        ..alert.clone()
    };
    canonical(&alert, kinds)
}

/// What does not fit never will; all else may be different once somebody has seen to it.
fn failed(error: &Error) -> SendError {
    let Some(answer) = error.as_db_error() else {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        return SendError::Unreachable(format!("{error}{cause}"));
    };
    let cause = format!("it answered {}: {}", answer.code().code(), answer.message());
    match answer.code().code().get(..2) {
        // Data, integrity, limits.
        Some("22" | "23" | "54") => SendError::Refused(cause),
        // Connections, shutdown, too many.
        Some("08" | "53" | "57") => SendError::Unreachable(cause),
        _ => SendError::later(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        let fields = ["it's", "a\"b", "rule"].map(|field| (field.to_owned(), field.to_owned()));
        let statement = insert(&name("t\"; DROP"), &fields, false);
        assert!(statement.starts_with("INSERT INTO \"t\"\"; DROP\" (time, "), "{statement}");
        assert!(statement.contains("\"it's\", \"a\"\"b\")"), "{statement}");
        assert!(statement.contains("a->'output_fields'->>'it''s'"), "{statement}");
        assert_eq!(statement.matches("rule").count(), 2, "a column of its own is there once: {statement}");
        assert!(!statement.contains("CONFLICT"), "{statement}");
    }
}
