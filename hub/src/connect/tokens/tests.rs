use super::*;

const A: &str = "0123456789abcdef";
const B: &str = "fedcba9876543210";

fn refusal(text: &str, form: Form) -> String {
    let error = parse(text, form).err().unwrap_or_else(|| panic!("it was taken: {text}"));
    assert!(!error.contains("short") && !error.contains(A), "a secret is never shown: {error}");
    error
}

#[test]
fn lines_are_tokens_with_or_without_a_name() {
    let tokens = parse(&format!("# ours\n\nnode-1: {A} \n{B}\n"), Form::Names).unwrap();
    let found: Vec<_> = tokens.iter().map(|token| (token.role, &*token.name, &*token.secret)).collect();
    assert_eq!(found, [(Role::Sensor, "node-1", A), (Role::Sensor, "token", B)]);
    for (text, problem) in
        [("", "no token"), (" \n", "no token"), ("a:short\n", "line 1"), (&format!(":{A}"), "1 to 200")]
    {
        let error = refusal(text, Form::Names);
        assert!(error.contains(problem), "{error}");
    }
    assert!(parse("# nobody for now", Form::Names).unwrap().is_empty());
}

#[test]
fn lines_are_tokens_with_role_and_name() {
    let text = format!("consumer/web-1:{A}\n# the same, for a change of tokens\nconsumer/web-1:{B}\n");
    let tokens = parse(&(text + "admin/a/b: 0123456789abcdef0"), Form::Roles).unwrap();
    let found: Vec<_> = tokens.iter().map(|token| (token.role, &*token.name)).collect();
    assert_eq!(found, [(Role::Consumer, "web-1"), (Role::Consumer, "web-1"), (Role::Admin, "a/b")]);
    for (text, problem) in [
        (format!("web-1:{A}"), "line 1: expected ROLE/NAME:TOKEN"),
        (format!("#\n{A}"), "line 2: expected ROLE/NAME:TOKEN"),
        (format!("root/web-1:{A}"), "sensor, consumer or admin"),
        (format!("consumer/:{A}"), "1 to 200"),
        (format!("consumer/a\u{1b}b:{A}"), "can be printed"),
        ("consumer/a:short".to_owned(), "16 bytes or more"),
        (format!("consumer/a:{A}\nsensor/b:{A}"), "line 2: its token is that of line 1"),
    ] {
        let error = refusal(&text, Form::Roles);
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn only_bearer_is_a_bearer_token() {
    for value in ["Bearer T0KEN", "bearer  T0KEN ", "BEARER T0KEN"] {
        assert_eq!(bearer(value.as_bytes()), Some(&b"T0KEN"[..]), "{value}");
    }
    for value in ["", "Bearer", "T0KEN", "Basic T0KEN", "BearerT0KEN"] {
        assert_eq!(bearer(value.as_bytes()), None, "{value}");
    }
}

/// A file that changes.
struct Bench {
    tokens: Arc<Tokens>,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        fs::write(&path, text).unwrap();
        Self { tokens: Arc::new(Tokens::open(&path, Form::Roles).unwrap()), _dir: dir }
    }

    fn write(&self, text: &str) {
        fs::write(&self.tokens.path, text).unwrap();
        self.tokens.current().looked -= REFRESH;
        self.tokens.look();
    }

    fn name(&self, presented: &str) -> Option<String> {
        self.tokens.find(presented.as_bytes()).map(|token| token.name.clone())
    }
}

#[test]
fn a_changed_file_counts_and_a_broken_one_does_not() {
    let bench = Bench::new(&format!("sensor/a:{A}\n"));
    assert_eq!(bench.name(A).as_deref(), Some("a"));
    assert_eq!(bench.name("0123456789abcdeX"), None);
    assert_eq!(bench.name(""), None);
    bench.write(&format!("sensor/b:{B}\n"));
    assert_eq!((bench.name(B).as_deref(), bench.name(A)), (Some("b"), None));
    for broken in ["", &format!("sensor/b:{B}\nsensor/short:x\n")] {
        bench.write(broken);
        assert_eq!(bench.name(B).as_deref(), Some("b"));
    }
    bench.write("# nobody\n");
    assert_eq!(bench.name(B), None);
}

#[test]
fn a_connection_ends_with_its_token_and_only_with_that() {
    let bench = Bench::new(&format!("sensor/a:{A}\nsensor/b:{B}\n"));
    let enter = |secret: &str| {
        let (token, close) = (bench.tokens.find(secret.as_bytes()).unwrap(), CancellationToken::new());
        (bench.tokens.enter(&token, close.clone()).unwrap(), close)
    };
    let ((_one, one), (_other, other), (gone, third)) = (enter(A), enter(B), enter(A));
    drop(gone);
    let late = bench.tokens.find(A.as_bytes()).unwrap();
    // It is the same one on another line.
    bench.write(&format!("sensor/b:{B}\nsensor/a:{A}\n\n"));
    assert!(!one.is_cancelled() && !other.is_cancelled());
    // The same token of somebody else is another one.
    bench.write(&format!("sensor/b:{B}\nadmin/a:{A}\n"));
    assert!(one.is_cancelled() && !other.is_cancelled() && !third.is_cancelled());
    assert!(bench.tokens.enter(&late, CancellationToken::new()).is_none(), "withdrawn in between");
    assert_eq!(bench.tokens.current().uses.len(), 2);
}
