//! The contenders of `fast_path` and the smaller parts of a refresher's work under criterion, which keeps a history:
//! for comparing two states of this crate. Contenders are better compared by `fast_path`, where they take turns.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    missing_docs,
    reason = "a bench reads the clock, and stops at a fault; `criterion_group!` has no docs"
)]

#[path = "fast_path/contenders.rs"]
mod contenders;

use std::{hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use futures::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use tower::service_fn;
use tower_sinch_auth::{AccessKey, BoxError, ClientCredentials, IssuedToken, TokenRefresher, TokenSource};

const ANSWER: &str = r#"{"access_token":"abc","expires_in":3599,"scope":"","token_type":"bearer"}"#;

fn fresh_token(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a call with a fresh token");
    for mut contender in contenders::all() {
        group.bench_function(contender.name, |bencher| bencher.iter_custom(|calls| (contender.run)(calls)));
    }
}

fn refresher(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tokens =
        TokenRefresher::new(|| async { IssuedToken::bearer("abc", Some(Duration::from_secs(3600))) });
    runtime.block_on(tokens.token()).expect("a token");
    let mut group = criterion.benchmark_group("the refresher");
    group.bench_function("cached()", |bencher| bencher.iter(|| tokens.cached()));
    group.bench_function("token(), fresh", |bencher| bencher.iter(|| tokens.token().now_or_never()));
    group.bench_function("status()", |bencher| bencher.iter(|| tokens.status()));
    group.bench_function("clone()", |bencher| bencher.iter(|| black_box(tokens.clone())));
}

fn token_request(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let endpoint = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, BoxError>(Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes()))))
    });
    let key = AccessKey::new("key-id", "key-secret").expect("a key");
    let source = ClientCredentials::with_client(endpoint, key);
    criterion.bench_function("one token request, answered at once", |bencher| {
        bencher.iter(|| source.fetch().now_or_never().expect("an answer").expect("a token"));
    });
}

criterion_group!(benches, fresh_token, refresher, token_request);
criterion_main!(benches);
