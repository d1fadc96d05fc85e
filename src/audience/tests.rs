use http::{HeaderMap, HeaderValue, Uri, header::HOST};

use super::{Audience, is_loopback, is_sinch_issuer};

fn allows(audience: &Audience, uri: &str) -> bool {
    audience.check(&uri.parse::<Uri>().unwrap(), &HeaderMap::new()).is_ok()
}

fn allows_host(audience: &Audience, uri: &str, host: &[u8]) -> bool {
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_bytes(host).unwrap())]);
    audience.check(&uri.parse::<Uri>().unwrap(), &headers).is_ok()
}

#[track_caller]
fn assert_allows(audience: &Audience, uris: &[&str]) {
    for uri in uris {
        assert!(allows(audience, uri), "{uri} is outside {audience:?}");
    }
}

#[track_caller]
fn assert_refuses(audience: &Audience, uris: &[&str]) {
    for uri in uris {
        assert!(!allows(audience, uri), "{uri} is inside {audience:?}");
    }
}

const LOOPBACK: &[&str] = &[
    "http://localhost/",
    "http://LocalHost.:8080/",
    "http://127.0.0.1:1/",
    "https://127.9.8.7/",
    "http://[::1]:8080/",
    "http://[::ffff:127.0.0.1]/",
];

#[test]
fn sinch_apis_are_the_suffix_less_what_takes_another_credential() {
    let audience = Audience::sinch_apis();
    assert_allows(
        &audience,
        &[
            "https://numbers.api.sinch.com/v1/projects/p/availableRegions",
            "https://imported.numbers.api.sinch.com/",
            "https://us10dlc.numbers.api.sinch.com/",
            "https://eu.conversation.api.sinch.com/",
            "https://elastic-trunking.api.sinch.com/",
            "https://use1.fax.api.sinch.com/",
            "https://voice.api.sinch.com/",
            "https://zt.us.sms.api.sinch.com/",
            "https://ZT.EU.SMS.API.SINCH.COM./",
            "https://account.api.sinch.com/",
            "https://a-new-product.api.sinch.com:8443/",
            "HTTPS://Numbers.API.Sinch.com/",
            "https://user:password@numbers.api.sinch.com/",
        ],
    );
    assert_refuses(
        &audience,
        &[
            "https://verification.api.sinch.com/",
            "https://calling.api.sinch.com/",
            "https://calling-use1.api.sinch.com/",
            "https://Calling-euc1.api.sinch.com/",
            "https://callingapi.sinch.com/",
            "https://us.sms.api.sinch.com/",
            "https://sms.api.sinch.com/",
            "https://xzt.us.sms.api.sinch.com/",
            "https://api.sinch.com/",
            "https://.api.sinch.com/",
            "https://customer.pstn.sinch.com/",
            "https://sinch.com/",
            "https://api.sinch.com.example.org/",
            "https://numbers.api.sinch.com.example.org/",
            "https://numbers-api.sinch.com/",
            "https://xn--numbers-api-sinch-com/",
            "https://numbers.api.xn--snch-0pa.com/",
            "https://numbers.api.sinch.com@example.org/",
            "https://numbers.api.sinch.com..evil.org/",
            "http://numbers.api.sinch.com/",
            "ftp://numbers.api.sinch.com/",
            "numbers.api.sinch.com:443",
            "http://127.0.0.1.example.org/",
            "http://localhost.example.org/",
            "http://10.0.0.1/",
            "http://[::2]/",
            "http://[::1.]/",
            "http://0x7f.1/",
            "https://example.org:1.api.sinch.com/",
            "https://user@example.org:1.api.sinch.com/",
        ],
    );
}

#[test]
fn loopback_is_inside_the_audiences_of_sinch_over_any_scheme() {
    assert_allows(&Audience::sinch_apis(), LOOPBACK);
    assert_allows(&Audience::sms_service_plans(), LOOPBACK);
    assert_allows(&Audience::any(), LOOPBACK);
}

#[test]
fn sms_service_plans_are_the_regions_of_sms_without_zt() {
    let audience = Audience::sms_service_plans();
    assert_allows(
        &audience,
        &["https://us.sms.api.sinch.com/xms/v1/p/batches", "https://CA.sms.api.sinch.com."],
    );
    assert_refuses(
        &audience,
        &[
            "https://zt.us.sms.api.sinch.com/",
            "https://zt.sms.api.sinch.com/",
            "https://sms.api.sinch.com/",
            "https://numbers.api.sinch.com/",
            "http://us.sms.api.sinch.com/",
        ],
    );
}

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

#[test]
fn a_request_without_authority_is_inside_unless_its_host_header_is_not() {
    let audience = Audience::sinch_apis();
    assert_allows(&audience, &["/v1/projects", "*"]);
    assert!(allows_host(&audience, "/v1", b"numbers.api.sinch.com:443"));
    assert!(!allows_host(&audience, "/v1", b"example.org"));
    assert!(!allows_host(&audience, "*", b"verification.api.sinch.com"));
}

#[test]
fn a_host_header_must_name_an_allowed_host_beside_an_authority_too() {
    let audience = Audience::sinch_apis();
    let uri = "https://numbers.api.sinch.com/";
    assert!(allows_host(&audience, uri, b"Numbers.api.sinch.com."));
    assert!(!allows_host(&audience, uri, b"example.org"));
    assert!(!allows_host(&audience, uri, b""));
    assert!(!allows_host(&audience, uri, b"numbers.api.sinch.com, example.org"));
    assert!(!allows_host(&audience, uri, b"num\xc3\xa9ros.api.sinch.com"));
}

#[test]
fn every_host_header_is_looked_at() {
    let mut headers = HeaderMap::new();
    headers.append(HOST, HeaderValue::from_static("numbers.api.sinch.com"));
    headers.append(HOST, HeaderValue::from_static("example.org"));
    assert!(Audience::sinch_apis().check(&Uri::from_static("/"), &headers).is_err());
}

#[test]
fn any_looks_at_nothing() {
    assert_allows(&Audience::any(), &["http://example.org/", "*", "/", "example.org:443"]);
    assert!(allows_host(&Audience::any(), "/", b"\xff"));
}

#[test]
fn a_refusal_names_the_host_and_what_to_do() {
    let refusal = |uri| Audience::sinch_apis().check(&Uri::from_static(uri), &HeaderMap::new()).unwrap_err();
    let foreign = refusal("https://Example.org./");
    assert_eq!(foreign.host(), Some("Example.org"));
    assert!(foreign.to_string().contains("SinchAuthLayer::audience"), "{foreign}");
    let clear = refusal("http://numbers.api.sinch.com/");
    assert_eq!(clear.host(), Some("numbers.api.sinch.com"));
    assert!(clear.to_string().contains("use https"), "{clear}");
}

#[test]
fn the_issuer_of_sinch_is_auth_and_what_is_below_it() {
    for host in ["auth.sinch.com", "AUTH.Sinch.com.", "us.auth.sinch.com"] {
        assert!(is_sinch_issuer(host), "{host}");
    }
    for host in ["xauth.sinch.com", "auth.sinch.com.example.org", "sinch.com", ".auth.sinch.com"] {
        assert!(!is_sinch_issuer(host), "{host}");
    }
    assert!(!is_loopback("127.1"));
}
