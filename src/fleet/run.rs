//! [`Run`]: one attempt's operations of the store and its exchange, and what the process learns from them.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use super::{
    entries::{Refusal, SharedToken},
    memory::Memory,
    protocol::{End, Event, Lease, Step},
    seal::{self, Seal},
    store::{DynTokenStore, Stored},
};
use crate::{
    error::{BoxError, TokenError},
    schedule::Now,
    telemetry,
    token::{Attempt, IssuedToken},
};

/// How long an operation of the store may take.
const OPERATION_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a process has the lease.
const LEASE_TTL: Duration = Duration::from_secs(5);
/// A lease that has longer than this was written by nobody who knows the protocol.
const MAX_LEASE_TTL: Duration = Duration::from_secs(10);

/// One attempt.
pub(super) struct Run<'a> {
    store: &'a Arc<dyn DynTokenStore>,
    memory: &'a Memory,
    attempt: &'a Attempt,
    seal: Seal,
    token_name: String,
    lease_name: String,
    lease: Bytes,
    health: Health,
    /// What the exchange brought, and when it was asked for.
    issued: Option<(IssuedToken, Now)>,
    /// What it was refused with, and whether the others know.
    refusal: Option<Refusal>,
    is_recorded: bool,
}

/// How the store does in this attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// It failed before, and is left alone.
    LeftAlone,
    Answering,
    Failed,
}

/// The error of an exchange, this process' own or another's.
#[derive(Debug)]
pub(super) struct Refused {
    error: TokenError,
    /// Refusals in a row, this one included; `None` if it is none that holds for all.
    streak: Option<u32>,
}

// === impl Run ===

impl<'a> Run<'a> {
    pub(super) fn new(
        store: &'a Arc<dyn DynTokenStore>,
        memory: &'a Memory,
        attempt: &'a Attempt,
        seal: Seal,
        lease: Bytes,
    ) -> Self {
        let (token_name, lease_name) = (seal.token_name(), seal.lease_name());
        if memory.announce(&token_name) {
            telemetry::record_entry(&token_name);
        }
        let is_allowed = memory.store_allows(attempt.clock.now());
        let health = if is_allowed { Health::Answering } else { Health::LeftAlone };
        Self {
            store,
            memory,
            attempt,
            seal,
            token_name,
            lease_name,
            lease,
            health,
            issued: None,
            refusal: None,
            is_recorded: false,
        }
    }

    /// Carries out a step.
    pub(super) async fn carry_out<F>(
        &mut self,
        step: Step,
        exchange: &impl Fn() -> F,
    ) -> Event<IssuedToken, Refused>
    where
        F: Future<Output = Result<IssuedToken, TokenError>>,
    {
        match step {
            Step::LoadToken => self.load_token().await,
            Step::LoadLease => self.load_lease().await,
            Step::TakeLease { over } => {
                let (name, lease) = (self.lease_name.clone(), self.lease.clone());
                self.compare_and_set("take", &name, over.as_deref(), &lease, LEASE_TTL).await
            }
            Step::Exchange => self.exchange(exchange).await,
            Step::Publish { over } => self.publish(over).await,
            Step::Record => self.record().await,
            Step::Release => {
                let (name, lease) = (self.lease_name.clone(), self.lease.clone());
                let store = Arc::clone(self.store);
                let remove = async move { store.dyn_compare_and_remove(&name, &lease).await };
                self.operate("release", remove).await.map_or(Event::Unreachable, Event::Written)
            }
            Step::Pause(pause) => {
                sleep(pause).await;
                Event::Paused
            }
        }
    }

    /// Ends the attempt, and remembers what it taught about store and issuer.
    pub(super) fn end(self, end: End<IssuedToken, Refused>) -> Result<IssuedToken, TokenError> {
        let (outcome, result) = match end {
            End::Adopted(token) => ("adopted", Ok(token)),
            End::Own(token) => ("published", Ok(token)),
            End::Alone(token) => ("alone", Ok(token)),
            End::Relayed(refused) => ("relayed", Err(refused)),
            End::Failed(refused) => ("failed", Err(refused)),
        };
        telemetry::record_shared_attempt(outcome);
        match &result {
            Ok(_) => self.memory.set_refusals(0),
            Err(Refused { streak: Some(streak), .. }) => self.memory.set_refusals(*streak),
            Err(_) => {}
        }
        if self.health == Health::Answering {
            telemetry::record_store_available(self.memory.on_store_answered());
        }
        // The next attempt must not run into what this one has recorded.
        let recorded = self.refusal.filter(|_| self.is_recorded);
        result.map_err(|Refused { error, .. }| match recorded {
            Some(refusal) => error.with_retry_after(Some(refusal.ttl())),
            None => error,
        })
    }

    async fn load_token(&mut self) -> Event<IssuedToken, Refused> {
        let now = self.attempt.clock.now();
        let Some(stored) = self.load("look", self.token_name.clone()).await else {
            return Event::Unreachable;
        };
        let adoptable = stored.as_ref().and_then(|Stored { value, expires_in }| {
            let plain = self.seal.open(&self.token_name, value)?;
            SharedToken::decode(&plain)?.adopt(*expires_in, self.attempt, now)
        });
        Event::Token { entry: stored.map(|stored| stored.value), adoptable }
    }

    async fn load_lease(&mut self) -> Event<IssuedToken, Refused> {
        let now = self.attempt.clock.now();
        let Some(stored) = self.load("poll", self.lease_name.clone()).await else {
            return Event::Unreachable;
        };
        Event::Lease(stored.map_or(Lease::Gone, |stored| self.read_lease(stored, now)))
    }

    fn read_lease(&self, stored: Stored, now: Now) -> Lease<Refused> {
        let Stored { value, expires_in } = stored;
        if seal::is_lease(&value) {
            return match expires_in {
                Some(ttl) if ttl <= MAX_LEASE_TTL => Lease::Held(value),
                _ => Lease::Unbelievable(value),
            };
        }
        let plain = self.seal.open(&self.lease_name, &value);
        let refusal = plain.and_then(|plain| Refusal::decode(&plain));
        let relayed = refusal.and_then(|refusal| {
            let error = refusal.relay(expires_in, now)?;
            Some(Refused { error, streak: Some(refusal.streak()) })
        });
        relayed.map_or(Lease::Unbelievable(value), Lease::Refusal)
    }

    async fn exchange<F>(&mut self, exchange: &impl Fn() -> F) -> Event<IssuedToken, Refused>
    where
        F: Future<Output = Result<IssuedToken, TokenError>>,
    {
        telemetry::count_token_request();
        let clock = self.attempt.clock;
        let sent = clock.now();
        match exchange().await {
            Ok(token) => {
                let token = token.issued_at(sent.into());
                let age = clock.now().since(sent);
                let shareable = SharedToken::of(&token, sent).shareable_for(age).is_some();
                self.issued = Some((token.clone(), sent));
                Event::Issued { token, shareable }
            }
            Err(error) => {
                let before = self.memory.refusals();
                self.refusal = Refusal::of(&error, before, clock.now(), fastrand::f64());
                match &self.refusal {
                    Some(refusal) => Event::Refused(Refused { error, streak: Some(refusal.streak()) }),
                    None => Event::NotReached(Refused { error, streak: None }),
                }
            }
        }
    }

    async fn publish(&mut self, over: Option<Bytes>) -> Event<IssuedToken, Refused> {
        let Some((token, sent)) = &self.issued else {
            return Event::Unreachable;
        };
        let shared = SharedToken::of(token, *sent);
        let age = self.attempt.clock.now().since(*sent);
        let name = self.token_name.clone();
        match (shared.shareable_for(age), self.seal.seal(&name, &shared.encode())) {
            (Some(ttl), Ok(sealed)) => {
                self.compare_and_set("publish", &name, over.as_deref(), &sealed, ttl).await
            }
            // It came so late that it is not to be shared any more. The store is all right: the lease is to be released.
            _ => Event::Written(false),
        }
    }

    /// Puts the refusal in the place of the lease.
    async fn record(&mut self) -> Event<IssuedToken, Refused> {
        let (name, lease) = (self.lease_name.clone(), self.lease.clone());
        let sealed =
            self.refusal.as_ref().map(|refusal| (refusal.ttl(), self.seal.seal(&name, &refusal.encode())));
        let Some((ttl, Ok(sealed))) = sealed else {
            return Event::Unreachable;
        };
        let event = self.compare_and_set("record", &name, Some(&lease), &sealed, ttl).await;
        self.is_recorded = matches!(event, Event::Written(true));
        event
    }

    async fn load(&mut self, operation: &'static str, name: String) -> Option<Option<Stored>> {
        let store = Arc::clone(self.store);
        self.operate(operation, async move { store.dyn_load(&name).await }).await
    }

    async fn compare_and_set(
        &mut self,
        operation: &'static str,
        name: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> Event<IssuedToken, Refused> {
        let store = Arc::clone(self.store);
        let write = async { store.dyn_compare_and_set(name, expected, value, ttl).await };
        self.operate(operation, write).await.map_or(Event::Unreachable, Event::Written)
    }

    /// Asks the store, unless it is left alone. `None` if it does not answer.
    async fn operate<T>(
        &mut self,
        operation: &'static str,
        work: impl Future<Output = Result<T, BoxError>>,
    ) -> Option<T> {
        if self.health != Health::Answering {
            return None;
        }
        // A panic's payload is not looked at: it may hold anything.
        let work = timeout(OPERATION_TIMEOUT, AssertUnwindSafe(work).catch_unwind());
        let (outcome, error) = match work.await {
            Ok(Ok(Ok(answer))) => {
                telemetry::record_store_operation(operation, "answered");
                return Some(answer);
            }
            Ok(Ok(Err(error))) => ("failed", error.to_string()),
            Ok(Err(_payload)) => ("panicked", "the store panicked".to_owned()),
            Err(_elapsed) => ("timed_out", "the store did not answer within 500 ms".to_owned()),
        };
        self.health = Health::Failed;
        let (pause, has_changed) = self.memory.on_store_failed(self.attempt.clock.now());
        telemetry::record_store_operation(operation, outcome);
        telemetry::record_store_unavailable(operation, &error, pause, has_changed);
        None
    }
}

#[cfg(test)]
mod tests;
