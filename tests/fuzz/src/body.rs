//! [`Script`]: a body that gives out what the input says, and panics when it is polled after its end.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tower_sinch_auth::BoxError;

/// What a [`Script`] does when it is polled.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Gives out these bytes, which may be none.
    Data(Bytes),
    /// Gives out these trailers.
    Trailers(HeaderMap),
    /// Is not ready, and wakes whoever polled.
    Pending,
    /// Is not ready, and never will be.
    Stuck,
    /// Fails.
    Error,
}

/// A body of pieces.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pieces: VecDeque<Piece>,
    hint: SizeHint,
    /// Whether it knows when it is at its end.
    tells_end: bool,
    ended: bool,
}

// === impl Script ===

impl Script {
    /// Gives out `pieces`, and knows nothing of them beforehand.
    pub fn new(pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self { pieces: pieces.into_iter().collect(), ..Self::default() }
    }

    /// Says this of its size, less what it has given out.
    #[must_use]
    pub fn hinting(mut self, hint: SizeHint) -> Self {
        self.hint = hint;
        self
    }

    /// Knows when it is at its end, if `tells_end`.
    #[must_use]
    pub fn telling(mut self, tells_end: bool) -> Self {
        self.tells_end = tells_end;
        self
    }

    fn gave(&mut self, length: u64) {
        let mut hint = SizeHint::new();
        hint.set_lower(self.hint.lower().saturating_sub(length));
        if let Some(upper) = self.hint.upper() {
            hint.set_upper(upper.saturating_sub(length));
        }
        self.hint = hint;
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        assert!(!self.ended, "a body was polled after its end");
        match self.pieces.pop_front() {
            Some(Piece::Data(data)) => {
                self.gave(data.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(Piece::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Piece::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Piece::Stuck) => {
                self.pieces.push_front(Piece::Stuck);
                Poll::Pending
            }
            Some(Piece::Error) => {
                self.ended = true;
                Poll::Ready(Some(Err("the body is torn".into())))
            }
            None => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.tells_end && self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}
