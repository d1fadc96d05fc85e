//! The states of a request, and the transitions between them.
//!
//! The table stands at the head of [`signing`](super). Each arm here and in [`future`](super::future) bears its row,
//! and a test compares both with what happens.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tower_service::Service;

use super::{collector::Collector, options::Options, unsigned::Unsigned};
use crate::error::BoxError;

pub(super) enum State<S, B> {
    /// Waits for the body.
    Collecting {
        collector: Collector<B>,
        queued: Box<QueuedRequest<S>>,
    },
    /// Waits for the inner service.
    Collected {
        body: Bytes,
        queued: Box<QueuedRequest<S>>,
    },
    /// Waits for the answer.
    Called,
    /// Returns an error when polled.
    Failed {
        error: BoxError,
    },
    Done,
}

/// A request whose body was not ready at once.
pub(super) struct QueuedRequest<S> {
    pub(super) options: Arc<Options>,
    /// Not ready.
    pub(super) inner: S,
    pub(super) unsigned: Unsigned,
}

/// What a state leads to.
pub(super) enum Transition<F, S, B> {
    /// Goes on at once.
    To(State<S, B>),
    /// Goes on when woken.
    Pending(State<S, B>),
    /// Goes on when the call is answered.
    Call(F),
    Fail(BoxError),
}

// === impl State ===

impl<S, B> State<S, B>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
    B: Body + From<Bytes>,
    B::Error: Into<BoxError>,
{
    /// Goes on from a state in which no call is under way.
    pub(super) fn advance(self, cx: &mut Context<'_>) -> Transition<S::Future, S, B> {
        match self {
            // ## Collecting => Collected | end
            Self::Collecting { mut collector, queued } => match collector.poll(cx) {
                Poll::Pending => Transition::Pending(Self::Collecting { collector, queued }),
                Poll::Ready(Ok(body)) => Transition::To(Self::Collected { body, queued }),
                Poll::Ready(Err(error)) => Transition::Fail(error),
            },
            // ## Collected => Called | end
            Self::Collected { body, mut queued } => match queued.inner.poll_ready(cx) {
                Poll::Pending => Transition::Pending(Self::Collected { body, queued }),
                Poll::Ready(Ok(())) => queued.send(body),
                Poll::Ready(Err(error)) => Transition::Fail(error.into()),
            },
            // ## Failed => end
            Self::Failed { error } => Transition::Fail(error),
            // Polled again after its end, or while a call is under way, which `poll` does not do.
            state @ (Self::Called | Self::Done) => Transition::Pending(state),
        }
    }
}

// === impl QueuedRequest ===

impl<S> QueuedRequest<S> {
    /// Signs and sends the request, now that `inner` is ready.
    fn send<B>(mut self, body: Bytes) -> Transition<S::Future, S, B>
    where
        S: Service<Request<B>>,
        B: From<Bytes>,
    {
        match self.unsigned.sign(&self.options, body) {
            Ok(request) => Transition::Call(self.inner.call(request)),
            Err(error) => Transition::Fail(error),
        }
    }
}
