//! URIs and `Host` headers against every kind of audience: sent only where the table of hosts says so.
//!
//! The input's first line is the URI, the second the listed hosts with spaces between, each other a `Host` field. Each
//! entry of the list is read in three ways, and the host that any of them reads is asked for.

#![no_main]
#![expect(clippy::expect_used, reason = "a fuzz target fails by panicking")]

use std::net::Ipv6Addr;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header::HOST, uri::Authority};
use http_body_util::Full;
use libfuzzer_sys::{Corpus, fuzz_target};
use tower::{Layer, Service};
use tower_sinch_auth::{Audience, AudienceError, OutsideAudience, SinchAuthLayer, TokenRefresher};
use tower_sinch_auth_fuzz::{
    api::{Api, tokens},
    block_on,
    host::{Destination, Rule, entry, entry_by_url, host},
};

thread_local! {
    static TOKENS: TokenRefresher = tokens();
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let mut lines = input.split(|byte| *byte == b'\n');
    let text = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let Ok(uri) = text.parse::<Uri>() else {
        return Corpus::Reject;
    };
    let listed = lines.next().map(String::from_utf8_lossy).unwrap_or_default();
    let listed: Vec<String> = listed.split(' ').filter(|host| !host.is_empty()).map(str::to_owned).collect();
    let mut request = Request::new(Full::<Bytes>::default());
    *request.uri_mut() = uri;
    for line in lines {
        let Ok(field) = HeaderValue::from_bytes(line) else {
            return Corpus::Reject;
        };
        request.headers_mut().append(HOST, field);
    }
    for (audience, rule) in [
        (Audience::sinch_apis(), Rule::SinchApis),
        (Audience::sms_service_plans(), Rule::SmsServicePlans),
        (Audience::application_apis(), Rule::ApplicationApis),
        (Audience::hosts(&listed), Rule::Listed(&listed)),
    ] {
        check(&request, text, audience, rule);
    }
    for entry in &listed {
        check_entry(entry);
    }
    Corpus::Keep
});

/// The crate reads `entry` as the naive do, who read it as the `url` crate does, if that reads it at all.
fn check_entry(text: &str) {
    let (naive, by_url) = (entry(text), entry_by_url(text));
    if let (Some(naive), Some(by_url)) = (&naive, &by_url) {
        // An address has more than one spelling, and `url` tells only one.
        let agrees = naive == by_url.host() || by_url.is_address();
        assert!(agrees, "{text:?} is {naive:?}, by another opinion {by_url:?}");
    }
    let listed = [text.to_owned()];
    let hosts = [naive.as_deref(), by_url.as_ref().map(Destination::host), Some(text)];
    for host in hosts.into_iter().flatten() {
        let bracketed = host.parse::<Ipv6Addr>().map(|_| format!("[{host}]"));
        let host = bracketed.as_deref().unwrap_or(host);
        for text in
            [format!("https://{host}/"), format!("https://x{host}/"), format!("https://x.{host}:8443/")]
        {
            let Ok(uri) = text.parse::<Uri>() else {
                continue;
            };
            let mut request = Request::new(Full::<Bytes>::default());
            *request.uri_mut() = uri;
            check(&request, &text, Audience::hosts(&listed), Rule::Listed(&listed));
        }
    }
}

fn check(request: &Request<Full<Bytes>>, text: &str, audience: Audience, rule: Rule<'_>) {
    let is_sent = is_sent(request, audience);
    let uri = request.uri();
    let to = match (uri.scheme(), uri.authority()) {
        (_, None) => None,
        (None, Some(_)) => Some(Destination::of_authority(text)),
        (Some(_), Some(_)) => Some(Destination::of(text).expect("an absolute URI names its host")),
    };
    let hosts = request.headers().get_all(HOST).iter();
    let hosts_are_inside = hosts.map(HeaderValue::as_bytes).all(|field| {
        // What is no authority is outside.
        Authority::try_from(field).is_ok()
            && std::str::from_utf8(field).is_ok_and(|field| rule.allows_host(&host(field)))
    });
    let expected = to.as_ref().is_none_or(|to| rule.allows(to)) && hosts_are_inside;
    assert_eq!(is_sent, expected, "{request:?} {rule:?} {to:?}");
    if let (true, Some(_), Some(other)) = (is_sent, to, Destination::by_url(text)) {
        // Who lists an address lists one spelling of it.
        let agrees = rule.allows(&other) || (matches!(rule, Rule::Listed(_)) && other.is_address());
        assert!(agrees, "{request:?} {rule:?}: by another opinion it goes to {other:?}");
    }
}

fn is_sent(request: &Request<Full<Bytes>>, audience: Audience) -> bool {
    let api = Api::new(|_| Response::new(Full::default()));
    let tokens = TOKENS.with(Clone::clone);
    let layer = SinchAuthLayer::new(tokens).audience(audience).outside_audience(OutsideAudience::Refuse);
    let result = block_on(async {
        layer.refresher().expect("its own").token().await.expect("a token");
        layer.layer(api.clone()).call(request.clone()).await
    });
    assert_eq!(result.is_ok(), api.sent() == 1);
    if let Err(error) = result {
        let error = error.downcast::<AudienceError>().expect("a refusal");
        assert!(!error.to_string().is_empty());
    }
    api.sent() == 1
}
