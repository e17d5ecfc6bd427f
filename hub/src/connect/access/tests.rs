//! Patterns, domains and users, and what is wrong with a configuration of them.

use super::*;

fn config(yaml: &str) -> Config {
    serde_json::from_str(yaml).unwrap()
}

fn access(json: &str) -> Access {
    Access::new(&config(json)).unwrap()
}

/// A certificate with these names, and the caller that it is.
fn caller(access: &Access, uris: &[&str], dns: &[&str], cn: Option<&str>) -> Peer {
    let mut params =
        rcgen::CertificateParams::new(dns.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
    for &uri in uris {
        params.subject_alt_names.push(rcgen::SanType::URI(uri.try_into().unwrap()));
    }
    params.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(name) = cn {
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    access.by_certificate(params.self_signed(&key).unwrap().der())
}

#[test]
fn a_spiffe_id_says_the_role_in_the_trust_domain_only() {
    let access = access("{}");
    for (uri, expected) in [
        ("spiffe://cadge/sensor/web-1", Some((Role::Sensor, "web-1"))),
        ("spiffe://cadge/consumer/a/b", Some((Role::Consumer, "a/b"))),
        ("spiffe://cadge/admin/ops", Some((Role::Admin, "ops"))),
        ("spiffe://other/sensor/web-1", None),
        ("spiffe://cadge/root/x", None),
        ("spiffe://cadge/sensor/", None),
        ("spiffe://cadge", None),
        ("http://cadge/sensor/x", None),
    ] {
        let peer = caller(&access, &[uri], &[], None);
        assert_eq!(peer.role.map(|role| (role, peer.name.as_str())), expected, "{uri}");
    }
    let other = self::access(r#"{"grpc": {"trust_domain": "example.org"}}"#);
    assert_eq!(caller(&other, &["spiffe://cadge/admin/x"], &[], None).role, None);
    assert_eq!(caller(&other, &["spiffe://example.org/admin/x"], &[], None).role, Some(Role::Admin));
}

#[test]
fn by_http_nobody_is_limited_unless_the_configuration_says_so() {
    let http = |json: &str| Access::for_http(&config(json)).unwrap();
    let limits = |requests_per_second, connections_max| Limits {
        requests_per_second,
        connections_max,
        calls_max: usize::MAX,
        bytes_max: usize::MAX,
    };
    let open = http(r#"{"grpc": {"requests_per_second": 7, "client_connections_max": 8}}"#);
    assert_eq!(open.by_token(Role::Sensor, "a").limits, limits(0, usize::MAX));
    let sensor = ["spiffe://cadge/sensor/a"];
    assert_eq!(caller(&open, &sensor, &[], None).limits, limits(0, usize::MAX));
    let bounded = http(
        r#"{"webserver": {"requests_per_second": 5, "client_connections_max": 6},
            "identities": [{"spiffe": "spiffe://cadge/sensor/*", "role": "sensor", "requests_per_second": 9}]}"#,
    );
    assert_eq!(bounded.by_token(Role::Sensor, "a").limits, limits(5, 6));
    let by_certificate = caller(&bounded, &sensor, &[], None);
    assert_eq!(by_certificate.limits, limits(9, 6));
    // Not the same client, though it has the same name.
    assert_ne!(by_certificate.owner(), bounded.by_token(Role::Sensor, &by_certificate.name).owner());
}

#[test]
fn the_first_pattern_that_fits_counts_before_the_spiffe_id() {
    let access = access(
        r#"{"identities": [
            {"dns": "*.team-a.example", "cn": "exporter", "role": "admin", "name": "both"},
            {"dns": "*.TEAM-A.example", "role": "consumer", "name": "team-a", "filter": "k8s.ns.name = a",
             "requests_per_second": 7, "connections_max": 3},
            {"cn": "falco-*", "role": "consumer"},
            {"spiffe": "spiffe://k8s/ns/*/sa/falco", "role": "sensor"},
            {"spiffe": "spiffe://other/sensor/*", "role": "sensor"},
            {"pattern": "spiffe://cadge/admin/demoted", "role": "consumer"}]}"#,
    );
    let team = caller(&access, &[], &["X.Team-A.example"], None);
    assert_eq!((team.role, team.name.as_str()), (Some(Role::Consumer), "team-a"));
    assert!(team.allowed.is_some());
    assert_eq!((team.limits.requests_per_second, team.limits.connections_max), (7, 3));
    assert_eq!(team.cursor(""), "consumer/name:team-a");
    let both = caller(&access, &[], &["x.team-a.example"], Some("exporter"));
    assert_eq!((both.role, both.name.as_str()), (Some(Role::Admin), "both"));
    for (uri, cn, expected) in [
        (None, Some("falco-client-1"), Some((Role::Consumer, "falco-client-1"))),
        (None, Some("other"), None),
        (Some("spiffe://k8s/ns/x/sa/falco"), None, Some((Role::Sensor, "spiffe://k8s/ns/x/sa/falco"))),
        (Some("spiffe://other/sensor/web-1"), None, Some((Role::Sensor, "web-1"))),
        (Some("spiffe://cadge/admin/demoted"), None, Some((Role::Consumer, "spiffe://cadge/admin/demoted"))),
        (Some("spiffe://cadge/admin/other"), None, Some((Role::Admin, "other"))),
    ] {
        let peer = caller(&access, uri.as_slice(), &[], cn);
        assert_eq!(peer.role.map(|role| (role, peer.name.as_str())), expected, "{uri:?} {cn:?}");
    }
}

#[test]
fn a_name_that_could_forge_a_line_is_nobodys() {
    let access = access(r#"{"identities": [{"cn": "*", "role": "consumer"}]}"#);
    assert_eq!(caller(&access, &[], &[], Some("a\nb")).role, None);
    assert_eq!(caller(&access, &[], &[], Some(&"x".repeat(300))).role, None);
    assert_eq!(caller(&access, &[], &[], Some("x")).role, Some(Role::Consumer));
}

#[test]
fn users_fit_by_uid_gid_or_both() {
    let access = access(
        r#"{"unix": [
            {"uid": 4000, "gid": 50, "role": "admin", "name": "both"},
            {"gid": 50, "role": "consumer", "name": "group", "filter": "k8s.ns.name = a"},
            {"uid": 4000, "role": "sensor", "name": "user"}]}"#,
    );
    for (uid, gid, expected) in [
        (4000, 50, Some(Role::Admin)),
        (4001, 50, Some(Role::Consumer)),
        (4000, 51, Some(Role::Sensor)),
        (4001, 51, None),
        (0, 51, Some(Role::Admin)),
    ] {
        assert_eq!(access.by_user(uid, gid).role, expected, "{uid} {gid}");
    }
    // The group's members share a cursor; root's is nobody else's.
    assert_eq!(access.by_user(4001, 50).cursor(""), access.by_user(4002, 50).cursor(""));
    assert_eq!(access.by_user(0, 51).cursor(""), "consumer/admin:uid:0");
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (json, expected) in [
        (r#"{"identities": [{"role": "consumer"}]}"#, "identities[0] says nothing to compare"),
        (r#"{"unix": [{"role": "consumer", "name": "x"}]}"#, "unix[0] names no user"),
        (
            r#"{"identities": [{"cn": "a", "role": "admin", "filter": "alert.rule = x"}]}"#,
            "identities[0].filter: the role admin",
        ),
        (
            r#"{"unix": [{"uid": 1, "name": "x", "role": "consumer", "filter": "alert.rul = x"}]}"#,
            "unix[0].filter: ",
        ),
        (
            r#"{"identities": [{"cn": "a", "name": "t", "role": "consumer", "filter": "k8s.ns.name = a"},
                {"cn": "b", "name": "t", "role": "consumer"}]}"#,
            "identities[0] and identities[1] share the name `t`",
        ),
    ] {
        let error = Access::new(&config(json)).unwrap_err();
        assert!(error.is_configuration() && error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn patterns() {
    for (pattern, name, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("falco-*", "falco-1", true),
        ("*.example", "a.example", true),
        ("a*b*c", "a-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("*", "", true),
    ] {
        assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
    }
}
