//! [`Script`]: a body that gives out what it is told, and watches how it is read.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use tower_sinch_auth::BoxError;

/// Gives out its pieces, and panics when polled after its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pieces: VecDeque<Piece>,
    /// Whether it knows its size and its end beforehand.
    tells: bool,
    ended: bool,
    /// Frames given out.
    frames: usize,
    /// Bytes given out, by all clones.
    read: Arc<AtomicUsize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Data(&'static [u8]),
    Trailers(HeaderMap),
    Error(&'static str),
    /// Never goes on.
    Stuck,
    /// The same data for ever; who reads on and on without waiting fails.
    Endless(&'static [u8]),
}

/// Far more than any reader wants of a body.
const MAX_FRAMES: usize = 1 << 20;

// === impl Script ===

impl Script {
    pub(crate) fn new(pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self { pieces: pieces.into_iter().collect(), ..Self::default() }
    }

    pub(crate) fn data(pieces: &[&'static str]) -> Self {
        Self::new(pieces.iter().map(|piece| Piece::Data(piece.as_bytes())))
    }

    pub(crate) fn then(mut self, piece: Piece) -> Self {
        self.pieces.push_back(piece);
        self
    }

    /// Knows its size and its end, as bodies from memory do.
    pub(crate) fn telling(mut self) -> Self {
        self.tells = true;
        self
    }

    /// How many bytes were read of it, now or later.
    pub(crate) fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.read)
    }

    fn give(&mut self, data: &'static [u8]) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.frames += 1;
        assert!(self.frames < MAX_FRAMES, "read without end");
        self.read.fetch_add(data.len(), Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(data)))))
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        assert!(!self.ended, "polled after its end");
        match self.pieces.pop_front() {
            Some(Piece::Data(data)) => self.give(data),
            Some(Piece::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Piece::Error(error)) => {
                self.ended = true;
                Poll::Ready(Some(Err(error.into())))
            }
            Some(Piece::Stuck) => {
                self.pieces.push_front(Piece::Stuck);
                Poll::Pending
            }
            Some(Piece::Endless(data)) => {
                self.pieces.push_front(Piece::Endless(data));
                self.give(data)
            }
            None => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.tells && self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.tells {
            return SizeHint::default();
        }
        let size = self.pieces.iter().map(|piece| match piece {
            Piece::Data(data) => data.remaining() as u64,
            _ => 0,
        });
        SizeHint::with_exact(size.sum())
    }
}

pub(crate) fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("x-checksum"), HeaderValue::from_static("abc"))])
}
