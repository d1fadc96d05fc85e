//! [`Api`]: what all contenders call, and whom it refuses.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use tokio::time::sleep;
use tower::Service;

use crate::{contenders::Body, issuer::Issuer};

/// The API that most requests go to.
pub(crate) const API: &str = "https://numbers.api.sinch.com/v1/projects/p/availableRegions";
/// Another API, for which the same tokens are good.
pub(crate) const OTHER_API: &str = "https://eu.conversation.api.sinch.com/v1/projects/p/apps";
/// The path of [`API`]: only requests to it meet a refusal, whatever their authority.
pub(crate) const REFUSED_PATH: &str = "/v1/projects/p/availableRegions";

/// An API. It refuses every request whose token is revoked, and those that [`Refuses`] says.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) issuer: Issuer,
    refuses: Refuses,
    counts: Arc<Counts>,
}

/// What an API answers at [`REFUSED_PATH`] to a request with a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refuses {
    Nothing,
    Always,
    /// One request in so many, by chance.
    OneIn(u32),
    /// With a `401` the first sending of a request that is [`Slow`], with a `503` every other.
    ThenUnavailable,
}

/// How long the API takes over the first sending of a request.
#[derive(Clone, Debug)]
pub(crate) struct Slow {
    pub(crate) delay: Duration,
    pub(crate) sent: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Counts {
    chance: Mutex<fastrand::Rng>,
    answers: AtomicU64,
    refusals: AtomicU64,
}

// === impl Api ===

impl Api {
    pub(crate) fn new(issuer: Issuer) -> Self {
        Self::refusing(issuer, Refuses::Nothing)
    }

    pub(crate) fn refusing(issuer: Issuer, refuses: Refuses) -> Self {
        let chance = Mutex::new(fastrand::Rng::with_seed(1));
        let counts = Counts { chance, answers: AtomicU64::new(0), refusals: AtomicU64::new(0) };
        Self { issuer, refuses, counts: Arc::new(counts) }
    }

    /// The share of `401`s among its answers to good tokens at [`REFUSED_PATH`].
    pub(crate) fn refused(&self) -> f64 {
        let [refusals, answers] =
            [&self.counts.refusals, &self.counts.answers].map(|count| count.load(Ordering::SeqCst) as f64);
        refusals / answers.max(1.0)
    }

    fn answer(&self, request: &Request<Body>, is_first: bool) -> StatusCode {
        if !self.issuer.accepts(request.headers().get(AUTHORIZATION)) {
            return StatusCode::UNAUTHORIZED;
        }
        if self.refuses == Refuses::Nothing || request.uri().path() != REFUSED_PATH {
            return StatusCode::OK;
        }
        let status = match self.refuses {
            Refuses::Always => StatusCode::UNAUTHORIZED,
            Refuses::OneIn(number) if self.draw(number) == 0 => StatusCode::UNAUTHORIZED,
            Refuses::ThenUnavailable if is_first => StatusCode::UNAUTHORIZED,
            Refuses::ThenUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Refuses::OneIn(_) | Refuses::Nothing => StatusCode::OK,
        };
        self.counts.answers.fetch_add(1, Ordering::SeqCst);
        if status == StatusCode::UNAUTHORIZED {
            self.counts.refusals.fetch_add(1, Ordering::SeqCst);
        }
        status
    }

    fn draw(&self, below: u32) -> u32 {
        self.counts.chance.lock().expect("no one panics with it").u32(..below)
    }
}

impl Service<Request<Body>> for Api {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        async move {
            let slow = request.extensions().get::<Slow>();
            let slow = slow.filter(|slow| !slow.sent.swap(true, Ordering::SeqCst));
            if let Some(slow) = slow {
                sleep(slow.delay).await;
            }
            let mut response = Response::new(Body::default());
            *response.status_mut() = this.answer(&request, slow.is_some());
            if response.status() == StatusCode::UNAUTHORIZED {
                let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            Ok(response)
        }
        .boxed()
    }
}
