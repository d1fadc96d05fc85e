//! How an entry of [`Audience::hosts`] is read.

use super::{allows_host, assert_allows, assert_refuses};
use crate::audience::Audience;

const NO_HOSTS: &[&str] = &[
    "",
    " ",
    ".",
    "..",
    "*",
    "*.",
    "**",
    "*.*",
    "*b.example.com",
    "a.*.example.com",
    "..example.com",
    "*..example.com",
    "a..example.com",
    "api.example.com..",
    "https://",
    "https:///v1",
    "*://api.example.com",
    "https:/api.example.com",
    "https:api.example.com",
    "https://https://api.example.com",
    "//api.example.com",
    "/v1",
    "api.example.com:",
    "api.example.com:https",
    "api.example.com:80:80",
    "https://api.example.com\\@example.org",
    "user@",
    "a b",
    "a.example.com, b.example.com",
    "a.example.com,b.example.com",
    "api.example.com\nexample.org",
    "b\u{fc}cher.example.com",
    "api.example.com\u{3002}",
    "%61pi.example.com",
    "[::1",
    "::1]",
    "[api.example.com]",
    "[127.0.0.1]",
    "[::1]x",
    "https://::1/",
    "[fe80::1%25eth0]",
    "::1::",
    "*.127.0.0.1",
    ".0.0.1",
];

/// That `entry` is read as `host`.
#[track_caller]
fn assert_reads(entry: &str, host: &str) {
    let audience = Audience::hosts([entry]);
    assert_allows(&audience, &[&format!("https://{host}/"), &format!("https://user@{host}:8443/v1")]);
    for field in [host.to_owned(), format!("{host}:8443")] {
        assert!(allows_host(&audience, "/", field.as_bytes()), "{entry:?} refuses the `Host` {field}");
    }
    assert_refuses(&audience, &["https://v1/", "https://https/", "https://user/", "https://example.com/"]);
}

#[test]
fn a_name_is_that_host_only() {
    let audience = Audience::hosts(["API.example.com."]);
    assert_allows(&audience, &["https://api.example.com/", "https://api.EXAMPLE.com.:444/"]);
    assert_refuses(
        &audience,
        &[
            "http://api.example.com/",
            "https://x.api.example.com/",
            "https://xapi.example.com/",
            "http://localhost/",
        ],
    );
}

#[test]
fn a_leading_dot_means_any_subdomain_but_not_the_apex() {
    for entry in [".example.org", "*.example.org", "https://*.EXAMPLE.org.:8443/v1", " .example.org "] {
        let audience = Audience::hosts([entry]);
        assert_allows(&audience, &["https://a.example.org/", "https://a.b.example.org/"]);
        assert!(allows_host(&audience, "/", b"a.example.org:8443"), "{entry}");
        assert_refuses(
            &audience,
            &[
                "https://example.org/",
                "https://.example.org/",
                "https://*.example.org/",
                "https://aexample.org/",
                "https://a..b.example.org/",
                "http://a.example.org/",
            ],
        );
    }
}

#[test]
fn scheme_userinfo_port_and_path_are_cut_off() {
    for entry in [
        "https://api.example.com",
        "http://api.example.com",
        "HTTPS://API.Example.com./",
        "grpc+tls://api.example.com",
        "://api.example.com",
        "https://api.example.com:8443/v1",
        "api.example.com:8443",
        "api.example.com/v1?a#b",
        "https://api.example.com?to=https://example.com/",
        "api.example.com/https://example.com/",
        "https://api.example.com#example.com",
        "https://user:secret@api.example.com:8443",
        "https://example.com@api.example.com",
    ] {
        assert_reads(entry, "api.example.com");
    }
}

#[test]
fn the_host_of_an_entry_is_normalized_as_that_of_a_request() {
    for (entry, host) in [
        (" api.example.com\t\n", "api.example.com"),
        ("api.example.com.:443", "api.example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("my_service:8080", "my_service"),
        ("10.0.0.1:8080", "10.0.0.1"),
        ("[2001:DB8::1]:8080", "[2001:db8::1]"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("https://[2001:db8::1]/", "[2001:db8::1]"),
    ] {
        assert_reads(entry, host);
    }
}

#[test]
fn loopback_is_allowed_over_any_scheme_if_it_is_listed() {
    for (entry, uri) in [
        ("127.0.0.1", "http://127.0.0.1:80/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1/"),
        ("::1", "http://[::1]/"),
        ("[::1]:8080", "http://[::1]/"),
        ("http://localhost:3000", "http://LocalHost.:8080/"),
    ] {
        let audience = Audience::hosts([entry]);
        assert_allows(&audience, &[uri]);
        assert_refuses(&audience, &["http://127.0.0.2/", "http://a.localhost/"]);
    }
}

#[test]
fn what_is_no_host_matches_nothing() {
    let uris = [
        "https://example.com/",
        "https://api.example.com/",
        "https://api.example.com./",
        "https://[api.example.com]/",
        "https://a..example.com/",
        "https://example.org/",
        "https://https/",
        "https://user/",
        "https://*/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "http://localhost/",
    ];
    for entry in NO_HOSTS {
        let audience = Audience::hosts([entry]);
        assert_refuses(&audience, &uris);
        assert_eq!(audience.invalid_entries().len(), 1, "{entry}");
    }
}

#[test]
fn an_empty_list_allows_no_host() {
    assert_refuses(&Audience::hosts::<[&str; 0]>([]), &["https://example.org/", "http://localhost/"]);
}

#[test]
fn an_entry_that_is_no_host_spoils_no_other() {
    let audience = Audience::hosts(["*", "https://api.example.com", "a b"]);
    assert_allows(&audience, &["https://api.example.com/"]);
    assert_eq!(audience.invalid_entries(), ["*", "a b"]);
}

#[test]
fn what_is_a_host_is_not_reported() {
    let audience = Audience::hosts(["https://api.example.com:8443/v1", "*.example.org", "::1"]);
    assert!(audience.invalid_entries().is_empty(), "{audience:?}");
    for audience in [Audience::any(), Audience::sinch_apis(), Audience::sms_service_plans()] {
        assert!(audience.invalid_entries().is_empty(), "{audience:?}");
    }
}

#[test]
fn a_password_in_an_entry_is_never_shown() {
    let audience = Audience::hosts(["https://user:secret@api.example.com", "user:p@secret@a b"]);
    assert_eq!(audience.invalid_entries(), ["***@a b"]);
    assert!(!format!("{audience:?}").contains("secret"), "{audience:?}");
}

#[test]
fn debug_shows_how_entries_were_read() {
    let audience = Audience::hosts(["https://API.example.com:8443/v1", "*.example.org"]);
    assert_eq!(format!("{audience:?}"), r#"Audience::hosts(["api.example.com", ".example.org"])"#);
    let audience = Audience::hosts(["a.b", "*"]);
    assert_eq!(format!("{audience:?}"), r#"Audience::hosts(["a.b"], invalid: ["*"])"#);
}
