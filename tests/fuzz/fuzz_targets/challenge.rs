//! `WWW-Authenticate` of a `401`: whether the request is sent again, and never more often than that.
//!
//! Each line of the input is a field, up to an empty line; the rest is the body. An input that begins with `\0` is what
//! well-formed challenges are made of instead. What is by the grammar must be understood by it.

#![no_main]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a fuzz target fails by panicking")]

use std::cell::RefCell;

use arbitrary::Unstructured;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header::WWW_AUTHENTICATE};
use http_body_util::Full;
use libfuzzer_sys::{Corpus, fuzz_target};
use tower::{Layer, Service};
use tower_sinch_auth::SinchAuthLayer;
use tower_sinch_auth_fuzz::{
    api::{Api, tokens},
    block_on,
    challenge::{names_another_reason, written},
};

thread_local! {
    static LAYER: RefCell<Option<SinchAuthLayer>> = const { RefCell::new(None) };
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let (fields, body, known) = match input.split_first() {
        Some((0, seed)) => {
            let Ok((field, found)) = written(&mut Unstructured::new(seed)) else {
                return Corpus::Reject;
            };
            (vec![field], &[][..], Some(found))
        }
        _ => {
            let (fields, body) = split(input);
            (fields, body, None)
        }
    };
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    let mut headers = HeaderMap::new();
    for field in &fields {
        let Ok(field) = HeaderValue::from_bytes(field) else {
            return Corpus::Reject;
        };
        headers.append(WWW_AUTHENTICATE, field);
    }
    let expected = names_another_reason(&fields);
    if let (Some(_), Some(_)) = (known, expected) {
        assert_eq!(known, expected, "the oracle is wrong");
    }
    let sent = sent(&headers, body);
    if let Some(another_reason) = expected {
        assert_eq!(sent, if another_reason { 1 } else { 2 }, "{headers:?}");
    }
    Corpus::Keep
});

/// The fields, without the white space around them, and the body.
fn split(input: &[u8]) -> (Vec<Vec<u8>>, &[u8]) {
    let mut fields = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        rest = tail.get(1..).unwrap_or_default();
        if line.is_empty() {
            break;
        }
        fields.push(line.trim_ascii().to_vec());
    }
    (fields, rest)
}

/// How often a request is sent that is answered like this the first time: once or twice.
fn sent(headers: &HeaderMap, body: &[u8]) -> u32 {
    let headers = headers.clone();
    // The length decides whether the second answer is a 401, too.
    let again = body.len() % 2 == 1;
    let body = Bytes::copy_from_slice(body);
    let api = Api::new(move |number| {
        let mut response = Response::new(Full::new(body.clone()));
        if number == 1 || again {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            response.headers_mut().clone_from(&headers);
        }
        response
    });
    let layer = LAYER.take().unwrap_or_else(|| SinchAuthLayer::new(tokens()));
    block_on(async {
        layer.refresher().expect("its own").token().await.expect("a token");
        let mut service = layer.layer(api.clone());
        let request =
            Request::get("https://numbers.api.sinch.com/v1").body(Full::<Bytes>::default()).unwrap();
        let answer = service.call(request).await.unwrap();
        assert_eq!(answer.status() == StatusCode::UNAUTHORIZED, api.sent() == 1 || again);
        assert!(matches!(api.sent(), 1 | 2), "sent {} times", api.sent());
        if answer.status() == StatusCode::OK {
            // A retry that helped leaves nothing behind, once what it took from the budget has come back.
            tokio::time::sleep(std::time::Duration::from_secs(10)).await;
            LAYER.set(Some(layer));
        }
    });
    api.sent()
}
