//! How an entry of [`Audience::hosts`] is read.

use super::{assert_allows, assert_refuses};
use crate::audience::Audience;

#[test]
fn listed_hosts_are_exact_and_a_leading_dot_means_any_subdomain_but_not_the_apex() {
    let audience = Audience::hosts(["API.example.com.", ".example.org", "127.0.0.1", "::1"]);
    assert_allows(
        &audience,
        &[
            "https://api.example.com/",
            "https://api.EXAMPLE.com.:444/",
            "https://a.example.org/",
            "https://a.b.example.org/",
            "http://127.0.0.1:80/",
            "http://[::1]/",
        ],
    );
    assert_refuses(
        &audience,
        &[
            "http://api.example.com/",
            "https://x.api.example.com/",
            "https://xapi.example.com/",
            "https://example.org/",
            "https://.example.org/",
            "https://aexample.org/",
            "http://a.example.org/",
            "http://localhost/",
        ],
    );
}

#[test]
fn an_empty_list_allows_no_host() {
    assert_refuses(&Audience::hosts::<[&str; 0]>([]), &["https://example.org/", "http://localhost/"]);
    assert_refuses(&Audience::hosts([""]), &["https://example.org/", "http://localhost/"]);
    assert_refuses(&Audience::hosts(["..", "."]), &["https://example.org./", "https://example.org/"]);
}
