//! What a signature costs: over a bare MD5 and HMAC-SHA256 of the same bytes, in the same run. All take turns; medians
//! of all rounds.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench reads the clock, and stops at a fault"
)]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use md5::{Digest, Md5};
use sha2::Sha256;
use tower::{Layer, Service};
use tower_sinch_auth::{ApplicationKey, SignedRequestLayer};

/// Many short rounds: in a long one other work takes the processor, and falls to whoever has his turn.
const ROUNDS: usize = 2_001;
const CALLS: u32 = 50;
/// The length of the bodies.
const KIB: usize = 1024;
const PATH: &str = "/verification/v1/verifications";
const TIMESTAMP: &str = "2023-11-22T09:10:11.999Z";
/// Of 16 bytes, as Sinch's are.
const SECRET: &[u8; 16] = b"sixteen of bytes";
const KEY: &str = "669E367E-6BBA-48AB-AF15-266871C28135";

type Run = Box<dyn FnMut()>;

/// Answers at once.
#[derive(Clone)]
struct Bare;

// === impl Bare ===

impl Service<Request<Full<Bytes>>> for Bare {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(())))
    }
}

/// The two hashes alone: the one of the body, the other of as many bytes as a string to sign has.
fn hashes(body: &[u8], string_to_sign: &[u8]) -> ([u8; 16], [u8; 32]) {
    let md5 = Md5::digest(black_box(body));
    let mut mac = Hmac::<Sha256>::new_from_slice(black_box(SECRET)).expect("a key of any length");
    mac.update(black_box(string_to_sign));
    (md5.into(), mac.finalize().into_bytes().into())
}

fn request(body: &Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from(body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() =
        http::Uri::from_static("https://verification.api.sinch.com/verification/v1/verifications");
    let headers = request.headers_mut();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("user-agent", HeaderValue::from_static("bench"));
    request
}

fn call(mut service: impl Service<Request<Full<Bytes>>> + 'static, body: Bytes) -> Run {
    Box::new(move || {
        let _ = service.poll_ready(&mut Context::from_waker(futures::task::noop_waker_ref()));
        black_box(service.call(request(&body)).now_or_never().is_some());
    })
}

fn main() {
    let body = Bytes::from(vec![b'x'; KIB]);
    let json = HeaderValue::from_static("application/json");
    let string_to_sign =
        format!("POST\n{}\napplication/json\nx-timestamp:{TIMESTAMP}\n{PATH}", "A".repeat(24)).into_bytes();
    let key = ApplicationKey::new(KEY, BASE64_STANDARD.encode(SECRET)).expect("a key");
    let layer = SignedRequestLayer::new(key.clone());
    let (hashed, signed) = (body.clone(), body.clone());
    // Each with what it is compared with.
    let mut contenders: [(&str, usize, Run); 4] = [
        ("MD5 + HMAC-SHA256", 0, Box::new(move || _ = black_box(hashes(&hashed, &string_to_sign)))),
        (
            "ApplicationKey::sign",
            0,
            Box::new(move || {
                drop(black_box(key.sign(&Method::POST, black_box(PATH), Some(&json), TIMESTAMP, &signed)));
            }),
        ),
        ("the bare call", 2, call(Bare, body.clone())),
        ("SignedRequest", 2, call(layer.layer(Bare), body)),
    ];
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for ((.., run), times) in contenders.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..CALLS {
                run();
            }
            times.push(start.elapsed() / CALLS);
        }
    }
    report(&mut contenders, times.map(median));
}

fn report(contenders: &mut [(&str, usize, Run); 4], times: [Duration; 4]) {
    let allocations = contenders.each_mut().map(|(.., run)| allocation_counter::measure(run).count_total);
    let [hashes, ..] = times;
    println!(
        "{:24} {:>8} {:>10} {:>12} {:>12}",
        "a body of 1 KiB", "ns", "over base", "/ hashes", "allocations"
    );
    for ((name, base, _), (time, count)) in contenders.iter().zip(times.iter().zip(&allocations)) {
        let is_call = *base > 0;
        let over =
            if is_call { time.saturating_sub(times.get(*base).copied().unwrap_or_default()) } else { *time };
        let count =
            if is_call { count - allocations.get(*base).copied().unwrap_or_default() } else { *count };
        let ratio = over.as_secs_f64() / hashes.as_secs_f64();
        println!("{name:24} {:>8} {:>10} {ratio:>12.2} {count:>12}", time.as_nanos(), over.as_nanos());
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}
