//! [`Protocol`]: how processes that share a store agree on who asks the issuer. One attempt; pure.
//!
//! ```text
//! Looking    => Taking | Alone | end
//! Taking     => Checking | Waiting | Parting | Alone
//! Checking   => Fetching | Releasing | Alone
//! Fetching   => Publishing | Recording | Releasing
//! Publishing => Releasing | Yielding | end
//! Yielding   => Publishing | Releasing | end
//! Recording  => end
//! Releasing  => end
//! Waiting    => Looking | Waiting | Alone | Parting | end
//! Parting    => Alone | end
//! Alone      => end
//! ```
//!
//! - **Looking**: the token in the store is loaded. If it can be *adopted*, that is the end. The store that fails, here as
//!   in any state below, is not asked again: the process goes on *alone*.
//! - **Taking**: the process tries to take the lease, which says who asks the issuer. It is there for 5 s. If another
//!   process has it, this one *waits*, unless its patience is over.
//! - **Checking**: with the lease, the token is loaded again: another process may have published one meanwhile.
//! - **Fetching**: the one exchange with the issuer. A token is *published*, unless it is about to expire. A refusal, which
//!   holds for all, is *recorded*. If the issuer was not reached, that is this process' own affair: the lease is *released*.
//! - **Publishing**: the token is put in the place of what was there when the process checked. Whoever was faster, wins.
//! - **Yielding**: another process was faster, and its token is loaded. If it can be adopted, it is. Otherwise the process
//!   *publishes* over it, once. The token is used in any case.
//! - **Recording**: the refusal is put in the place of the lease.
//! - **Releasing**: the lease is removed, if it still is this process' own.
//! - **Waiting**: the lease is polled: every 100 ms for 1 s, then half as long again each time, at most 1 s, all ± 50 %. If
//!   it is gone, has changed, or is not to be believed, the process *looks* again. A recorded refusal is the end.
//!   Patience is a third to two thirds of what the flight has left, drawn once.
//! - **Parting**: patience is over, and the token is loaded once more.
//! - **Alone**: one exchange with the issuer, of which the others do not learn.
//!
//! Two exchanges at once are harmless, so the lease saves requests and guards nothing: there is no fencing and no heartbeat.

use std::{mem, ops::ControlFlow, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

/// The pauses between the first polls, for [`SHORT_FOR`].
const SHORT_PAUSE: Duration = Duration::from_millis(100);
const SHORT_FOR: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// What the process does next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) enum Step {
    LoadToken,
    /// Take the lease, in the place of one that is not to be believed, if there is one.
    TakeLease {
        over: Option<Bytes>,
    },
    LoadLease,
    Exchange,
    Publish {
        over: Option<Bytes>,
    },
    Record,
    Release,
    Pause(Duration),
}

/// How an attempt ended.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Clone))]
pub(super) enum End<T, E> {
    /// Another process' token.
    Adopted(T),
    /// The process' own token.
    Own(T),
    /// Its own token, of which the store does not know, because it was not asked or failed.
    Alone(T),
    /// What another process was refused.
    Relayed(E),
    /// Its own error.
    Failed(E),
}

/// The next step, or how the attempt ended.
pub(super) type Next<T, E> = ControlFlow<End<T, E>, Step>;

/// What came of a step.
#[derive(Debug)]
pub(super) enum Event<T, E> {
    /// The token's entry as it was loaded, and the token, if it can be adopted.
    Token {
        entry: Option<Bytes>,
        adoptable: Option<T>,
    },
    /// Whether a write took place.
    Written(bool),
    Lease(Lease<E>),
    /// The issuer's token, and whether it lives long enough to be shared.
    Issued {
        token: T,
        shareable: bool,
    },
    /// The issuer's refusal, which holds for all.
    Refused(E),
    /// The issuer was not reached, or its answer is not to be used.
    NotReached(E),
    Paused,
    /// The store failed, or is left alone.
    Unreachable,
}

/// The lease as it was loaded.
#[derive(Debug)]
pub(super) enum Lease<E> {
    Gone,
    Held(Bytes),
    Refusal(E),
    /// Nothing that a process wrote which is up.
    Unbelievable(Bytes),
}

/// One attempt.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(super) struct Protocol<T, E> {
    state: State<T, E>,
    /// When it waits no more: set when it first waits.
    patience: Option<Instant>,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
enum State<T, E> {
    /// `over` is a lease that is not to be believed.
    Looking {
        over: Option<Bytes>,
    },
    Taking,
    Checking,
    Fetching {
        seen: Option<Bytes>,
    },
    Publishing {
        token: T,
        again: bool,
    },
    Yielding {
        token: T,
    },
    Recording {
        error: E,
    },
    Releasing {
        end: Released<T, E>,
    },
    Waiting(Wait),
    Parting,
    Alone,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
enum Released<T, E> {
    Adopted(T),
    Own(T),
    Failed(E),
}

/// A process that waits for another one.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
struct Wait {
    since: Instant,
    /// The pause before the last poll, as it was before it was drawn.
    pause: Duration,
    /// Whose lease it was at the last poll.
    holder: Option<Bytes>,
}

/// What time it is, and what was drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) now: Instant,
    /// When the flight ends.
    pub(super) flight_deadline: Instant,
    /// A random number in `0.0..1.0`.
    pub(super) jitter: f64,
}

// === impl Protocol ===

impl<T, E> Protocol<T, E> {
    /// Starts an attempt, and returns its first step.
    pub(super) fn start() -> (Self, Step) {
        (Self { state: State::Looking { over: None }, patience: None }, Step::LoadToken)
    }

    /// Goes on with what came of the last step. An event that no step leads to ends the attempt alone.
    pub(super) fn next(&mut self, event: Event<T, E>, reading: Reading) -> Next<T, E> {
        let state = mem::replace(&mut self.state, State::Alone);
        self.advance(state, event, reading).map_continue(|(state, step)| {
            self.state = state;
            step
        })
    }

    fn advance(&mut self, state: State<T, E>, event: Event<T, E>, reading: Reading) -> Advance<T, E> {
        match (state, event) {
            // ## Looking => Taking | Alone | end
            (State::Looking { .. } | State::Parting, Event::Token { adoptable: Some(token), .. }) => {
                end(End::Adopted(token))
            }
            (State::Looking { over }, Event::Token { .. }) => go(State::Taking, Step::TakeLease { over }),
            // ## Taking => Checking | Waiting | Parting | Alone
            (State::Taking, Event::Written(true)) => go(State::Checking, Step::LoadToken),
            (State::Taking, Event::Written(false)) => self.wait(None, reading),
            // ## Checking => Fetching | Releasing | Alone
            (State::Checking | State::Yielding { .. }, Event::Token { adoptable: Some(token), .. }) => {
                release(Released::Adopted(token))
            }
            (State::Checking, Event::Token { entry, .. }) => {
                go(State::Fetching { seen: entry }, Step::Exchange)
            }
            // ## Fetching => Publishing | Recording | Releasing
            (State::Fetching { seen }, Event::Issued { token, shareable: true }) => {
                go(State::Publishing { token, again: false }, Step::Publish { over: seen })
            }
            (State::Fetching { .. }, Event::Issued { token, .. }) => release(Released::Own(token)),
            (State::Fetching { .. }, Event::Refused(error)) => go(State::Recording { error }, Step::Record),
            (State::Fetching { .. }, Event::NotReached(error)) => release(Released::Failed(error)),
            // ## Publishing => Releasing | Yielding | end
            (State::Publishing { token, again: false }, Event::Written(false)) => {
                go(State::Yielding { token }, Step::LoadToken)
            }
            (State::Publishing { token, .. }, Event::Written(_)) => release(Released::Own(token)),
            (State::Publishing { token, .. } | State::Yielding { token }, Event::Unreachable) => {
                end(End::Alone(token))
            }
            // ## Yielding => Publishing | Releasing | end
            (State::Yielding { token }, Event::Token { entry, .. }) => {
                go(State::Publishing { token, again: true }, Step::Publish { over: entry })
            }
            // ## Recording => end
            (State::Recording { error }, Event::Written(_) | Event::Unreachable) => end(End::Failed(error)),
            // ## Releasing => end
            (State::Releasing { end: released }, Event::Written(_) | Event::Unreachable) => {
                end(match released {
                    Released::Adopted(token) => End::Adopted(token),
                    Released::Own(token) => End::Own(token),
                    Released::Failed(error) => End::Failed(error),
                })
            }
            // ## Waiting => Looking | Waiting | Alone | Parting | end
            (State::Waiting(wait), Event::Paused) => go(State::Waiting(wait), Step::LoadLease),
            (State::Waiting(_), Event::Lease(Lease::Refusal(error))) => end(End::Relayed(error)),
            (State::Waiting(wait), Event::Lease(Lease::Held(holder)))
                if wait.holder.as_ref().is_none_or(|before| *before == holder) =>
            {
                self.wait(Some(Wait { holder: Some(holder), ..wait }), reading)
            }
            (State::Waiting(_), Event::Lease(Lease::Unbelievable(lease))) => look(Some(lease)),
            (State::Waiting(_), Event::Lease(_)) => look(None),
            // ## Alone => end
            (State::Alone, Event::Issued { token, .. }) => end(End::Alone(token)),
            (State::Alone, Event::Refused(error) | Event::NotReached(error)) => end(End::Failed(error)),
            // ## Parting => Alone | end
            _ => go(State::Alone, Step::Exchange),
        }
    }

    /// Waits for another process, on or from now.
    fn wait(&mut self, wait: Option<Wait>, reading: Reading) -> Advance<T, E> {
        let Reading { now, flight_deadline, jitter } = reading;
        let patience = *self.patience.get_or_insert_with(|| {
            let left = flight_deadline.saturating_duration_since(now);
            now + left.mul_f64((1.0 + jitter) / 3.0)
        });
        let left = patience.saturating_duration_since(now);
        if left.is_zero() {
            return go(State::Parting, Step::LoadToken);
        }
        let wait = wait.unwrap_or(Wait { since: now, pause: SHORT_PAUSE, holder: None });
        let pause = if now.saturating_duration_since(wait.since) < SHORT_FOR {
            SHORT_PAUSE
        } else {
            wait.pause.mul_f64(1.5).min(MAX_PAUSE)
        };
        let drawn = pause.mul_f64(0.5 + jitter).min(left);
        go(State::Waiting(Wait { pause, ..wait }), Step::Pause(drawn))
    }
}

/// What follows an event: another state and its step, or the end.
type Advance<T, E> = ControlFlow<End<T, E>, (State<T, E>, Step)>;

fn go<T, E>(state: State<T, E>, step: Step) -> Advance<T, E> {
    ControlFlow::Continue((state, step))
}

fn look<T, E>(over: Option<Bytes>) -> Advance<T, E> {
    go(State::Looking { over }, Step::LoadToken)
}

fn release<T, E>(end: Released<T, E>) -> Advance<T, E> {
    go(State::Releasing { end }, Step::Release)
}

fn end<T, E>(end: End<T, E>) -> Advance<T, E> {
    ControlFlow::Break(end)
}

#[cfg(test)]
mod tests;
