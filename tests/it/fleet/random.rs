//! Whatever a store does, and in whatever order: no call fails for its sake.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{sleep, timeout};
use tower_sinch_auth::{TokenRefresher, testing::MemoryStore};

use super::{Issuer, header, headers};

/// How long a call may wait: half a second for the store, the exchange twice, two leases, and some polls.
const PATIENCE: Duration = Duration::from_secs(20);

/// One of the things that happen to a store.
fn happen(store: &MemoryStore, dice: &mut fastrand::Rng) {
    match dice.u8(..8) {
        0 => store.refuse(dice.bool()),
        1 => store.hang(dice.bool()),
        2 => store.latency(Duration::from_millis(dice.u64(..700))),
        3 => store.lose(),
        _ => {
            store.refuse(false);
            store.hang(false);
            store.latency(Duration::ZERO);
        }
    }
}

/// Each process calls, and some of them find that their token was rejected.
async fn call(processes: &[TokenRefresher], dice: &mut fastrand::Rng) -> Vec<String> {
    let calls = processes.iter().map(|process| {
        let is_rejected = dice.u8(..10) == 0;
        async move {
            let rejected = process.cached().filter(|_| is_rejected);
            let called = async {
                match &rejected {
                    Some(rejected) => process.refresh(rejected).await,
                    None => process.token().await,
                }
            };
            let token = timeout(PATIENCE, called).await.expect("a call waits for ever").unwrap();
            assert!(token.expires_in().unwrap() > Duration::ZERO);
            header(&token)
        }
    });
    join_all(calls).await
}

#[tokio::test(start_paused = true)]
async fn no_call_fails_for_the_sake_of_the_store() {
    for seed in 0..60 {
        let dice = &mut fastrand::Rng::with_seed(seed);
        let issuer = Issuer::new().lifetime(600).delay(Duration::from_millis(dice.u64(..3_000)));
        let store = MemoryStore::new();
        let processes = issuer.processes(5, &store);
        for _ in 0..40 {
            happen(&store, dice);
            call(&processes, dice).await;
            sleep(Duration::from_secs(dice.u64(..200))).await;
        }
        // When the store is well again, all have one token, for one request.
        store.refuse(false);
        store.hang(false);
        store.latency(Duration::ZERO);
        sleep(Duration::from_secs(700)).await;
        let before = issuer.requests();
        let headers = headers(&processes).await;
        assert!(headers.iter().all(|header| header == &headers[0]), "seed {seed}: {headers:?}");
        assert_eq!(issuer.requests() - before, 1, "seed {seed}");
    }
}
