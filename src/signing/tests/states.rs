//! The table of states says what happens, and each arm of the transitions bears its row.

use std::{
    collections::BTreeSet,
    future::{Ready, poll_fn, ready},
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    docs::table::rows,
    error::BoxError,
    signing::{
        SignedRequestLayer,
        state::{State, Transition},
    },
    sinch::ApplicationKey,
};

/// From, and to.
type Step = (&'static str, &'static str);
type RequestState = State<Inner, Body>;

/// One frame, and how often it is waited for.
pub(super) struct Body {
    data: Option<Result<Bytes, BoxError>>,
    waits: usize,
}

/// Answers at once. A clone of one that breaks is never ready.
struct Inner {
    breaks: bool,
    is_broken: bool,
}

// === impl Body ===

impl Body {
    fn ready(data: &'static str) -> Self {
        Self { data: Some(Ok(Bytes::from_static(data.as_bytes()))), waits: 0 }
    }

    /// It is ready when it is polled the third time: by `call`, and twice by the future.
    pub(super) fn slow(data: &'static str) -> Self {
        Self { waits: 2, ..Self::ready(data) }
    }

    fn failing(self) -> Self {
        Self { data: Some(Err("the body failed".into())), ..self }
    }
}

impl From<Bytes> for Body {
    fn from(data: Bytes) -> Self {
        Self { data: Some(Ok(data)), waits: 0 }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.waits > 0 {
            self.waits -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.data.take().map(|data| data.map(Frame::data)))
    }
}

// === impl Inner ===

impl Clone for Inner {
    fn clone(&self) -> Self {
        Self { breaks: self.breaks, is_broken: self.breaks }
    }
}

impl Service<Request<Body>> for Inner {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = Ready<Result<Response<()>, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(if self.is_broken { Err("broken".into()) } else { Ok(()) })
    }

    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

/// Makes a call with this body to this host, and notes each state that follows.
async fn steps(breaks: bool, host: &str, body: Body) -> Vec<Step> {
    let key = ApplicationKey::new("my-key", "BeIukql3pTKJ8RGL5zo0DA==").unwrap();
    let mut service = SignedRequestLayer::new(key).layer(Inner { breaks, is_broken: false });
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let request = Request::post(format!("https://{host}/")).body(body).unwrap();
    let (call, state) = service.call(request).into_parts();
    drive(call, state).await
}

/// Does what the response future does, and notes each state.
async fn drive(
    mut call: Option<<Inner as Service<Request<Body>>>::Future>,
    mut state: RequestState,
) -> Vec<Step> {
    let mut steps = Vec::new();
    loop {
        let from = name(&state);
        if let Some(call) = call.take() {
            call.await.unwrap();
            steps.push((from, "end"));
            return steps;
        }
        let transition = poll_fn(|cx| match mem::replace(&mut state, State::Done).advance(cx) {
            Transition::Pending(same) => {
                state = same;
                Poll::Pending
            }
            transition => Poll::Ready(transition),
        });
        state = match transition.await {
            Transition::To(next) | Transition::Pending(next) => next,
            Transition::Call(next) => {
                call = Some(next);
                State::Called
            }
            Transition::Fail(_) => {
                steps.push((from, "end"));
                return steps;
            }
        };
        steps.push((from, name(&state)));
    }
}

fn name(state: &RequestState) -> &'static str {
    match state {
        State::Collecting { .. } => "Collecting",
        State::Collected { .. } => "Collected",
        State::Called => "Called",
        State::Failed { .. } => "Failed",
        State::Done => "Done",
    }
}

fn table() -> BTreeSet<Step> {
    rows(include_str!("../mod.rs"), "//!")
}

#[test]
fn each_arm_bears_its_row_of_the_table() {
    let arms = &rows(include_str!("../state.rs"), "// ##") | &rows(include_str!("../future.rs"), "// ##");
    assert_eq!(table(), arms);
}

#[tokio::test]
async fn the_table_is_what_happens() {
    const HOST: &str = "verification.api.sinch.com";
    let scenarios = [
        steps(false, HOST, Body::ready("{}")).await,
        steps(false, HOST, Body::slow("{}")).await,
        steps(false, HOST, Body::slow("{}").failing()).await,
        steps(true, HOST, Body::slow("{}")).await,
        steps(false, "example.com", Body::ready("{}")).await,
    ];
    let seen: BTreeSet<Step> = scenarios.into_iter().flatten().collect();
    assert_eq!(seen, table());
}

#[tokio::test]
async fn a_request_whose_body_is_ready_is_called_at_once() {
    assert_eq!(steps(false, "calling.api.sinch.com", Body::ready("{}")).await, [("Called", "end")]);
}
