//! Templates and what Go 1.26 makes of them with the same event; then what is refused, limits, and
//! any text at all.

use cadge_proto::Alert;
use cadge_proto::json::FieldKind;
use proptest::prelude::*;

use super::{OUTPUT_BYTES_MAX, Template};

/// Each line was printed by Go's own `text/template`.
const AS_GO: &[(&str, &str)] = &[
    ("plain", "plain"),
    ("{{ .Rule }}", "Terminal shell in container"),
    (
        "{{.Rule}} on {{.Hostname}}: {{.Priority}} {{.Source}}",
        "Terminal shell in container on node-1: Warning syscall",
    ),
    ("{{ .Time }}", "2024-06-12 13:46:40.1234567 +0000 UTC"),
    ("{{ .Time.Unix }} {{ .Priority.String }}", "1718200000 Warning"),
    ("{{ .Tags }} {{ len .Tags }}", "[container shell] 2"),
    (
        "{{ .OutputFields }}",
        r#"map[container.id:3f9d fd.connected:true html:<a href='x'>&"</a> k8s.ns.name:default name:n proc.tty:34816 user.name:<nil>]"#,
    ),
    (r#"{{ index .OutputFields "k8s.ns.name" }}"#, "default"),
    (r#"{{ index .OutputFields "no.such" }}"#, "<no value>"),
    (r#"{{ index .OutputFields "user.name" }}"#, "<no value>"),
    ("{{ .OutputFields.name }} {{ .OutputFields.k8s.ns.name }}", "n <no value>"),
    (r#"{{ or (index .OutputFields "no.such") "bar" }}"#, "bar"),
    (r#"{{ and .Rule .Hostname }} {{ and "" .Rule }}|{{ or "" 0 }}"#, "node-1 |0"),
    (r#"{{ not .Rule }} {{ not (index .OutputFields "fd.connected") }}"#, "false false"),
    (r#"{{ if eq .Rule "Terminal shell in container" }}yes{{ else }}no{{ end }}"#, "yes"),
    (r#"{{ if eq .Rule "a" }}1{{ else if eq .Source "syscall" "x" }}2{{ else }}3{{ end }}"#, "2"),
    (
        r#"{{ eq .Source "x" "syscall" }} {{ ne .Source "x" }} {{ lt 1 2 }} {{ ge .Priority 4 }} {{ gt .Priority 4 }} {{ le 2.5 2.5 }}"#,
        "true true true true false true",
    ),
    (
        r#"{{ eq (index .OutputFields "no.such") "x" }} {{ ne (index .OutputFields "no.such") nil }}"#,
        "false false",
    ),
    (r#"{{ eq (index .OutputFields "proc.tty") "34816" }}"#, "true"),
    (
        r#"{{ with index .OutputFields "k8s.ns.name" }}ns {{ . }} of {{ $.Rule }}{{ end }}"#,
        "ns default of Terminal shell in container",
    ),
    (r#"{{ with index .OutputFields "no.such" }}x{{ else }}none{{ end }}"#, "none"),
    (r#"{{ with "" }}x{{ else with .Source }}{{ . }}{{ end }}"#, "syscall"),
    ("{{ range .Tags }}<{{ . }}>{{ end }}", "<container><shell>"),
    ("{{ range $i, $t := .Tags }}{{ if $i }}, {{ end }}{{ $t }}{{ end }}", "container, shell"),
    (
        "{{ range $k, $v := .OutputFields }}{{ $k }}={{ $v }};{{ end }}",
        r#"container.id=3f9d;fd.connected=true;html=<a href='x'>&"</a>;k8s.ns.name=default;name=n;proc.tty=34816;user.name=<no value>;"#,
    ),
    ("{{ range slice .Tags 2 }}x{{ else }}empty{{ end }}", "empty"),
    ("{{ range $i := 3 }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $i }}{{ end }}", "02"),
    ("{{ range .Tags }}{{ . }}{{ break }}{{ end }}", "container"),
    (r#"{{ $x := .Rule }}{{ $x | printf "%s!" }}"#, "Terminal shell in container!"),
    ("{{ $x := 1 }}{{ range .Tags }}{{ $x = . }}{{ end }}{{ $x }}", "shell"),
    (r#"a  {{- " b " -}}  c"#, "a b c"),
    ("a {{- /* comment */ -}} b{{/* other */}}c", "abc"),
    (r#"{{ printf "%5d|%-5d|%05d|%x|%+d" 42 42 -42 255 7 }}"#, "   42|42   |-0042|ff|+7"),
    (
        r#"{{ printf "%q %v %s" .Rule .Tags .Priority }}"#,
        r#""Terminal shell in container" [container shell] Warning"#,
    ),
    (r#"{{ printf "%.3s|%8.3f|%g|%e" .Rule 3.14159 1e21 1234.5 }}"#, "Ter|   3.142|1e+21|1.234500e+03"),
    (r#"{{ printf "%d %s" "a" 1 }}"#, "%!d(string=a) %!s(int=1)"),
    (
        r#"{{ printf "%s" }} {{ printf "x" 1 "a" }} {{ printf "%t %v" true nil }}"#,
        "%!s(MISSING) x%!(EXTRA int=1, string=a) true <nil>",
    ),
    (r#"{{ printf "%s" (index .OutputFields "no.such") }}"#, "%!s(<nil>)"),
    (
        r#"{{ printf "%6s|%-6s|%%" "ab" "ab" }} {{ printf "%c %U %T" 65 65 "a" }}"#,
        "    ab|ab    |% A U+0041 string",
    ),
    (r#"{{ printf "%*d|%x|%d" 5 42 "hi" .Priority }}"#, "   42|6869|4"),
    (r#"{{ print 1 2 "a" 3 true }} {{ print "a" "b" 1 2 }}"#, "1 2a3 true ab1 2"),
    (r#"{{ println "a" 1 }}"#, "a 1\n"),
    (
        r#"{{ html (index .OutputFields "html") }} {{ index .OutputFields "html" | js }} {{ urlquery "a b/ü&=~" }}"#,
        r#"&lt;a href=&#39;x&#39;&gt;&amp;&#34;&lt;/a&gt; \u003Ca href\u003D\'x\'\u003E\u0026\"\u003C/a\u003E a+b%2F%C3%BC%26%3D~"#,
    ),
    (r#"{{ html (index .OutputFields "no.such") }}"#, "&lt;no value&gt;"),
    (
        r#"{{ len .Rule }} {{ slice .Rule 0 8 }} {{ slice .Rule 9 }} {{ index .Tags 1 }} {{ index "abc" 1 }}"#,
        "27 Terminal shell in container shell 98",
    ),
    (
        r#"{{ `raw "x" \n` }} {{ "esc\t\"\x41\u00fc\101" }} {{ 'a' }} {{ '\n' }}"#,
        r#"raw "x" \n esc	"AüA 97 10"#,
    ),
    (
        "{{ 10 }} {{ -3 }} {{ 0x1F }} {{ 0b101 }} {{ 017 }} {{ 1_000 }} {{ 1.50 }} {{ 1e3 }} {{ 1e21 }} {{ 0.00001 }}",
        "10 -3 31 5 15 1000 1.5 1000 1e+21 1e-05",
    ),
    (
        r#"{{ true }} {{ (index .Tags 0) | printf "%s-%s" "x" }} {{ (.Time).Unix }}"#,
        "true x-container 1718200000",
    ),
    ("{{ .OutputFields | len }} {{ $.Source }} {{ print nil }}", "7 syscall <nil>"),
    (r#"{{ "a" | html | printf "%q" }}"#, r#""a""#),
    ("{{ if and .Tags (gt (len .Tags) 1) }}many{{ end }}", "many"),
    (
        "{{ if not .Hostname }}a{{ else }}b{{ end }}{{ if 0 }}x{{ end }}{{ if 0.0 }}x{{ end }}{{ if .Time }}t{{ end }}",
        "bt",
    ),
    ("{{ .UUID | len }}", "36"),
];

fn kinds(name: &str) -> FieldKind {
    match name {
        "proc.tty" => FieldKind::Number,
        "fd.connected" => FieldKind::Bool,
        _ => FieldKind::Text,
    }
}

fn alert() -> Alert {
    let fields = [
        ("container.id", "3f9d"),
        ("k8s.ns.name", "default"),
        ("proc.tty", "34816"),
        ("fd.connected", "true"),
        ("user.name", "<NA>"),
        ("html", "<a href='x'>&\"</a>"),
        ("name", "n"),
    ];
    Alert {
        time: Some(prost_types::Timestamp { seconds: 1_718_200_000, nanos: 123_456_700 }),
        priority: 4,
        rule: "Terminal shell in container".into(),
        output: "out".into(),
        hostname: "node-1".into(),
        source: "syscall".into(),
        tags: vec!["container".into(), "shell".into()],
        output_fields: fields.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect(),
        ..Alert::default()
    }
}

fn filled(text: &str) -> Result<String, String> {
    let template = Template::new(text).map_err(|error| error.to_string())?;
    template.try_render(&alert(), kinds).map_err(|error| error.to_string())
}

#[test]
fn prints_what_go_prints() {
    for (text, expected) in AS_GO {
        assert_eq!(filled(text).as_deref(), Ok(*expected), "{text}");
    }
}

#[test]
fn the_dot_of_a_templated_field_is_the_fields() {
    let template = Template::new(r#"{{ or (index . "k8s.ns.labels.foo") "bar" }} {{ .name }}"#).unwrap();
    assert_eq!(template.render_fields(&alert(), kinds), "bar n");
}

#[test]
fn a_priority_is_also_its_name() {
    assert_eq!(
        filled(r#"{{ eq .Priority "Warning" }} {{ eq "Error" .Priority }}"#).as_deref(),
        Ok("true false")
    );
}

#[test]
fn refuses_at_the_place() {
    let refused = [
        ("a {{ .Rule", 3, "the action has no `}}`"),
        ("{{ foo .Rule }}", 4, "unknown function `foo`"),
        ("{{ $x }}", 4, "the variable `$x` is not defined"),
        ("{{ if .Rule }}a", 4, "`if` has no `end`"),
        ("a{{ end }}", 5, "`end` without"),
        ("{{ else }}", 4, "`else` without"),
        ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", 24, "a second `else`"),
        ("{{ break }}", 4, "`break` outside `range`"),
        ("{{ define \"a\" }}{{ end }}", 4, "`define` is not supported"),
        ("{{ }}", 4, "a value is missing"),
        ("{{ .Rule | }}", 12, "a value is missing"),
        ("{{ .Rule \"x\" }}", 10, "only a function takes arguments"),
        ("{{ .Rule | \"x\" }}", 12, "only a function takes the value"),
        ("{{ \"a\"\"b\" }}", 7, "a space is expected"),
        ("{{ (.Rule }}", 4, "the parenthesis is not closed"),
        ("{{ index }}", 4, "`index` takes 1 or more arguments and got 0"),
        ("{{ eq .Rule }}", 4, "`eq` takes 2 or more"),
        ("{{ print len .Rule }}", 10, "write `(len …)`"),
        ("{{ \"abc }}", 4, "the string has no end"),
        ("{{ \"\\q\" }}", 7, "no escape"),
        ("{{ 99999999999999999999 }}", 4, "is no number"),
        ("{{ ! }}", 4, "`!` has no meaning"),
        ("{{/* a", 1, "the comment has no `*/`"),
        ("{{ range $a, $b, $c := .Tags }}{{ end }}", 16, "too many variables"),
        ("{{ nil }}", 4, "`nil` is no command"),
    ];
    for (text, column, problem) in refused {
        let error = Template::new(text).expect_err(text);
        assert!(error.problem.contains(problem), "{text}: {error}");
        assert_eq!((error.line, error.column), (1, column), "{text}: {error}");
    }
}

#[test]
fn an_error_shows_the_line() {
    let error = Template::new("one\nzwölf {{ .Rule | fo }}").unwrap_err().to_string();
    let (first, shown) = error.split_once('\n').unwrap();
    assert!(first.starts_with("line 2, column 18: unknown function `fo`; there are: and, eq,"), "{error}");
    assert_eq!(shown, "  zwölf {{ .Rule | fo }}\n                   ^");
}

#[test]
fn text_ends_where_something_cannot_be_evaluated() {
    let template = Template::new("a {{ .Rule }} {{ .NoSuch }} b").unwrap();
    assert_eq!(template.render(&alert(), kinds), "a Terminal shell in container ");
    let error = template.try_render(&alert(), kinds).unwrap_err();
    assert_eq!((error.line, error.column), (1, 18));
    assert!(error.problem.starts_with("an alert has no part `.NoSuch`; there are: UUID, Rule,"), "{error}");
    for text in
        ["{{ lt 1 .Rule }}", "{{ index .Tags 2 }}", "{{ slice .Rule 5 2 }}", "{{ range .Rule }}{{ end }}"]
    {
        assert!(filled(text).is_err(), "{text}");
    }
}

#[test]
fn depth_output_and_steps_are_bounded() {
    let deep = "{{ if 1 }}".repeat(1000);
    assert!(Template::new(&deep).unwrap_err().problem.contains("deeper than"));
    assert!(
        Template::new(&format!("{{{{ {} }}}}", "(".repeat(10_000)))
            .unwrap_err()
            .problem
            .contains("deeper than")
    );
    assert!(Template::new(&"x".repeat(100_000)).unwrap_err().problem.contains("at most"));
    assert!(filled("{{ range 1000000000 }}{{ end }}").unwrap_err().contains("steps"));
    assert!(filled("{{ range 100 }}{{ range 1000 }}{{ end }}{{ end }}").unwrap_err().contains("steps"));
    let doubled = format!("{{{{ $x := \"ab\" }}}}{}", "{{ $x = print $x $x }}".repeat(100));
    assert!(filled(&doubled).unwrap_err().contains("a text longer than"));
    let long = Template::new("{{ range 9000 }}{{ $.Rule }}{{ end }}").unwrap();
    let out = long.render(&alert(), kinds);
    assert_eq!(out.len(), OUTPUT_BYTES_MAX);
}

/// Pieces from which text is made that is more often a template than any characters are.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "{{",
        "}}",
        "{{- ",
        " -}}",
        " ",
        "if ",
        "else ",
        "end",
        "range ",
        "with ",
        "break",
        "$x",
        ":=",
        "=",
        ",",
        "|",
        "(",
        ")",
        ".",
        ".Rule",
        ".Tags",
        ".OutputFields",
        ".Time",
        ".Priority",
        "index ",
        "print ",
        "printf ",
        "slice ",
        "len ",
        "eq ",
        "html ",
        "\"%5.2f%*d%q\" ",
        "\"ü\" ",
        "`r`",
        "-1 ",
        "3 ",
        "1e9 ",
        "'c' ",
        "true ",
        "nil ",
        "/*",
        "*/",
        "ü",
        "\n",
        "\\",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

/// Whole actions, put together at random.
fn actions() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        ".",
        ".Rule",
        ".Priority",
        ".Time",
        ".Tags",
        ".OutputFields",
        "$",
        "$x",
        "-1",
        "0",
        "7",
        "2.5",
        "\"ü%s%d%c%U\"",
        "nil",
        "true",
        "(index .OutputFields \"a\")",
    ]);
    let name = prop::sample::select(vec![
        "and", "eq", "ge", "html", "index", "js", "len", "lt", "ne", "not", "or", "print", "printf",
        "println", "slice", "urlquery",
    ]);
    let call = (name, prop::collection::vec(value, 1..4))
        .prop_map(|(name, values)| format!("{name} {}", values.join(" ")));
    let piece = (call, 0..5u8).prop_map(|(call, shape)| match shape {
        0 => format!("{{{{ if {call} }}}}a{{{{ end }}}}"),
        1 => format!("{{{{ range {call} }}}}{{{{ . }}}}{{{{ end }}}}"),
        2 => format!("{{{{ with {call} }}}}{{{{ .Rule }}}}{{{{ end }}}}"),
        3 => format!("{{{{ $x = {call} }}}}"),
        _ => format!("{{{{ {call} | printf \"%v\" }}}}"),
    });
    prop::collection::vec(piece, 1..6).prop_map(|pieces| format!("{{{{ $x := 1 }}}}{}", pieces.concat()))
}

fn any_alert() -> impl Strategy<Value = Alert> {
    let fields = prop::collection::hash_map(".*", ".*", 0..5);
    (any::<(i64, i32, i32, String, u64)>(), fields, prop::collection::vec(".*", 0..3)).prop_map(
        |((seconds, nanos, priority, rule, sequence), output_fields, tags)| Alert {
            time: Some(prost_types::Timestamp { seconds, nanos }),
            priority,
            rule,
            sequence,
            output_fields,
            tags,
            ..Alert::default()
        },
    )
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![".*", pieces()], alert in any_alert()) {
        match Template::new(&text) {
            Ok(template) => {
                prop_assert!(template.render(&alert, kinds).len() <= OUTPUT_BYTES_MAX);
                template.render_fields(&alert, kinds);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_action_is_filled_in_or_ends_the_text(text in actions(), alert in any_alert()) {
        if let Ok(template) = Template::new(&text) {
            prop_assert!(template.render(&alert, kinds).len() <= OUTPUT_BYTES_MAX);
        }
    }
}
