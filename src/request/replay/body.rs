//! [`ReplayBody`]: the request body that an attempt sends.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{
    frame::into_bytes,
    recording::{FirstAttempt, Recording, SecondAttempt},
};
use crate::error::BoxError;

pin_project! {
    /// The body that the inner service gets under [`BufferBody`](crate::BufferBody).
    ///
    /// `Unpin` and `Send` where the body it wraps is.
    pub struct ReplayBody<B> {
        #[pin]
        source: Source<B>,
    }
}

pin_project! {
    #[project = SourceProj]
    enum Source<B> {
        /// The body itself, which is not recorded.
        Once { #[pin] body: B },
        First { attempt: FirstAttempt<B> },
        Second { attempt: SecondAttempt<B> },
        /// Nothing: the first attempt had nothing to send, either. What it said of its size is said again, because a
        /// client makes a header of it.
        Empty { hint: SizeHint },
    }
}

// === impl ReplayBody ===

impl<B> ReplayBody<B> {
    /// Sends `body` without recording it.
    pub(super) fn once(body: B) -> Self {
        Self { source: Source::Once { body } }
    }

    /// Sends what `attempt` reads.
    pub(super) fn second(attempt: SecondAttempt<B>) -> Self {
        Self { source: Source::Second { attempt } }
    }

    /// Sends nothing, with the size hint of a body that had nothing to send.
    pub(super) fn empty(hint: SizeHint) -> Self {
        Self { source: Source::Empty { hint } }
    }
}

impl<B: Body> ReplayBody<B> {
    /// Sends `body` and records it. A body that is at its end has no recording, and costs nothing.
    pub(super) fn recorded(body: B, cap: usize) -> (Self, Option<Recording<B>>) {
        if body.is_end_stream() {
            return (Self::once(body), None);
        }
        let (attempt, recording) = Recording::start(body, cap);
        (Self { source: Source::First { attempt } }, Some(recording))
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().source.project() {
            SourceProj::Once { body } => body.poll_frame(cx).map(|frame| frame.map(into_bytes)),
            SourceProj::First { attempt } => attempt.poll_frame(cx),
            SourceProj::Second { attempt } => attempt.poll_frame(cx),
            SourceProj::Empty { .. } => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Once { body } => body.is_end_stream(),
            Source::First { attempt } => attempt.is_end_stream(),
            Source::Second { attempt } => attempt.is_end_stream(),
            Source::Empty { .. } => true,
        }
    }

    #[expect(
        clippy::clone_on_copy,
        reason = "`SizeHint` is `Copy` from http-body 1.1 on, and we admit 1.0.1"
    )]
    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Once { body } => body.size_hint(),
            Source::First { attempt } => attempt.size_hint(),
            Source::Second { attempt } => attempt.size_hint(),
            Source::Empty { hint } => hint.clone(),
        }
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").finish_non_exhaustive()
    }
}
