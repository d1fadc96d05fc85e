//! What a retry says of the new token, and how long forced refreshes back off after one that was useless.

use std::{collections::HashMap, time::Duration};

use futures::future::join_all;
use tokio::time::{sleep, timeout};
use tower_sinch_auth::CloneBody;

use super::{
    MINUTE, MS, SECOND,
    api::{Client, answering, get, send},
    assert_rejection_backoff, jump, jump_until_due, pass,
    refusal::{HOST, MAX_BACK_OFF, fetched, storm},
    settle,
};
use crate::support::{HOUR, ScriptedSource};

/// When a streak of useless refreshes is forgotten.
const FADES_AFTER: Duration = Duration::from_secs(10 * 60);

#[tokio::test(start_paused = true)]
async fn useless_verdicts_back_off_1_s_doubling_to_60_s() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.refuse(HOST);
    for step in [1, 2, 4, 8, 16, 32, 60, 60] {
        let requests = source.requests();
        assert_eq!(get(&client, HOST).await, 401);
        assert_eq!(source.requests(), requests + 1);
        let backoff = assert_rejection_backoff(&tokens, step * SECOND);
        jump(backoff).await;
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_useless_retries_of_a_generation_count_once() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    api.refuse(HOST);
    // All are sent before the first is answered, with either token.
    api.latency(SECOND);
    let client = api.retrying(&tokens);
    for status in join_all((0..100).map(|_| get(&client, HOST))).await {
        assert_eq!(status, 401);
    }
    assert_eq!((source.requests(), api.requests()), (2, 200));
    assert_rejection_backoff(&tokens, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_helped_resets_the_back_off() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.refuse(HOST);
    storm(&client, HOST, 20_000).await;
    api.accept(HOST);
    pass(MAX_BACK_OFF).await;
    api.revoke_current(&tokens);
    assert_eq!(get(&client, HOST).await, 200);
    api.refuse(HOST);
    assert_eq!(get(&client, HOST).await, 401);
    assert_rejection_backoff(&tokens, SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_no_back_off_while_no_question_is_open() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.refuse(HOST);
    assert_eq!(get(&client, HOST).await, 401);
    let backoff = assert_rejection_backoff(&tokens, SECOND);
    // Another API asks for the next generation, and has accepted it before this one does.
    api.revoke_current(&tokens);
    assert_eq!(get(&client, "b.example").await, 200);
    assert_eq!(source.requests(), 3);
    api.accept(HOST);
    assert_eq!(get(&client, HOST).await, 200);
    assert_eq!(tokens.status().rejection_backoff, Some(backoff));
}

/// Makes requests to the host that refuses until forced refreshes back off for more than `backoff`.
async fn refuse_until_backoff_of(backoff: Duration, client: &Client<CloneBody>) {
    let refused = async {
        while client.refresher().unwrap().status().rejection_backoff <= Some(backoff) {
            assert_eq!(get(client, HOST).await, 401);
            sleep(100 * MS).await;
        }
    };
    timeout(HOUR, refused).await.expect("the back-off grows");
}

#[tokio::test(start_paused = true)]
async fn useless_verdicts_do_not_stop_a_refresh_that_is_due() {
    let source = ScriptedSource::new().lifetime(MINUTE);
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.refuse(HOST);
    // The next refresh is due before this is over.
    refuse_until_backoff_of(30 * SECOND, &client).await;
    let generation = tokens.status().generation;
    jump_until_due(&tokens).await;
    assert_eq!(get(&client, HOST).await, 401);
    settle().await;
    let status = tokens.status();
    assert!(status.rejection_backoff.is_some());
    assert_eq!(status.generation, generation + 1);
}

#[tokio::test(start_paused = true)]
async fn useless_verdicts_do_not_stop_the_fetch_of_an_expired_token() {
    let source = ScriptedSource::new().lifetime(10 * SECOND);
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    api.refuse(HOST);
    refuse_until_backoff_of(10 * SECOND, &client).await;
    pass(9 * SECOND).await;
    assert!(tokens.cached().is_none() && tokens.status().rejection_backoff.is_some());
    assert!(tokens.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_answered_503_or_429_ends_no_streak() {
    for inconclusive in [503, 429] {
        let source = ScriptedSource::new();
        let (tokens, _) = fetched(&source).await;
        let client = answering(&tokens, [401, 401, 401, 401, 401, inconclusive, 401, 401]);
        for step in [1, 2] {
            assert_eq!(send(&client).await, 401);
            let backoff = assert_rejection_backoff(&tokens, step * SECOND);
            jump(backoff).await;
        }
        assert_eq!(send(&client).await, inconclusive);
        assert_eq!(tokens.status().rejection_backoff, None);
        assert_eq!(send(&client).await, 401);
        assert_rejection_backoff(&tokens, 4 * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_refreshers_do_not_ask_again_in_the_same_instant() {
    let mut by_50_ms: HashMap<u128, u32> = HashMap::new();
    for _ in 0..200 {
        let (tokens, api) = fetched(&ScriptedSource::new()).await;
        api.refuse(HOST);
        assert_eq!(get(&api.retrying(&tokens), HOST).await, 401);
        let backoff = assert_rejection_backoff(&tokens, SECOND);
        *by_50_ms.entry(backoff.as_millis() / 50).or_default() += 1;
    }
    assert!(by_50_ms.len() >= 8, "spread over half a second");
    assert!(by_50_ms.values().all(|refreshers| *refreshers < 50), "{by_50_ms:?}");
}

/// A call a second to a host that refuses, for five minutes; then none for `silence`, and one more.
async fn refuse_then_stay_silent<R>(client: &Client<R>, silence: Duration)
where
    R: tower_sinch_auth::Replay<String, Body = String>,
{
    for _ in 0..300 {
        assert_eq!(get(client, HOST).await, 401);
        pass(SECOND).await;
    }
    pass(silence).await;
    assert_eq!(get(client, HOST).await, 401);
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_streak_starts_anew_ten_minutes_after_its_last_count() {
    for (silence, step) in [(FADES_AFTER, SECOND), (FADES_AFTER / 2, MINUTE)] {
        let (tokens, api) = fetched(&ScriptedSource::new()).await;
        api.refuse(HOST);
        refuse_then_stay_silent(&api.retrying(&tokens), silence).await;
        assert_rejection_backoff(&tokens, step);
    }
}

#[tokio::test(start_paused = true)]
async fn a_streak_starts_anew_without_replay_too() {
    for (silence, step) in [(FADES_AFTER, SECOND), (FADES_AFTER / 2, MINUTE)] {
        let (tokens, api) = fetched(&ScriptedSource::new()).await;
        api.refuse(HOST);
        let client = api.not_retrying(&tokens);
        // The last call asks for a token, of which the next one says that it is useless.
        refuse_then_stay_silent(&client, silence).await;
        assert_eq!(get(&client, HOST).await, 401);
        assert_rejection_backoff(&tokens, step);
    }
}

#[tokio::test(start_paused = true)]
async fn without_replay_a_token_that_is_accepted_ends_the_streak() {
    let (tokens, api) = fetched(&ScriptedSource::new()).await;
    let client = api.not_retrying(&tokens);
    let count_useless = async |step| {
        api.refuse(HOST);
        for _ in 0..2 {
            assert_eq!(get(&client, HOST).await, 401);
            settle().await;
        }
        let backoff = assert_rejection_backoff(&tokens, step);
        jump(backoff).await;
        api.accept(HOST);
    };
    for step in [1, 2, 4] {
        count_useless(step * SECOND).await;
    }
    api.revoke_current(&tokens);
    for status in [401, 200] {
        assert_eq!(get(&client, HOST).await, status);
        settle().await;
    }
    count_useless(SECOND).await;
}
