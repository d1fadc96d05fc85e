//! The table of states says what happens, and each arm of the transitions bears its row.

use std::{
    collections::{BTreeSet, VecDeque},
    future::{Ready, poll_fn, ready},
    mem,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use tokio::time::{Sleep, sleep};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    CloneBody, SinchAuthLayer,
    state::{State, Transition},
};
use crate::{
    audience::Audience,
    docs::table::rows,
    error::{BoxError, TokenError, TokenErrorKind},
    refresher::TokenRefresher,
    token::IssuedToken,
};

type Body = Empty<&'static [u8]>;
type RequestState = State<Inner, CloneBody, (), Body>;
/// From, and to.
type Step = (&'static str, &'static str);

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What one instance of the inner service does when it is asked whether it is ready.
#[derive(Clone, Copy, Debug)]
enum Readiness {
    Now,
    After(Duration),
    Broken,
}

/// Answers each call at once, by what is scripted, then with `200`. Each clone becomes ready anew.
struct Inner {
    readiness: Arc<Mutex<VecDeque<Readiness>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    waiting: Option<Pin<Box<Sleep>>>,
}

/// Readies the service, and calls it.
struct Scenario {
    tokens: TokenRefresher,
    inner: Inner,
    audience: Audience,
}

// === impl Inner ===

impl Clone for Inner {
    fn clone(&self) -> Self {
        let (readiness, answers) = (Arc::clone(&self.readiness), Arc::clone(&self.answers));
        Self { readiness, answers, waiting: None }
    }
}

impl Service<Request<()>> for Inner {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Ready<Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if let Some(waiting) = &mut self.waiting {
            return waiting.as_mut().poll(cx).map(Ok);
        }
        match self.readiness.lock().unwrap().pop_front().unwrap_or(Readiness::Now) {
            Readiness::Now => Poll::Ready(Ok(())),
            Readiness::Broken => Poll::Ready(Err("broken".into())),
            Readiness::After(time) => self.waiting.insert(Box::pin(sleep(time))).as_mut().poll(cx).map(Ok),
        }
    }

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        let status = self.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::OK);
        let mut response = Response::new(Body::new());
        *response.status_mut() = status;
        ready(Ok(response))
    }
}

// === impl Scenario ===

impl Scenario {
    /// Tokens of `lifetime`, each another one, which take a second to come; `tokens` of them, then errors.
    fn new(lifetime: Duration, tokens: u64) -> Self {
        let issued = Arc::new(Mutex::new(0));
        let source = move || {
            let issued = Arc::clone(&issued);
            async move {
                sleep(SECOND).await;
                let mut issued = issued.lock().unwrap();
                *issued += 1;
                if *issued > tokens {
                    return Err(TokenError::new(TokenErrorKind::Rejected, "scripted"));
                }
                IssuedToken::bearer(format!("token-{issued}"), Some(lifetime))
            }
        };
        let inner = Inner { readiness: Arc::default(), answers: Arc::default(), waiting: None };
        Self { tokens: TokenRefresher::new(source), inner, audience: Audience::any() }
    }

    /// The first readiness is that of the instance that is called.
    fn readiness(self, readiness: impl IntoIterator<Item = Readiness>) -> Self {
        self.inner.readiness.lock().unwrap().extend(readiness);
        self
    }

    fn answers(self, answers: impl IntoIterator<Item = u16>) -> Self {
        let answers = answers.into_iter().map(|status| StatusCode::from_u16(status).unwrap());
        self.inner.answers.lock().unwrap().extend(answers);
        self
    }

    async fn warm(self) -> Self {
        self.tokens.token().await.unwrap();
        self
    }

    /// Makes a call, and lets `meanwhile` happen before it is first looked at.
    async fn run(self, meanwhile: impl AsyncFnOnce(&TokenRefresher)) -> Vec<Step> {
        let layer = SinchAuthLayer::new(self.tokens.clone()).audience(self.audience);
        let mut service = layer.layer(self.inner);
        poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
        let future = service.call(Request::get("https://api.example.com/").body(()).unwrap());
        meanwhile(&self.tokens).await;
        let (call, state) = future.into_parts();
        drive(call, state).await
    }

    async fn steps(self) -> Vec<Step> {
        self.run(async |_: &TokenRefresher| ()).await
    }
}

/// Does what the response future does, and notes each state.
async fn drive(
    mut call: Option<<Inner as Service<Request<()>>>::Future>,
    mut state: RequestState,
) -> Vec<Step> {
    let mut steps = Vec::new();
    loop {
        let from = name(&state);
        let transition = match call.take() {
            Some(answer) => state.on_response(answer.await),
            None => {
                poll_fn(|cx| {
                    let current = mem::replace(&mut state, State::Done);
                    match current.advance(cx) {
                        Transition::Pending(same) => {
                            state = same;
                            Poll::Pending
                        }
                        transition => Poll::Ready(transition),
                    }
                })
                .await
            }
        };
        let to = match transition {
            Transition::To(next) | Transition::Pending(next) => next,
            Transition::Call(next_call, next) => {
                call = Some(next_call);
                next
            }
            Transition::Return(_) => {
                steps.push((from, "end"));
                return steps;
            }
        };
        // A state that goes on with itself is no transition.
        if name(&to) != from {
            steps.push((from, name(&to)));
        }
        state = to;
    }
}

fn name(state: &RequestState) -> &'static str {
    match state {
        State::Authorizing { .. } => "Authorizing",
        State::Authorized { .. } => "Authorized",
        State::Called { .. } => "Called",
        State::Refreshing { .. } => "Refreshing",
        State::Retrying { .. } => "Retrying",
        State::Retried { .. } => "Retried",
        State::Failed { .. } => "Failed",
        State::Done => "Done",
    }
}

fn table() -> BTreeSet<Step> {
    rows(include_str!("mod.rs"), "//!")
}

#[test]
fn each_arm_bears_its_row_of_the_table() {
    assert_eq!(table(), rows(include_str!("transitions.rs"), "// ##"));
}

#[tokio::test(start_paused = true)]
async fn the_table_is_what_happens() {
    use Readiness::{After, Broken, Now};
    let hour = || Scenario::new(60 * MINUTE, u64::MAX);
    let slow = |retry| [Now, After(retry)];
    let mut outside = hour();
    outside.audience = Audience::hosts(["elsewhere.example.com"]);
    let revoke = async |tokens: &TokenRefresher| {
        let rejected = tokens.cached().unwrap();
        tokens.refresh(&rejected).await.unwrap();
    };
    let scenarios = [
        hour().steps().await,
        Scenario::new(MINUTE, 0).steps().await,
        hour().readiness([Now, Broken]).steps().await,
        Scenario::new(2 * SECOND, u64::MAX).readiness([Now, After(3 * SECOND)]).steps().await,
        hour().warm().await.steps().await,
        hour().warm().await.answers([401]).steps().await,
        hour().warm().await.answers([401]).run(revoke).await,
        Scenario::new(MINUTE, 1).warm().await.answers([401]).steps().await,
        hour().warm().await.answers([401]).readiness([Now, Broken]).steps().await,
        hour().warm().await.answers([401]).readiness(slow(10 * SECOND)).steps().await,
        Scenario::new(10 * SECOND, u64::MAX)
            .warm()
            .await
            .answers([401])
            .readiness(slow(20 * SECOND))
            .steps()
            .await,
        outside.steps().await,
    ];
    let seen: BTreeSet<Step> = scenarios.into_iter().flatten().collect();
    assert_eq!(seen, table());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_finds_a_token_is_called_at_once() {
    let steps = Scenario::new(60 * MINUTE, u64::MAX).warm().await.steps().await;
    assert_eq!(steps, [("Called", "end")]);
}
