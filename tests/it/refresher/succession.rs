//! When a token takes the place of one that is still good: a little after it came, because its issuer may be ahead of its
//! APIs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use tokio::time::sleep;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{BoxError, IssuedToken, NoReplay, SinchAuthLayer, TokenRefresher, TokenState};

use super::{MS, SECOND, SUCCESSION, Stopwatch, assert_generation, jump, jump_until_due, pass, settle, warm};
use crate::support::ScriptedSource;

const NS: Duration = Duration::from_nanos(1);

/// Renews the token of `tokens`, and checks that the new one is used after `delay` and not before.
async fn assert_used_after(delay: Duration, tokens: &TokenRefresher) {
    assert_generation(&tokens.token().await, 1);
    settle().await;
    let status = tokens.status();
    assert_eq!((status.generation, status.state), (2, TokenState::Fresh), "the status describes the newest");
    jump(delay - NS).await;
    assert_generation(&tokens.token().await, 1);
    assert_eq!(tokens.cached().unwrap().generation(), 1);
    jump(NS).await;
    assert_eq!(tokens.cached().unwrap().generation(), 2);
    assert_generation(&tokens.token().await, 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_used_2_s_after_it_came() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    jump_until_due(&tokens).await;
    assert_used_after(SUCCESSION, &tokens).await;
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_used_after_a_quarter_of_what_the_old_one_has_left() {
    let source = ScriptedSource::new().lifetime(6 * SECOND);
    let (tokens, _) = warm(&source).await;
    jump_until_due(&tokens).await;
    let margin = 600 * MS;
    let left = tokens.status().expires_in.unwrap() - margin;
    assert_used_after(left / 4, &tokens).await;
}

#[tokio::test(start_paused = true)]
async fn a_rejection_puts_it_to_use_at_once() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    jump_until_due(&tokens).await;
    assert_generation(&tokens.token().await, 1);
    settle().await;
    assert_eq!(tokens.cached().unwrap().generation(), 1);
    assert_generation(&tokens.refresh(&first).await, 2);
    assert_eq!(tokens.cached().unwrap().generation(), 2);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_used_at_once_when_the_old_one_is_not_good_any_more() {
    let source = ScriptedSource::new();
    let tokens = super::clocks::builder(&source).build();
    assert_generation(&tokens.token().await, 1);
    jump_until_due(&tokens).await;
    assert_generation(&tokens.token().await, 1);
    settle().await;
    super::clocks::suspend(tokens.cached().unwrap().expires_in().unwrap());
    assert_generation(&tokens.token().await, 2);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_api_300_ms_behind_its_issuer_sees_no_token_too_new() {
    let issued: Arc<Mutex<HashMap<String, Stopwatch>>> = Arc::default();
    let known = Arc::clone(&issued);
    let source = move || {
        let mut issued = issued.lock().unwrap();
        let token = format!("token-{}", issued.len());
        issued.insert(format!("Bearer {token}"), Stopwatch::start());
        async { IssuedToken::bearer(token, Some(20 * SECOND)) }
    };
    let api = tower::service_fn(move |request: Request<String>| {
        let known = known.lock().unwrap();
        let age = known[request.headers()[AUTHORIZATION].to_str().unwrap()].elapsed();
        let mut response = Response::new(String::new());
        if age < 300 * MS {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
        }
        async { Ok::<_, BoxError>(response) }
    });
    let tokens = TokenRefresher::builder(source).wall_clock(|| SystemTime::UNIX_EPOCH).build();
    assert!(tokens.token().await.is_ok());
    pass(300 * MS).await;
    let client = SinchAuthLayer::new(tokens.clone()).replay(NoReplay).layer(api);
    let mut rejected = 0;
    for _ in 0..12_000 {
        let response = client.clone().oneshot(Request::new(String::new())).await.unwrap();
        rejected += u32::from(response.status() == 401);
        sleep(50 * MS).await;
    }
    assert_eq!(rejected, 0);
    assert!(tokens.status().generation > 40, "it was renewed many times");
}
