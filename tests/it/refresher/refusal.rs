//! A 401 through the layer: it heals, and an API that always answers 401 costs few token requests.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::sleep;
use tokio_test::{assert_pending, task};
use tower_sinch_auth::{Replay, RequestAuth, TokenRefresher};

use super::{
    MINUTE, MS, SECOND, api::Api, api::Client, api::get, assert_generation, assert_within, pass, refresher,
    settle, warm,
};
use crate::support::{Answer, HOUR, ScriptedSource};

pub(super) const HOST: &str = "a.example";
/// How long forced refreshes back off at most.
pub(super) const MAX_BACK_OFF: Duration = MINUTE;

/// Makes a request to `host` a millisecond, `requests` times; returns how many were answered 401.
pub(super) async fn storm<R>(client: &Client<R>, host: &str, requests: u32) -> u32
where
    R: Replay<String, Body = String>,
{
    let mut unauthorized = 0;
    for _ in 0..requests {
        unauthorized += u32::from(get(client, host).await == 401);
        sleep(MS).await;
    }
    unauthorized
}

/// Checks that two revocations 30 s apart both heal, each after `lost` requests that were answered 401.
async fn assert_revocations_30_s_apart_heal<R>(client: &Client<R>, api: &Api, lost: u32)
where
    R: Replay<String, Body = String>,
{
    for _ in 0..2 {
        let tokens = client.refresher().unwrap();
        let generation = tokens.token().await.unwrap().generation();
        api.revoke_current(tokens);
        assert_within(storm(client, HOST, 1000).await, 0..=lost);
        assert_eq!(tokens.cached().unwrap().generation(), generation + 1);
        pass(29 * SECOND).await;
    }
}

pub(super) async fn fetched(source: &ScriptedSource) -> (TokenRefresher, Api) {
    let (tokens, _) = warm(source).await;
    (tokens, Api::default())
}

#[tokio::test(start_paused = true)]
async fn a_hundred_concurrent_401s_make_one_token_request() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    source.clone().delay(SECOND);
    api.latency(SECOND);
    api.revoke_current(&tokens);
    let client = api.retrying(&tokens);
    for status in join_all((0..100).map(|_| get(&client, HOST))).await {
        assert_eq!(status, 200);
    }
    assert_eq!((source.requests(), api.requests()), (2, 200));
    assert!(tokens.status().rejection_backoff.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_late_401_is_retried_with_the_newer_token_without_a_request() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.revoke_current(&tokens);
    api.latency(30 * SECOND);
    let mut late = task::spawn(get(&client, HOST));
    assert_pending!(late.poll());
    api.latency(Duration::ZERO);
    assert_eq!(get(&client, HOST).await, 200);
    assert_eq!(source.requests(), 2);
    assert_eq!(late.await, 200);
    assert_eq!((source.requests(), api.requests()), (2, 4));
}

#[tokio::test(start_paused = true)]
async fn a_401_during_an_early_refresh_joins_it() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    source.clone().delay(SECOND);
    super::jump_until_due(&tokens).await;
    api.revoke_current(&tokens);
    assert_eq!(get(&api.retrying(&tokens), HOST).await, 200);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_revocations_30_s_apart_both_heal() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    assert_revocations_30_s_apart_heal(&api.retrying(&tokens), &api, 0).await;
    assert_eq!(source.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn two_revocations_30_s_apart_both_heal_without_replay() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    assert_revocations_30_s_apart_heal(&api.not_retrying(&tokens), &api, 1).await;
    assert_eq!(source.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn two_revocations_a_second_apart_both_heal() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    for _ in 0..2 {
        api.revoke_current(&tokens);
        assert_eq!(storm(&client, HOST, 1000).await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_always_says_401_costs_few_requests_then_heals() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    assert_storm_costs_little_and_heals(&api.retrying(&tokens), &api, &source, 0).await;
}

#[tokio::test(start_paused = true)]
async fn without_replay_a_constant_401_costs_few_requests_then_heals() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    assert_storm_costs_little_and_heals(&api.not_retrying(&tokens), &api, &source, 1).await;
}

async fn assert_storm_costs_little_and_heals<R>(
    client: &Client<R>,
    api: &Api,
    source: &ScriptedSource,
    lost: u32,
) where
    R: Replay<String, Body = String>,
{
    api.refuse(HOST);
    assert_eq!(storm(client, HOST, 30_000).await, 30_000);
    // At 0, 1, 3, 7, 15 s, and the first.
    assert_within(source.requests(), 5..=8);
    assert_eq!(storm(client, HOST, 30_000).await, 30_000);
    assert_within(source.requests(), 6..=9);
    api.accept(HOST);
    assert_eq!(storm(client, HOST, 1000).await, 0);
    pass(MAX_BACK_OFF).await;
    assert_revocations_30_s_apart_heal(client, api, lost).await;
}

#[tokio::test(start_paused = true)]
async fn during_the_back_off_a_401_is_returned_and_not_retried() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.refuse(HOST);
    assert_eq!(get(&client, HOST).await, 401);
    let (requests, sent) = (source.requests(), api.requests());
    for _ in 0..10 {
        assert_eq!(get(&client, HOST).await, 401);
    }
    assert_eq!((source.requests(), api.requests()), (requests, sent + 10));
}

#[tokio::test(start_paused = true)]
async fn an_api_that_refuses_does_not_delay_the_others() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.refuse("broken.example");
    for _ in 0..5 {
        storm(&client, "broken.example", 12_000).await;
        assert_eq!(get(&client, "broken.example").await, 401);
        assert!(tokens.status().rejection_backoff.is_some());
        api.revoke_current(&tokens);
        assert_eq!(get(&client, HOST).await, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn without_replay_an_api_that_refuses_does_not_delay_the_others() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.not_retrying(&tokens);
    api.refuse("broken.example");
    for _ in 0..5 {
        storm(&client, "broken.example", 12_000).await;
        api.revoke_current(&tokens);
        assert_eq!(get(&client, HOST).await, 401);
        settle().await;
        assert_eq!(get(&client, HOST).await, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn without_replay_a_401_gets_the_next_request_a_new_token() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.not_retrying(&tokens);
    api.revoke_current(&tokens);
    assert_eq!(get(&client, HOST).await, 401);
    settle().await;
    assert_eq!(get(&client, HOST).await, 200);
    assert_eq!((source.requests(), api.requests()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn without_retry_a_401_gets_the_next_request_a_new_token() {
    use tower::ServiceExt;

    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.revoke_current(&tokens);
    let mut request = Api::request(HOST);
    request.extensions_mut().insert(RequestAuth::without_retry());
    assert_eq!(client.clone().oneshot(request).await.unwrap().status(), 401);
    settle().await;
    assert_eq!(get(&client, HOST).await, 200);
    assert_eq!((source.requests(), api.requests()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_401_is_not_retried_if_the_identical_token_comes_back() {
    let source =
        ScriptedSource::new().then(Answer::Token("same", Some(HOUR))).then(Answer::Token("same", Some(HOUR)));
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.revoke_current(&tokens);
    assert_eq!(storm(&client, HOST, 10_000).await, 10_000);
    assert_eq!((source.requests(), api.requests()), (2, 10_000));
    assert_generation(&tokens.token().await, 1);
}

#[tokio::test(start_paused = true)]
async fn layers_and_manual_refreshes_share_what_a_401_brought() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    let (one, other) = (Api::default(), Api::default());
    assert_eq!(get(&one.retrying(&tokens), HOST).await, 200);
    let first = tokens.cached().unwrap();
    one.revoke(&first);
    other.revoke(&first);
    assert_eq!(get(&one.retrying(&tokens), HOST).await, 200);
    assert_eq!(get(&other.not_retrying(&tokens), "b.example").await, 200);
    assert_generation(&tokens.refresh(&first).await, 2);
    assert_eq!(source.requests(), 2);
}
