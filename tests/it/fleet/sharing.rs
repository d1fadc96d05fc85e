//! Who asks the issuer, and who does not.

use std::{future::ready, time::Duration};

use futures::future::join_all;
use tokio::time::{advance, sleep};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{
    SinchAuthLayer, TokenOrigin, TokenRefresher, TokenSource, TokenState, testing::MemoryStore,
};

use super::{Issuer, header, headers, now, tokens};
use crate::support::api::{API, MockApi, get, settle};

#[tokio::test(start_paused = true)]
async fn a_common_start_makes_one_token_request() {
    let (issuer, store) = (Issuer::new().delay(Duration::from_millis(300)), MemoryStore::new());
    let began = now();
    let headers = headers(&issuer.processes(50, &store)).await;
    assert!(headers.iter().all(|header| header == "Bearer token-1"), "{headers:?}");
    assert_eq!(issuer.requests(), 1);
    assert!(began.elapsed() <= Duration::from_millis(450), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_starts_later_takes_the_token_that_is_there() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let first = issuer.process(&store);
    first.token().await.unwrap();
    advance(Duration::from_secs(60)).await;
    let second = issuer.process(&store);
    second.token().await.unwrap();
    let (first, second) = (first.status(), second.status());
    assert_eq!((first.token_requests, first.origin), (1, Some(TokenOrigin::Issuer)));
    assert_eq!((second.token_requests, second.origin), (0, Some(TokenOrigin::Store)));
    assert_eq!(issuer.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_rejection_anywhere_heals_all() {
    let (issuer, store) = (Issuer::new().delay(Duration::from_millis(300)), MemoryStore::new());
    let processes = issuer.processes(20, &store);
    headers(&processes).await;
    let stack = |process: &TokenRefresher| {
        SinchAuthLayer::new(process.clone()).layer(MockApi::rejecting(&["token-1"])).oneshot(get(API))
    };
    for answer in join_all(processes.iter().map(stack)).await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    assert_eq!(issuer.requests(), 2);
    for process in &processes {
        assert_eq!(header(&process.cached().unwrap()), "Bearer token-2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_heals_all_however_fast_all_of_it_is() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let processes = issuer.processes(5, &store);
    headers(&processes).await;
    for process in &processes {
        let rejected = process.cached().unwrap();
        assert_eq!(header(&process.refresh(&rejected).await.unwrap()), "Bearer token-2");
    }
    assert_eq!(issuer.requests(), 2);
}

/// So it is after an outage of the store, and after a failover that lost what was written last.
#[tokio::test(start_paused = true)]
async fn a_token_that_was_issued_before_the_rejected_one_is_not_taken() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let processes = issuer.processes(5, &store);
    headers(&processes).await;
    advance(Duration::from_secs(60)).await;
    let revoke = async || {
        let rejected: Vec<_> = processes.iter().map(|process| process.cached().unwrap()).collect();
        let refreshes = processes.iter().zip(&rejected).map(|(process, rejected)| process.refresh(rejected));
        let mut headers: Vec<_> =
            join_all(refreshes).await.into_iter().map(|token| header(&token.unwrap())).collect();
        headers.dedup();
        headers
    };
    store.refuse(true);
    assert_eq!(revoke().await.len(), 5, "each asks for itself");
    store.refuse(false);
    advance(Duration::from_secs(60)).await;
    assert_eq!(revoke().await, ["Bearer token-7"]);
    assert_eq!(issuer.requests(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_is_due_makes_one_token_request_and_no_call_waits() {
    let (issuer, store) = (Issuer::new().delay(Duration::from_millis(300)), MemoryStore::new());
    let processes = issuer.processes(20, &store);
    headers(&processes).await;
    advance(Duration::from_secs(2_500)).await;
    let before = now();
    assert!(headers(&processes).await.iter().all(|header| header == "Bearer token-1"));
    assert_eq!(before.elapsed(), Duration::ZERO);
    sleep(Duration::from_secs(5)).await;
    assert!(headers(&processes).await.iter().all(|header| header == "Bearer token-2"));
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_costs_no_operation_of_the_store_and_nothing_runs_without_calls() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let process = issuer.process(&store);
    process.token().await.unwrap();
    let operations = store.operations();
    for _ in 0..1_000 {
        process.token().await.unwrap();
    }
    sleep(Duration::from_secs(100_000)).await;
    assert_eq!(store.operations(), operations);
    assert_eq!(process.status().state, TokenState::Expired);
}

#[tokio::test(start_paused = true)]
async fn a_start_takes_few_operations_of_the_store() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    issuer.process(&store).token().await.unwrap();
    assert_eq!(store.operations(), 5, "look, take, look again, publish, release");
    issuer.process(&store).token().await.unwrap();
    assert_eq!(store.operations(), 6, "look");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_wraps_the_credentials_shares_as_they_do() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let credentials = || issuer.credentials().shared_in(store.clone());
    let wrapped = || {
        let credentials = credentials();
        TokenRefresher::new(move || {
            let credentials = credentials.clone();
            async move { credentials.fetch().await }
        })
    };
    let (one, two) = (wrapped(), wrapped());
    let rejected = one.token().await.unwrap();
    two.token().await.unwrap();
    assert_eq!((one.status().token_requests, two.status().token_requests), (1, 0));
    // It knows which token is rejected, though nobody tells it.
    assert_eq!(header(&one.refresh(&rejected).await.unwrap()), "Bearer token-2");
    let rejected = two.cached().unwrap();
    assert_eq!(header(&two.refresh(&rejected).await.unwrap()), "Bearer token-2");
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_renews_a_token_by_hand_does_not_get_it_from_the_store() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let current = issuer.process(&store).token().await.unwrap();
    let by_hand = issuer.credentials().shared_in(store.clone());
    let renewed = by_hand.renew(&current).await.unwrap();
    let renewed = TokenRefresher::new(move || ready(Ok(renewed.clone()))).token().await.unwrap();
    assert_eq!((header(&current).as_str(), header(&renewed).as_str()), ("Bearer token-1", "Bearer token-2"));
    assert_eq!(issuer.requests(), 2);
    // What is there now is another one: nobody is asked.
    let renewed = issuer.credentials().shared_in(store.clone()).renew(&current).await.unwrap();
    let renewed = TokenRefresher::new(move || ready(Ok(renewed.clone()))).token().await.unwrap();
    assert_eq!((header(&renewed).as_str(), issuer.requests()), ("Bearer token-2", 2));
}

#[tokio::test(start_paused = true)]
async fn clones_of_the_credentials_are_one_process() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let credentials = issuer.credentials().shared_in(store.clone());
    let processes = [TokenRefresher::new(credentials.clone()), TokenRefresher::new(credentials)];
    headers(&processes).await;
    assert_eq!(issuer.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_key_or_secret_is_another_fleet() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let keys = [("key-id", "key-secret"), ("key-id", "other"), ("other", "key-secret")];
    let processes = keys.map(|(key_id, key_secret)| {
        TokenRefresher::new(issuer.credentials_of(key_id, key_secret).shared_in(store.clone()))
    });
    let mut headers = headers(&processes).await;
    headers.sort();
    assert_eq!(headers, ["Bearer token-1", "Bearer token-2", "Bearer token-3"]);
}

#[tokio::test(start_paused = true)]
async fn to_forget_leaves_the_store_alone() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let process = issuer.process(&store);
    process.token().await.unwrap();
    let operations = store.operations();
    process.forget();
    settle().await;
    assert_eq!(store.operations(), operations);
    assert_eq!(header(&process.token().await.unwrap()), "Bearer token-1");
    assert_eq!(issuer.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_dies_is_replaced_when_its_lease_is_over() {
    let (issuer, store) = (Issuer::new().delay(Duration::from_millis(300)), MemoryStore::new());
    let holder = issuer.process(&store);
    let call = tokio::spawn({
        let holder = holder.clone();
        async move { holder.token().await }
    });
    sleep(Duration::from_millis(100)).await;
    call.abort();
    let _ = call.await;
    drop(holder);
    let began = now();
    let headers = headers(&issuer.processes(20, &store)).await;
    assert!(headers.iter().all(|header| header == &headers[0]));
    assert_eq!(issuer.requests(), 2);
    let took = began.elapsed();
    assert!(took <= Duration::from_millis(5_000 + 300 + 1_500), "{took:?}");
    assert!(took >= Duration::from_millis(4_900), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_takes_longer_than_the_lease_is_made_twice_at_most() {
    let (issuer, store) = (Issuer::new().delay(Duration::from_secs(7)), MemoryStore::new());
    let headers = headers(&issuer.processes(20, &store)).await;
    assert!(headers.iter().all(|header| header == "Bearer token-1"), "{headers:?}");
    assert!(issuer.requests() <= 2, "{}", issuer.requests());
}

#[tokio::test(start_paused = true)]
async fn what_a_late_holder_brings_does_not_replace_what_is_there() {
    let (issuer, store) = (Issuer::new().delay(Duration::from_secs(7)), MemoryStore::new());
    let (first, second) = (issuer.process(&store), issuer.process(&store));
    let [one, two] = tokens(&[first, second]).await.try_into().unwrap();
    assert_eq!(header(&one.unwrap()), header(&two.unwrap()));
    settle().await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(header(&issuer.process(&store).token().await.unwrap()), "Bearer token-1");
}
