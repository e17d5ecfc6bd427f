//! The grammar, its errors, and what holds for every text.

use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Expr> {
    super::parse(text, DEPTH_MAX)
}

#[track_caller]
fn parses(text: &str, expected: &str) {
    assert_eq!(parse(text).map(|expr| expr.to_string()).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn fails(text: &str, at: usize, words: &str) {
    let error = parse(text).unwrap_err();
    assert!(error.message.contains(words), "{error:?}");
    assert_eq!(error.span.start, at, "{error:?}");
}

#[test]
fn precedence() {
    parses("a.b=1 and c.d=2 or e.f=3", "((a.b = 1 and c.d = 2) or e.f = 3)");
    parses("not a.b=1 and c.d=2", "(not a.b = 1 and c.d = 2)");
    parses("not not a.b=1", "a.b = 1");
    parses("not(a.b=1 or m)", "not (a.b = 1 or m)");
    parses("not (not m)", "not not m");
    parses("(a)and(b)or(c)", "((a and b) or c)");
    parses("a and (b and c)", "(a and (b and c))");
}

#[test]
fn values() {
    parses("a.b in (x, 'y z', \"q\\\"\")", "a.b in (x, \"y z\", \"q\\\"\")");
    parses("a.b in ()", "a.b in ()");
    parses("a.b in name", "a.b in name");
    parses("a.b existsand m", "(a.b exists and m)");
    parses("a.b = 1.2.3.4/8", "a.b = 1.2.3.4/8");
    parses("a.b = not", "a.b = not");
    parses("a.b[x/y] == z", "a.b[x/y] == z");
    parses("a.b>=0x1F", "a.b >= 0x1F");
    parses("a.b startswith \"/a\\x20b\"", "a.b startswith \"/a b\"");
    parses("a.b = \"\\xff\"", "a.b = \"\\xff\"");
}

#[test]
fn transformers_and_modifiers() {
    parses("tolower(a.b) = val(c.d[1])", "tolower(a.b) = val(c.d[1])");
    parses("a.b = oneof (x, y)", "a.b = oneof (x, y)");
    parses("a.b = oneof", "a.b = oneof");
    parses("join(\"-\", (a.b, 1, 'x y')) = z", "join(-,(a.b,1,\"x y\")) = z");
    assert_eq!(format!("{:#}", parse("join(\",\", (a.b, 1)) = z").unwrap()), "join(\",\",(a.b,1)) = z");
}

#[test]
fn errors_point_at_the_spot() {
    fails("", 0, "empty");
    fails("a.b = ", 6, "expected a value");
    fails("a.b containz x", 4, "operator");
    fails("a.b > x", 6, "expected a number");
    fails("(a.b = x", 0, "not closed");
    fails("a.b in (x y)", 10, "','");
    fails("a.b = x y", 8, "after 'x', expecting 'or', 'and'");
    fails("a.b = 'x", 6, "not closed");
    fails("a.b = \"\\q\"", 7, "escape");
    fails("a.b=1 andx", 6, "after 'and'");
    fails("tolower(a) = c", 8, "expected a field");
    assert_eq!(parse("a.b containz x").unwrap_err().hint.as_deref(), Some("did you mean `contains`?"));
}

#[test]
fn nesting_is_bounded() {
    assert!(parse(&format!("{}m{}", "(".repeat(100), ")".repeat(100))).is_ok());
    fails(&"(".repeat(100_000), 100, "exceeded max depth limit of 100");
    assert!(parse(&format!("{}m", "not ".repeat(100_001))).is_ok());
    let mut deep = "m".to_owned();
    for _ in 0..1000 {
        deep = format!("(a or b and {deep})");
    }
    assert!(super::super::parse(&deep, RULE_DEPTH_MAX).is_ok());
    fails(&format!("{}a.b", "tolower(".repeat(1000)), 807, "depth");
}

fn expr() -> impl Strategy<Value = String> {
    let value = prop_oneof!["[a-z/.*]{1,8}", "\"[a-z (),=]{0,8}\"", Just("'\\xff\\x00\\\\ '".to_owned())];
    let op = prop_oneof![Just("="), Just("!="), Just("=="), Just("contains"), Just("glob"), Just("= oneof ")];
    let field = prop_oneof![
        "[a-z]{2,4}\\.[a-z]{2,4}",
        "[a-z]{2,4}\\.[a-z]{2,4}\\[[a-z0-9/]{1,4}\\]",
        "tolower\\([a-z]{2,4}\\.[a-z]{2,4}\\)",
        "join\\('[,(a ]', \\([a-z]{2,4}\\.[a-z]{2,4}, 12\\)\\)",
    ];
    let leaf = prop_oneof![
        "m[a-z]{1,4}".prop_filter("not a word of the language", |name| !name.starts_with("not")),
        (field.clone(), op, value.clone()).prop_map(|(f, o, v)| if o.ends_with(' ') {
            format!("{f} {o}({v})")
        } else {
            format!("{f} {o} {v}")
        }),
        (field.clone(), prop::collection::vec(value, 0..4))
            .prop_map(|(f, v)| format!("{f} in ({})", v.join(","))),
        (field.clone(), field.clone()).prop_map(|(f, g)| {
            if g.contains('(') { format!("{f} = {g}") } else { format!("{f} in val({g})") }
        }),
        field.prop_map(|f| format!("{f} exists")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|p| format!("({})", p.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|p| format!("({})", p.join(" or "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

/// The tree without its places.
fn shape(expr: &Expr) -> String {
    let text = format!("{expr:?}");
    let mut out = String::new();
    for piece in text.split("span: ") {
        let digits = piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        out.push_str(if out.is_empty() { piece } else { digits });
    }
    out
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "(?s).{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_pieces_are_parsed_or_refused(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "(", ")", "and", "or", "not", " ", "a.b", "=", "in", "\"", "\\", "é", ",", "[", "]", "exists",
                "1", "tolower(", "val(", "oneof ", "x",
            ]),
            0..30,
        ),
    ) {
        let text = pieces.concat();
        match parse(&text) {
            Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}"),
            Ok(expr) => prop_assert_eq!(shape(&parse(&format!("{expr:#}")).unwrap()), shape(&expr)),
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same(text in expr()) {
        let expr = parse(&text).unwrap();
        prop_assert_eq!(shape(&parse(&format!("{expr:#}")).unwrap()), shape(&expr));
    }
}
