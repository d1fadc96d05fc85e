//! The refresher, through the public API.

mod api;
mod budget;
mod clocks;
mod endpoint;
mod failure;
mod forget;
mod refusal;
mod retry_after;
mod runtime;
mod single_flight;
mod status;
mod succession;
mod time;
mod unauthorized;
mod verdict;
mod waiting;

use std::time::{Duration, SystemTime};

use tokio::{
    task::yield_now,
    time::{Instant, advance, sleep, timeout},
};
use tower_sinch_auth::{AccessToken, TokenError, TokenErrorKind, TokenRefresher, TokenRefresherBuilder};

use crate::support::{Answer, HOUR, ScriptedSource};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// The defaults, as the builder documents them.
const LEAD: Duration = Duration::from_secs(20 * 60);
const MARGIN: Duration = Duration::from_secs(30);
const FLIGHT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a new token waits at most before it takes the place of one that is still good.
const SUCCESSION: Duration = Duration::from_secs(2);

/// How many attempts a flight makes by default.
const ATTEMPTS: u64 = 4;

type Outcome = Result<AccessToken, TokenError>;

/// The time that goes by in a test, from when it is made.
struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "measures the test's own time")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A refresher whose wall clock stands still, so that the paused clock alone says what time it is.
fn builder(source: &ScriptedSource) -> TokenRefresherBuilder {
    TokenRefresher::builder(source.clone()).wall_clock(|| SystemTime::UNIX_EPOCH)
}

fn refresher(source: &ScriptedSource) -> TokenRefresher {
    builder(source).build()
}

/// A refresher with its first token.
async fn warm(source: &ScriptedSource) -> (TokenRefresher, AccessToken) {
    let tokens = refresher(source);
    let token = tokens.token().await.expect("the source issues a token");
    (tokens, token)
}

/// Lets every task go on until it waits for time, which stands still.
async fn settle() {
    for _ in 0..16 {
        yield_now().await;
    }
}

/// Lets `duration` go by, timer by timer, and what it has set off settle.
async fn pass(duration: Duration) {
    sleep(duration).await;
    settle().await;
}

/// Moves the clock by exactly `duration`: timers have millisecond steps, tokens have not.
async fn jump(duration: Duration) {
    advance(duration).await;
    settle().await;
}

/// Moves the clock to the very moment from which calls start a refresh.
async fn jump_until_due(tokens: &TokenRefresher) {
    let due = tokens.status().refresh_in.expect("the token expires");
    jump(due).await;
}

/// Calls `tokens` every `step` until a call gets a token, which is to take an hour at most.
async fn call_until_served(step: Duration, tokens: &TokenRefresher) {
    let calls = async {
        while tokens.token().await.is_err() {
            sleep(step).await;
        }
    };
    timeout(HOUR, calls).await.expect("a call gets a token");
}

/// Calls `tokens` every `step`, `times` times; returns how many calls got a token.
async fn call_every(step: Duration, times: u32, tokens: &TokenRefresher) -> u32 {
    let mut served = 0;
    for _ in 0..times {
        served += u32::from(tokens.token().await.is_ok());
        sleep(step).await;
    }
    served
}

fn error(kind: TokenErrorKind) -> TokenError {
    TokenError::new(kind, "scripted")
}

fn throttled(retry_after: Duration) -> Answer {
    Answer::Error(error(TokenErrorKind::Throttled).with_retry_after(Some(retry_after)))
}

/// Fails each of the next `flights` flights, retries included.
fn fail_flights(source: &ScriptedSource, flights: u64) {
    for _ in 0..flights * ATTEMPTS {
        source.clone().then_error(TokenErrorKind::Unavailable);
    }
}

/// Checks that forced refreshes back off for `step`, of which the second half is drawn, and returns for how long.
#[track_caller]
fn assert_rejection_backoff(tokens: &TokenRefresher, step: Duration) -> Duration {
    let backoff = tokens.status().rejection_backoff.expect("forced refreshes back off");
    assert_within(backoff, (step / 2)..=step);
    backoff
}

#[track_caller]
fn assert_generation(outcome: &Outcome, generation: u64) {
    match outcome {
        Ok(token) => assert_eq!(token.generation(), generation),
        Err(error) => panic!("generation {generation} instead of: {error}"),
    }
}

#[track_caller]
fn assert_fails(outcome: &Outcome, kind: TokenErrorKind) {
    match outcome {
        Ok(token) => panic!("{kind:?} instead of generation {}", token.generation()),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "values and ranges are written in place")]
fn assert_within<T: PartialOrd + std::fmt::Debug>(value: T, range: std::ops::RangeInclusive<T>) {
    assert!(range.contains(&value), "{value:?} is not within {range:?}");
}
