//! [`Fleet`]: makes attempts as [the protocol](super::protocol) says.

use std::{fmt, future::Future, ops::ControlFlow, sync::Arc};

use bytes::Bytes;

use super::{
    memory::Memory,
    protocol::{Protocol, Reading},
    run::Run,
    seal::{self, Seal},
    store::{DynTokenStore, TokenStore},
};
use crate::{
    error::TokenError,
    telemetry,
    token::{Attempt, IssuedToken},
};

/// The processes that share tokens in a store, as one of them sees them.
#[derive(Clone)]
pub(crate) struct Fleet {
    store: Arc<dyn DynTokenStore>,
    memory: Arc<Memory>,
}

/// Whose token is shared.
pub(crate) struct Subject<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) key_id: &'a str,
    pub(crate) key_secret: &'a str,
}

// === impl Fleet ===

impl Fleet {
    pub(crate) fn new(store: impl TokenStore) -> Self {
        Self { store: Arc::new(store), memory: Arc::default() }
    }

    /// Makes one attempt to get a token of `subject`: from the store, or by one `exchange` with the issuer.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the lease stays in the store for 5 s at most.
    pub(crate) async fn attempt<F>(
        &self,
        subject: Subject<'_>,
        attempt: &Attempt,
        exchange: impl Fn() -> F,
    ) -> Result<IssuedToken, TokenError>
    where
        F: Future<Output = Result<IssuedToken, TokenError>>,
    {
        let Subject { endpoint, key_id, key_secret } = subject;
        let (Ok(seal), Ok(lease)) = (Seal::new(endpoint, key_id, key_secret), seal::lease()) else {
            // This machine has no random numbers, and so nothing to seal with.
            telemetry::count_token_request();
            return exchange().await;
        };
        let mut run = Run::new(&self.store, &self.memory, attempt, seal, Bytes::copy_from_slice(&lease));
        let (mut protocol, mut step) = Protocol::start();
        loop {
            let event = run.carry_out(step, &exchange).await;
            let reading = Reading {
                now: attempt.clock.now().mono,
                flight_deadline: attempt.flight_deadline,
                jitter: fastrand::f64(),
            };
            step = match protocol.next(event, reading) {
                ControlFlow::Continue(step) => step,
                ControlFlow::Break(end) => return run.end(end),
            };
        }
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").finish_non_exhaustive()
    }
}
