//! A real RabbitMQ with its management interface. It runs as whoever runs the test, without Erlang's name server.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::counterpart::{Counterpart, find, free_port, skip};

/// Where the broker and Erlang are: Debian has them below one folder.
struct Programs {
    erlang: PathBuf,
    runtime: PathBuf,
    broker: PathBuf,
}

impl Programs {
    fn find() -> Option<Self> {
        let usr = find("rabbitmq-server")?.ancestors().nth(2)?.to_path_buf();
        let within = |folder: PathBuf, start: &str| {
            let mut entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
            let found = entries.find(|entry| entry.file_name().to_string_lossy().starts_with(start));
            found.map(|entry| entry.path())
        };
        let erlang = usr.join("lib/erlang");
        let runtime = within(erlang.clone(), "erts-")?.join("bin");
        let broker = within(usr.join("lib/rabbitmq/lib"), "rabbitmq_server-")?;
        Some(Self { erlang, runtime, broker })
    }
}

/// A broker, to be asked by HTTP.
pub(crate) struct RabbitMq {
    pub(crate) server: Counterpart,
    management: u16,
    client: reqwest::Client,
}

impl RabbitMq {
    /// Starts one. `settings` gives lines of its configuration for a folder and a port.
    pub(crate) fn start(test: &str, settings: impl FnOnce(&Path, u16) -> String) -> Option<Self> {
        let Some(programs) = Programs::find() else { return skip(test, "rabbitmq-server") };
        let (management, distribution) = (free_port(), free_port());
        let server = Counterpart::start(test, "env", |command, dir, port| {
            let settings = format!(
                "{}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n\
                 disk_free_limit.absolute = 1MB\n",
                settings(dir, port)
            );
            std::fs::write(dir.join("rabbitmq.conf"), settings).unwrap();
            std::fs::write(dir.join("plugins"), "[rabbitmq_management, rabbitmq_auth_mechanism_ssl].\n")
                .unwrap();
            std::fs::write(dir.join("environment"), "").unwrap();
            let name = format!("cadge{port}@localhost");
            for (variable, path) in [
                ("ROOTDIR", &programs.erlang),
                ("BINDIR", &programs.runtime),
                ("ERL_LIBS", &programs.broker.join("plugins")),
                ("HOME", &dir.to_path_buf()),
                ("RABBITMQ_HOME", &programs.broker),
                ("RABBITMQ_PLUGINS_DIR", &programs.broker.join("plugins")),
                ("RABBITMQ_CONF_ENV_FILE", &dir.join("environment")),
                ("RABBITMQ_CONFIG_FILE", &dir.join("rabbitmq.conf")),
                ("RABBITMQ_ENABLED_PLUGINS_FILE", &dir.join("plugins")),
                ("RABBITMQ_MNESIA_BASE", &dir.join("data")),
                ("RABBITMQ_LOG_BASE", &dir.join("log")),
            ] {
                command.env(variable, path);
            }
            command.envs([("EMU", "beam"), ("PROGNAME", "erl"), ("RABBITMQ_LOGS", "-")]);
            command.env("RABBITMQ_NODENAME", &name);
            command.arg(programs.runtime.join("erlexec"));
            command.args(["-noinput", "-boot", "start_sasl", "-s", "rabbit", "boot", "-sname", &name]);
            // Fewer threads that wait for work with a busy loop: others want the machine, too.
            command.args(["+S", "1", "+sbwt", "none", "-start_epmd", "false", "-erl_epmd_port"]);
            command.args([&distribution.to_string(), "-kernel", "inet_dist_use_interface", "{127,0,0,1}"]);
            command.args(["-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false"]);
        })?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        Some(Self { server, management, client: reqwest::Client::new() })
    }

    /// One that has a user with a password, and nobody else.
    pub(crate) fn plain(test: &str) -> Option<Self> {
        Self::start(test, |_, port| {
            format!(
                "listeners.tcp.default = 127.0.0.1:{port}\n\
                 default_user = u\ndefault_pass = p@ss/\n"
            )
        })
    }

    /// What the management interface answers.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("http://127.0.0.1:{}/api/{path}", self.management);
        let request = self.client.request(method.parse().unwrap(), url).basic_auth("u", Some("p@ss/"));
        let answer = request.body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Makes a durable queue.
    pub(crate) async fn add_queue(&self, name: &str, arguments: &Value) {
        let queue = json!({ "durable": true, "arguments": arguments });
        self.ask("PUT", &format!("queues/%2F/{name}"), &queue).await;
    }

    /// What a queue has, in order. It has it no longer then.
    pub(crate) async fn take(&self, queue: &str) -> Vec<Value> {
        let wanted = json!({ "count": 100_000, "ackmode": "ack_requeue_false", "encoding": "auto" });
        let taken = self.ask("POST", &format!("queues/%2F/{queue}/get"), &wanted).await;
        taken.as_array().unwrap().clone()
    }
}

/// The number of the alert that was taken.
pub(crate) fn number(taken: &Value) -> u64 {
    super::restart::number(taken["payload"].as_str().unwrap())
}
