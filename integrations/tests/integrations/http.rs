//! The very bytes of each request.

use super::feed::{Log, alert};
use super::server::Server;

#[tokio::test]
async fn webhook_sends_falcosidekicks_json() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    let section =
        format!("webhook:\n  address: {}\n  method: PUT\n  customheaders: {{X-Key: secret}}\n", server.url);
    let (_running, stop, _) = log.start(&section);
    log.push(alert(3, 4));
    let request = server.requests(1).await.remove(0);
    let (uuid, rest) = request.body.strip_prefix("{\"uuid\":\"").unwrap().split_once('"').unwrap();
    assert_eq!(
        rest,
        ",\"output\":\"13:46:40.123456789: Warning Sensitive file #3\",\"priority\":\"Warning\",\"rule\":\"Sensitive file\",\
         \"time\":\"2024-06-12T13:46:40.123456789Z\",\"output_fields\":{\"evt.time\":1718200000123456789,\"fd.name\":null,\
         \"proc.name\":\"cat \\u003cx\\u003e\",\"proc.pid\":42},\"source\":\"syscall\",\"tags\":[\"a\",\"b\"],\
         \"hostname\":\"node-1\"}\n"
    );
    let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert_eq!(request.method, "PUT");
    assert_eq!(request.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(request.headers["x-key"], "secret");
    assert!(request.headers["user-agent"].to_str().unwrap().starts_with("Cadge/"));
    stop.cancel();
}

#[tokio::test]
async fn fields_that_every_alert_gets_are_labels_in_loki() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    let (_running, stop, _) = log.start(&format!(
        "loki:\n  hostport: {}\n  extralabels: proc.name\nbracketreplacer: _\n\
         customfields: {{my.team: blue}}\ntemplatedfields: {{'who[1]': '{{{{ index . \"proc.name\" }}}}'}}\n",
        server.url
    ));
    log.push(alert(3, 4));
    let body: serde_json::Value = serde_json::from_str(&server.requests(1).await[0].body).unwrap();
    assert_eq!(
        body["streams"][0]["stream"],
        serde_json::json!({
            "rule": "Sensitive file", "priority": "Warning", "source": "syscall", "hostname": "node-1",
            "tags": "a,b", "my_team": "blue", "who_1": "cat <x>", "proc_name": "cat <x>",
        })
    );
    stop.cancel();
}

#[tokio::test]
async fn slack_sends_falcosidekicks_attachment() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    let (_running, stop, _) =
        log.start(&format!("slack:\n  webhookurl: {}\n  channel: '#sec'\n", server.url));
    log.push(alert(3, 4));
    let request = server.requests(1).await.remove(0);
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    let output = "13:46:40.123456789: Warning Sensitive file #3";
    let short = |title: &str, value: &str| serde_json::json!({"title": title, "value": value, "short": true});
    assert_eq!(
        body,
        serde_json::json!({
            "username": "Cadge",
            "channel": "#sec",
            "attachments": [{
                "fallback": output,
                "color": "#ffc700",
                "text": output,
                "fields": [
                    short("rule", "Sensitive file"),
                    short("priority", "Warning"),
                    short("source", "syscall"),
                    short("hostname", "node-1"),
                    short("tags", "a, b"),
                    short("proc.name", "cat <x>"),
                    {"title": "time", "value": "2024-06-12 13:46:40.123456789 +0000 UTC", "short": false},
                ],
            }],
        })
    );
    stop.cancel();
}
