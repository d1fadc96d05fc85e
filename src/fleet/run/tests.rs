//! What comes of a step.

use std::{future::ready, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::advance;

use super::{Event, IssuedToken, Memory, Refused, Run, Seal, Step};
use crate::{fleet::store::DynTokenStore, testing::MemoryStore, token::Attempt};

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_to_be_shared_any_more_is_not_written_and_the_store_is_all_right() {
    let store: Arc<dyn DynTokenStore> = Arc::new(MemoryStore::new());
    let (memory, attempt) = (Memory::default(), Attempt::outside_of_a_flight());
    let seal = Seal::new("endpoint", "key-id", "key-secret").unwrap();
    let mut run = Run::new(&store, &memory, &attempt, seal, Bytes::from_static(&[7; 16]));
    let exchange = || ready(IssuedToken::bearer("token", Some(Duration::from_secs(10))));
    let event = run.carry_out(Step::Exchange, &exchange).await;
    assert!(matches!(event, Event::Issued { shareable: true, .. }), "{event:?}");
    advance(Duration::from_millis(9_500)).await;
    // The lease is released after that, which it would not be after a store that failed.
    let event: Event<IssuedToken, Refused> = run.carry_out(Step::Publish { over: None }, &exchange).await;
    assert!(matches!(event, Event::Written(false)), "{event:?}");
    let event = run.carry_out(Step::LoadToken, &exchange).await;
    assert!(matches!(event, Event::Token { entry: None, .. }), "{event:?}");
}
