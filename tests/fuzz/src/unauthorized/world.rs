//! [`World`]: the APIs and the issuer of tokens, which do as the script says.

use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION, header::WWW_AUTHENTICATE};
use http_body_util::Full;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tower::Service;
use tower_sinch_auth::{BoxError, IssuedToken, TokenError, TokenErrorKind};

use super::{
    books::Books,
    clock::Moment,
    script::{Answer, Outcome, Policy, Script},
};

/// The authorities that are called.
pub(super) const AUTHORITIES: [&str; 3] = ["a.test", "b.test", "c.test:8443"];

/// A [`World`] that all share.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<World>>);

/// The APIs and the issuer, and the books about both.
#[derive(Debug)]
pub(super) struct World {
    pub(super) books: Books,
    pub(super) next_answer: Option<Answer>,
    pub(super) latency: Duration,
    pub(super) token_latency: Duration,
    pub(super) lifetime: Option<Duration>,
    pub(super) outcome: Outcome,
    pub(super) next_outcome: Option<Outcome>,
    authorities: [Authority; 3],
    /// The number of the last token.
    issued: u32,
    rng: Rng,
}

/// How one API answers.
#[derive(Debug)]
struct Authority {
    policy: Policy,
    /// The tokens up to this number are rejected, if the policy is about that.
    revoked: u32,
    requests: u32,
    accepted: BTreeSet<u32>,
}

/// The APIs, as one service.
#[derive(Debug)]
pub(super) struct Api {
    world: Shared,
    not_ready: Option<Pin<Box<Sleep>>>,
}

/// Which call a request belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallId(pub(super) usize);

/// A token request. Dropped before it has been answered, it is given up.
struct TokenRequest<'a> {
    world: &'a Shared,
    id: usize,
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(script: &Script) -> Self {
        let authority = || Authority {
            policy: Policy::Always(Answer::Status(200)),
            revoked: 0,
            requests: 0,
            accepted: BTreeSet::new(),
        };
        Self(Arc::new(Mutex::new(World {
            books: Books::new(script.settings),
            next_answer: None,
            latency: Duration::ZERO,
            token_latency: Duration::ZERO,
            lifetime: Some(Duration::from_secs(60 * 60)),
            outcome: Outcome::Issued,
            next_outcome: None,
            authorities: [authority(), authority(), authority()],
            issued: 0,
            rng: Rng::with_seed(script.seed),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("no panic before this one")
    }

    /// One attempt to get a token.
    pub(super) async fn fetch(self) -> Result<IssuedToken, TokenError> {
        let (request, latency, outcome, lifetime) = {
            let mut world = self.lock();
            let id = world.books.on_token_request(Moment::now());
            let outcome = world.outcome_of_request();
            let request = TokenRequest { world: &self, id };
            (request, world.token_latency, outcome, world.lifetime)
        };
        sleep(latency).await;
        let mut world = self.lock();
        let again = outcome == Outcome::IssuedAgain && world.issued > 0;
        if outcome == Outcome::Issued || outcome == Outcome::IssuedAgain {
            world.issued += u32::from(!again);
            let number = world.issued;
            world.books.on_token(request.id, number, lifetime, Moment::now());
            drop(world);
            return IssuedToken::bearer(format!("token-{number}"), lifetime);
        }
        let error = error_of(outcome);
        world.books.on_no_token(request.id, &error, Moment::now());
        Err(error)
    }
}

fn error_of(outcome: Outcome) -> TokenError {
    let (kind, retry_after) = match outcome {
        Outcome::Throttled(retry_after) => (TokenErrorKind::Throttled, retry_after),
        Outcome::Rejected => (TokenErrorKind::Rejected, None),
        Outcome::Credentials => (TokenErrorKind::Credentials, None),
        Outcome::TimedOut => (TokenErrorKind::TimedOut, None),
        _ => (TokenErrorKind::Unavailable, None),
    };
    TokenError::new(kind, "as the script says").with_retry_after(retry_after)
}

impl Drop for TokenRequest<'_> {
    fn drop(&mut self) {
        self.world.lock().books.on_token_request_gone(self.id);
    }
}

// === impl World ===

impl World {
    pub(super) fn set_policy(&mut self, authority: usize, policy: Policy) {
        let authority = &mut self.authorities[authority];
        authority.policy = policy;
        authority.revoked = self.issued;
    }

    fn outcome_of_request(&mut self) -> Outcome {
        match self.next_outcome.take().unwrap_or(self.outcome) {
            Outcome::Drawn if self.rng.bool() => Outcome::Unavailable,
            Outcome::Drawn => Outcome::Issued,
            outcome => outcome,
        }
    }

    fn answer(&mut self, authority: usize, number: u32) -> Answer {
        let authority = &mut self.authorities[authority];
        authority.requests += 1;
        if let Some(answer) = self.next_answer.take() {
            return answer;
        }
        let is_rejected = match authority.policy {
            Policy::Always(answer) => return answer,
            Policy::Revoked(answer) if number > authority.revoked => return answer,
            Policy::Revoked(_) => true,
            Policy::EveryOther => authority.requests % 2 == 1,
            Policy::OnceEach => !authority.accepted.insert(number),
            Policy::Drawn => self.rng.u8(..) < 85,
        };
        if is_rejected { Answer::Unauthorized } else { Answer::Status(200) }
    }
}

// === impl Api ===

impl Api {
    pub(super) fn new(world: Shared) -> Self {
        Self { world, not_ready: None }
    }
}

impl Clone for Api {
    fn clone(&self) -> Self {
        Self::new(self.world.clone())
    }
}

impl<B> Service<Request<B>> for Api {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let ready_at: Instant = self.world.lock().books.ready_at();
        if Moment::now().mono >= ready_at {
            self.not_ready = None;
            return Poll::Ready(Ok(()));
        }
        let sleep = self.not_ready.get_or_insert_with(|| Box::pin(sleep_until(ready_at)));
        sleep.as_mut().reset(ready_at);
        sleep.as_mut().poll(cx).map(Ok)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let id = *request.extensions().get::<CallId>().expect("our own extension");
        let authority = request.uri().authority().expect("an absolute URI").as_str();
        let authority = AUTHORITIES.iter().position(|known| *known == authority).expect("an authority");
        let number = number_of(request.headers().get(AUTHORIZATION).expect("a token"));
        let mut world = self.world.lock();
        world.books.on_sent(id, number, Moment::now());
        let (answer, latency) = (world.answer(authority, number), world.latency);
        drop(world);
        let world = self.world.clone();
        Box::pin(async move {
            if !latency.is_zero() {
                sleep(latency).await;
            }
            world.lock().books.on_answer(id, number, answer, Moment::now());
            let mut response = Response::new(Full::default());
            *response.status_mut() = match answer {
                Answer::Fails => return Err("the call fails".into()),
                Answer::Status(status) => status.try_into().expect("a status"),
                Answer::Unauthorized | Answer::InsufficientScope => http::StatusCode::UNAUTHORIZED,
            };
            if answer == Answer::InsufficientScope {
                let challenge = HeaderValue::from_static("Bearer error=\"insufficient_scope\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            Ok(response)
        })
    }
}

/// Reads the number of a token.
pub(super) fn number_of(authorization: &HeaderValue) -> u32 {
    assert!(authorization.is_sensitive());
    let number = authorization.to_str().ok().and_then(|text| text.strip_prefix("Bearer token-"));
    number.and_then(|number| number.parse().ok()).expect("one of our tokens")
}
