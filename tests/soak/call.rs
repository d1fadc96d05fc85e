//! One call, as a caller makes it: patiently, with a timeout, or to abandon it.

use std::time::Duration;

use fastrand::Rng;
use http::{HeaderValue, Request};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Error as ClientError;
use tokio::time::timeout;
use tower::{BoxError, ServiceExt};
use tower_sinch_auth::{RequestAuth, TokenError};

use crate::{
    api::{APIS, PROTOCOLS, Protocol},
    arrival::{CALL, receipt},
    book::{Ending, Expected, Outcome, Retry},
    upload::{TRAILER, Upload},
    world::{CAP, Stack, World},
};

/// What a caller is about to do.
struct Plan {
    stack: Stack,
    request: Request<Upload>,
    expected: Expected,
    patience: Patience,
}

/// How long a caller waits for its call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    ToTheEnd,
    /// Drops the call's future.
    Timeout(Duration),
    /// Aborts the task that makes the call.
    Abort(Duration),
}

/// No call takes this long: what waits for a token gives up after a few seconds.
const WATCHDOG: Duration = Duration::from_secs(60);

// === impl Patience ===

impl Patience {
    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..100) {
            0..70 => Self::ToTheEnd,
            // 1 ms to 2 s, short ones as likely as long ones.
            70..90 => Self::Timeout(Duration::from_secs_f64(0.001 * 2_000_f64.powf(rng.f64()))),
            _ => Self::Abort(Duration::from_micros(rng.u64(..100_000))),
        }
    }
}

// === impl Plan ===

impl Plan {
    fn draw(world: &World, id: u64, patience: Option<Patience>) -> Self {
        let mut rng = Rng::with_seed(world.options.seed ^ id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let upload = Upload::draw(&mut rng);
        let once = rng.u8(..100) < 5;
        let api = rng.usize(..APIS);
        let stacks = match PROTOCOLS[api] {
            Protocol::Http1 => &world.http1,
            Protocol::Http2 => &world.http2,
        };
        let (stack, retry) = match rng.u8(..100) {
            0..50 => (&stacks.clone_body, Retry::Always),
            50..90 if upload.length() > CAP => (&stacks.buffer_body, Retry::Perhaps),
            50..90 => (&stacks.buffer_body, Retry::Always),
            _ => (&stacks.no_replay, Retry::Never),
        };
        let retry = if once { Retry::Never } else { retry };
        let expected = Expected { api, digest: upload.digest(), retry, calm: world.is_calm() };
        let mut request = Request::post(world.apis[api].uri(id)).header(CALL, id).header("x-twice", "one");
        if upload.has_trailer() {
            request = request.header("trailer", HeaderValue::from(TRAILER));
        }
        if once {
            request = request.extension(RequestAuth::without_retry());
        }
        let request = request.header("x-twice", "two").body(upload).expect("a request");
        let patience = patience.unwrap_or_else(|| Patience::draw(&mut rng));
        Self { stack: stack.clone(), request, expected, patience }
    }
}

/// Makes call `id`, with a patience of its own unless told otherwise, and enters in the book how it ends.
pub(crate) async fn make(world: &World, id: u64, patience: Option<Patience>) -> Outcome {
    let plan = Plan::draw(world, id, patience);
    world.court.book.opened(id, plan.expected);
    let tokens = &world.court.tokens;
    let before = tokens.glimpse(plan.expected.api);
    let exchange = exchange(plan.stack, plan.request, id, plan.expected.digest);
    let outcome = match plan.patience {
        Patience::ToTheEnd => timeout(WATCHDOG, exchange).await.unwrap_or(Outcome::Stuck),
        Patience::Timeout(patience) => timeout(patience, exchange).await.unwrap_or(Outcome::TimedOut),
        Patience::Abort(patience) => {
            let mut task = tokio::spawn(exchange);
            let ended = match timeout(patience, &mut task).await {
                Ok(ended) => ended,
                Err(_) => {
                    task.abort();
                    // It may have ended in the meantime.
                    task.await
                }
            };
            match ended {
                Ok(outcome) => outcome,
                Err(error) if error.is_cancelled() => Outcome::Cancelled,
                Err(_panicked) => Outcome::Panicked,
            }
        }
    };
    let excuse = tokens.excuse(plan.expected.api, before.at);
    let after = tokens.glimpse(plan.expected.api);
    world.court.book.ended(id, Ending { outcome, before, after, excuse });
    outcome
}

async fn exchange(stack: Stack, request: Request<Upload>, id: u64, digest: u64) -> Outcome {
    let response = match stack.oneshot(request).await {
        Ok(response) => response,
        Err(error) => return failure(&error),
    };
    let status = response.status();
    match response.into_body().collect().await {
        Err(_) => Outcome::Torn,
        Ok(_) if !status.is_success() => Outcome::Status(status.as_u16()),
        Ok(body) => {
            let mine = body.to_bytes() == receipt(id, digest);
            if mine { Outcome::Success } else { Outcome::Mistaken }
        }
    }
}

fn failure(error: &BoxError) -> Outcome {
    if let Some(error) = error.downcast_ref::<TokenError>() {
        return Outcome::NoToken(error.kind());
    }
    match error.downcast_ref::<ClientError>() {
        Some(error) if error.is_connect() => Outcome::Connect,
        Some(_) => Outcome::Transport,
        None => Outcome::Foreign,
    }
}
