//! Subscribers that do more than listen.

use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::FutureExt;
use tokio::time::{sleep, timeout};
use tower_sinch_auth::{TokenErrorKind, TokenRefresher};
use tracing::{Event, Subscriber, span};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::Registry,
};

use super::scenario::{MINUTE, builder, call, call_that_cannot_be_replayed};
use crate::support::ScriptedSource;

/// Asks for the status within every event and span, as a subscriber that exports it may.
struct Nosy(TokenRefresher);

impl<S: Subscriber> Layer<S> for Nosy {
    fn on_event(&self, _event: &Event<'_>, _context: Context<'_, S>) {
        assert!(!format!("{:?}", self.0.status()).is_empty());
    }

    fn on_new_span(&self, _: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        assert!(!format!("{:?}", self.0.status()).is_empty());
    }
}

#[test]
fn a_subscriber_may_ask_for_the_status_at_any_time() {
    let (done, is_done) = std::sync::mpsc::channel();
    // On a thread of its own, which it may block.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let source = ScriptedSource::new().then_error(TokenErrorKind::Unavailable);
            let tokens = builder(&source).build();
            let nosy = Registry::default().with(Nosy(tokens.clone()));
            let _listening = super::listen(nosy);
            tokens.token().await.unwrap_err();
            sleep(MINUTE).await;
            tokens.token().await.unwrap();
            call(&tokens, &["token-1", "token-2"]).await;
            sleep(MINUTE).await;
            call_that_cannot_be_replayed(&tokens).await;
            call_that_cannot_be_replayed(&tokens).await;
        });
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(20)).expect("no event is sent under the lock");
}

/// Panics when it sees the first span of a flight.
#[derive(Default)]
struct Fragile(AtomicBool);

impl<S: Subscriber> Layer<S> for Fragile {
    fn on_new_span(&self, span: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let is_flight = span.metadata().name() == "token_flight";
        assert!(!is_flight || self.0.swap(true, Ordering::SeqCst), "the subscriber is broken");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_when_a_flight_starts_leaves_none_behind() {
    let _listening = super::listen(Registry::default().with(Fragile::default()));
    let tokens = builder(&ScriptedSource::new()).build();
    assert!(AssertUnwindSafe(tokens.token()).catch_unwind().await.is_err(), "it panicked");
    assert!(!tokens.status().in_flight);
    let next = timeout(Duration::from_secs(1), tokens.token());
    assert_eq!(next.await.expect("it waits for no phantom").unwrap().generation(), 1);
}
