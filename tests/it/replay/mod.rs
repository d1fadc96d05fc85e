//! What each replay policy keeps of a request body, and what each attempt sees of it.

mod cap;
mod clone_body;
mod first_attempt;
mod frames;
mod memory;
mod random;

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::sync::oneshot;
use tokio_test::{
    assert_ready,
    task::{self, Spawn},
};
use tower::{Layer, Service, ServiceExt};
use tower_sinch_auth::{BoxError, BufferBody, ReplayBody, SinchAuth};

use crate::support::api::{assert_is_the_rejection, rejection, settle, token_of, upload, warm};

type Answer = Response<Full<Bytes>>;

/// The requests that a [`Held`] service was called with, with their bodies unread.
type Calls<B> = Arc<Mutex<VecDeque<Call<B>>>>;

/// One call that waits for its answer, while the test reads its body manually, frame by frame.
struct Call<B> {
    token: Option<String>,
    body: Reader<B>,
    respond: Respond,
}

type Respond = oneshot::Sender<Result<Answer, BoxError>>;

/// The body of an attempt, read manually.
struct Reader<B>(Spawn<Pin<Box<ReplayBody<B>>>>);

/// Hands its calls to the test.
struct Held<B>(Calls<B>);

/// What a body showed of itself.
#[derive(Debug, PartialEq)]
enum Shown {
    Data(String),
    Trailers(HeaderMap),
    Error(String),
    End,
    Pending,
}

/// A request under [`BufferBody`] whose two attempts the test plays.
struct Play<B> {
    calls: Calls<B>,
    answer: Spawn<Answering>,
}

type Answering = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

// === impl Held ===

impl<B> Clone for Held<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> Service<Request<ReplayBody<B>>> for Held<B> {
    type Response = Answer;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReplayBody<B>>) -> Self::Future {
        let (respond, answer) = oneshot::channel();
        self.0.lock().unwrap().push_back(Call {
            token: token_of(request.headers()).map(String::from),
            body: Reader(task::spawn(Box::pin(request.into_body()))),
            respond,
        });
        Box::pin(async { answer.await? })
    }
}

// === impl Play ===

impl<B> Play<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    async fn start(body: B, cap: usize) -> Self {
        let (layer, _) = warm().await;
        let calls = Calls::default();
        let service: SinchAuth<_, BufferBody> =
            layer.replay(BufferBody::up_to(cap)).layer(Held(Arc::clone(&calls)));
        let answer: Answering = Box::pin(service.oneshot(upload(body)));
        let mut answer = task::spawn(answer);
        assert!(answer.poll().is_pending());
        Self { calls, answer }
    }

    #[track_caller]
    fn attempt(&self, token: &str) -> Call<B> {
        let call = self.calls.lock().unwrap().pop_front().expect("an attempt");
        assert_eq!(call.token.as_deref(), Some(token));
        call
    }

    #[track_caller]
    fn first(&self) -> (Reader<B>, Respond) {
        let Call { body, respond, .. } = self.attempt("token-1");
        (body, respond)
    }

    /// Answers the first attempt with a 401 and returns the second, if there is one.
    async fn reject(&mut self, respond: Respond) -> Result<Reader<B>, Answer> {
        respond.send(Ok(rejection())).unwrap();
        assert!(self.answer.poll().is_pending());
        settle().await;
        match self.answer.poll() {
            Poll::Pending => Ok(self.attempt("token-2").body),
            Poll::Ready(answer) => Err(answer.unwrap()),
        }
    }

    /// Answers the first attempt with a 401 that must be the answer, at once.
    async fn assert_not_retried(mut self, respond: Respond) {
        respond.send(Ok(rejection())).unwrap();
        assert_is_the_rejection(assert_ready!(self.answer.poll()).unwrap()).await;
        assert!(self.calls.lock().unwrap().is_empty());
    }
}

// === impl Reader ===

impl<B> Reader<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Polls the body once.
    fn poll(&mut self) -> Shown {
        match self.0.enter(|cx, body| body.poll_frame(cx)) {
            Poll::Pending => Shown::Pending,
            Poll::Ready(None) => Shown::End,
            Poll::Ready(Some(Err(error))) => Shown::Error(error.to_string()),
            Poll::Ready(Some(Ok(frame))) => Shown::of(frame),
        }
    }

    /// Polls the body once, which must be ready.
    #[track_caller]
    fn poll_frame(&mut self) -> Option<Result<Frame<Bytes>, BoxError>> {
        assert_ready!(self.0.enter(|cx, body| body.poll_frame(cx)))
    }

    /// Polls the body once, which must have data.
    #[track_caller]
    fn data(&mut self) -> String {
        match self.poll() {
            Shown::Data(data) => data,
            shown => panic!("{shown:?} instead of data"),
        }
    }

    #[track_caller]
    fn assert_shows(&mut self, expected: impl IntoIterator<Item = Shown>) {
        for expected in expected {
            assert_eq!(self.poll(), expected);
        }
    }

    /// Compares wherever data is cut into frames: the second attempt need not cut it as the first did.
    #[track_caller]
    fn assert_sends(&mut self, expected: impl IntoIterator<Item = Shown>) {
        let mut expected = expected.into_iter().peekable();
        while let Some(next) = expected.next() {
            let Shown::Data(mut text) = next else {
                assert_eq!(self.poll(), next);
                continue;
            };
            while let Some(Shown::Data(more)) = expected.next_if(|next| matches!(next, Shown::Data(_))) {
                text.push_str(&more);
            }
            let mut sent = String::new();
            while sent.len() < text.len() {
                sent.push_str(&self.data());
            }
            assert_eq!(sent, text);
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn is_woken(&self) -> bool {
        self.0.is_woken()
    }

    fn hint(&self) -> SizeHint {
        self.0.size_hint()
    }

    fn exact_size(&self) -> Option<u64> {
        self.hint().exact()
    }
}

// === impl Shown ===

impl Shown {
    fn of(frame: Frame<Bytes>) -> Self {
        match frame.into_data() {
            Ok(data) => Self::Data(String::from_utf8(data.to_vec()).unwrap()),
            Err(frame) => Self::Trailers(frame.into_trailers().unwrap()),
        }
    }
}

fn data(text: &str) -> Shown {
    Shown::Data(text.into())
}
