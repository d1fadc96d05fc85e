//! How old a token is that another process asked for.

use std::time::{Duration, SystemTime};

use tokio::time::{advance, sleep};
use tower_sinch_auth::{IssuedToken, TokenRefresher, TokenState, testing::MemoryStore};

use super::{Issuer, header};

#[tokio::test(start_paused = true)]
async fn a_shared_token_is_as_old_as_it_is_for_who_asked_for_it() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let first = issuer.process(&store);
    first.token().await.unwrap();
    advance(Duration::from_secs(1_000)).await;
    let second = issuer.process(&store);
    second.token().await.unwrap();
    let left = |process: &TokenRefresher| process.status().expires_in.unwrap().as_secs_f64().round();
    assert_eq!((left(&first), left(&second)), (2_600.0, 2_600.0));
    advance(Duration::from_secs(2_575)).await;
    assert_eq!(second.status().state, TokenState::Expired);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_does_not_see_a_token_older_than_it_is() {
    let issuer = Issuer::new().delay(Duration::from_secs(4));
    let store = MemoryStore::new();
    let (first, second) = (issuer.process(&store), issuer.process(&store));
    let (first, second) = tokio::join!(first.token(), second.token());
    for token in [first.unwrap(), second.unwrap()] {
        let left = token.expires_in().unwrap();
        assert!(left >= Duration::from_secs(3_594), "{left:?}");
        assert!(left <= Duration::from_secs(3_596), "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_lived_token_is_shared_only_before_its_margin() {
    let issuer = Issuer::new().lifetime(20);
    let store = MemoryStore::new();
    issuer.process(&store).token().await.unwrap();
    sleep(Duration::from_secs(17)).await;
    assert_eq!(header(&issuer.process(&store).token().await.unwrap()), "Bearer token-1");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(header(&issuer.process(&store).token().await.unwrap()), "Bearer token-2");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_lives_for_an_instant_is_not_shared() {
    let issuer = Issuer::new().lifetime(0);
    let store = MemoryStore::new();
    for _ in 0..2 {
        issuer.process(&store).token().await.unwrap();
    }
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn clocks_that_are_a_day_apart_cost_a_request_and_no_call() {
    fn right() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }
    fn ahead() -> SystemTime {
        right() + Duration::from_secs(86_400)
    }
    fn behind() -> SystemTime {
        right() - Duration::from_secs(86_400)
    }
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    for wall_clock in [right, behind, ahead, behind, right, ahead] {
        let process = issuer.builder(&store).wall_clock(wall_clock).build();
        let token = process.token().await.unwrap();
        assert!(token.expires_in().unwrap() > Duration::from_secs(3_500));
    }
    assert!(issuer.requests() <= 2, "{}", issuer.requests());
}

#[tokio::test(start_paused = true)]
async fn the_lifetime_of_a_token_counts_from_when_it_was_issued() {
    let tokens = TokenRefresher::new(|| async {
        let token = IssuedToken::bearer("abc", Some(Duration::from_secs(3_600)))?;
        Ok(token.issued_ago(Duration::from_secs(600)))
    });
    let token = tokens.token().await.unwrap();
    assert_eq!(token.expires_in().unwrap().as_secs_f64().round(), 3_000.0);
}

#[tokio::test(start_paused = true)]
async fn a_token_issued_longer_ago_than_it_lives_came_too_late() {
    let tokens = TokenRefresher::builder(|| async {
        let token = IssuedToken::bearer("abc", Some(Duration::from_secs(60)))?;
        Ok(token.issued_ago(Duration::MAX))
    });
    let error = tokens.max_attempts(1).build().token().await.unwrap_err();
    assert_eq!(error.kind(), tower_sinch_auth::TokenErrorKind::TimedOut);
}
