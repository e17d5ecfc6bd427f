use super::*;

const CONTEXT: &str = "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n";

/// What becomes of a kubeconfig with a cluster and a user.
fn access(cluster: &str, user: &str) -> Result<Access, String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "T0KEN-file\n").unwrap();
    let file = dir.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\n{CONTEXT}clusters: [{{name: k, cluster: {cluster}}}]\n\
         users: [{{name: u, user: {user}}}]\n"
    );
    std::fs::write(&file, text).unwrap();
    Access::of_file(&file)
}

#[tokio::test]
async fn a_token_is_in_the_file_or_in_one_of_its_own() {
    let fixed = access("{server: 'https://k:6443'}", "{token: T0KEN}").unwrap();
    assert_eq!(
        (fixed.server.as_str(), fixed.token().await),
        ("https://k:6443", Ok(Some("T0KEN".to_owned())))
    );
    let none = access("{server: 'https://k', insecure-skip-tls-verify: true}", "{}").unwrap();
    assert_eq!(none.token().await, Ok(None));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let renewed = Access { token: Token::File(path.clone()), ..none };
    assert!(renewed.token().await.unwrap_err().contains("token"));
    for token in ["one", "two"] {
        std::fs::write(&path, format!("{token}\n")).unwrap();
        assert_eq!(renewed.token().await, Ok(Some(token.to_owned())));
    }
}

#[test]
fn certificates_are_in_the_file_or_in_files_beside_it() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
    let data = |text: &str| STANDARD.encode(text);
    let cluster = format!("{{server: 'https://k', certificate-authority-data: {}}}", data(&certificate));
    let pair = |certificate: &str, key: &str| {
        format!("{{client-certificate-data: {}, client-key-data: {}}}", data(certificate), data(key))
    };
    access(&cluster, &pair(&certificate, &key.serialize_pem())).unwrap();
    let error = access(&cluster, &pair(&certificate, "T0KEN")).err().unwrap();
    assert!(error.contains("client-certificate or client-key") && !error.contains("T0KEN"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("ca.crt", &certificate), ("me.crt", &certificate), ("me.key", &key.serialize_pem())]
    {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let file = dir.path().join("config");
    let clusters = "clusters: [{name: k, cluster: {server: 'https://k', certificate-authority: ca.crt}}]";
    let users = "users: [{name: u, user: {client-certificate: me.crt, client-key: me.key}}]";
    std::fs::write(&file, format!("{CONTEXT}{clusters}\n{users}\n")).unwrap();
    Access::of_file(&file).unwrap();
}

#[test]
fn what_cannot_be_had_is_said_and_no_secret_is() {
    let server = "{server: 'https://k'}";
    for (cluster, user, words) in [
        (server, "{exec: {command: aws}}", "by a command (exec)"),
        (server, "{auth-provider: {name: gcp}}", "auth-provider"),
        (server, "{username: me, password: T0KEN}", "has a password"),
        (server, "{client-certificate: x.crt}", "x.crt"),
        (server, "{client-certificate-data: AAAA}", "need each other"),
        (server, "{client-certificate-data: '!T0KEN', client-key: x}", "no base64"),
        (server, "{token: [T0KEN]}", "as line 6 shows"),
        ("{}", "{token: T0KEN}", "has no `server"),
        ("{server: 'https://k', proxy-url: 'http://p'}", "{}", "proxy-url"),
        ("{server: 'https://k', certificate-authority: /nowhere/ca}", "{}", "/nowhere/ca"),
        ("{server: 'https://k', certificate-authority-data: eA==}", "{}", "no certificate in it"),
    ] {
        let error = access(cluster, user).err().unwrap();
        assert!(error.contains(words) && error.starts_with("`kubeconfig` /"), "{user}: {error}");
        assert!(!error.contains("T0KEN"), "{error}");
    }
    let error = Access::of_file(Path::new("/nowhere/config")).err().unwrap();
    assert!(error.contains("`kubeconfig` /nowhere/config: No such file"), "{error}");
}

#[test]
fn contexts_name_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config");
    for (text, words) in [
        ("{}", "`current-context: ` is none"),
        ("current-context: x\ncontexts: [{name: c, context: {}}]", "`current-context: x` is none"),
        (CONTEXT, "cluster `k` is missing"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = Access::of_file(&file).err().unwrap();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[tokio::test]
async fn a_pod_has_an_account() {
    let dir = tempfile::tempdir().unwrap();
    let error = Access::of_pod("10.0.0.1", "443", dir.path()).err().unwrap();
    assert!(error.contains("ca.crt"), "{error}");
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
    std::fs::write(dir.path().join("ca.crt"), authority).unwrap();
    std::fs::write(dir.path().join("token"), "T0KEN\n").unwrap();
    let access = Access::of_pod("fd00::1", "443", dir.path()).unwrap();
    assert_eq!(
        (access.server.as_str(), access.token().await),
        ("https://[fd00::1]:443", Ok(Some("T0KEN".to_owned())))
    );
}

#[test]
fn home_is_known() {
    assert_eq!(expanded("~/.kube/config", Some("/root")), Path::new("/root/.kube/config"));
    assert_eq!(expanded("~/x", None), Path::new("~/x"));
    assert_eq!(expanded("/x", Some("/root")), Path::new("/x"));
}
