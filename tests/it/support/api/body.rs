//! [`ScriptedBody`]: a body that gives out what it is told, and watches how it is read.

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

/// Takes its steps, one frame each, and panics when polled after its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptedBody {
    steps: VecDeque<BodyStep>,
    /// Whether it knows its size and its end beforehand.
    sized: bool,
    ended: bool,
    /// Frames given out.
    frames: usize,
    /// Bytes given out, by all clones.
    read: Arc<AtomicUsize>,
}

#[derive(Clone, Debug)]
pub(crate) enum BodyStep {
    Data(&'static [u8]),
    Trailers(HeaderMap),
    Error(&'static str),
    /// Never ready.
    Pending,
    /// The same data for ever; who reads on and on without waiting fails.
    Endless(&'static [u8]),
}

/// Far more than any reader wants of a body.
const MAX_FRAMES: usize = 1 << 20;

// === impl ScriptedBody ===

impl ScriptedBody {
    pub(crate) fn new(steps: impl IntoIterator<Item = BodyStep>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }

    pub(crate) fn data(steps: &[&'static str]) -> Self {
        Self::new(steps.iter().map(|step| BodyStep::Data(step.as_bytes())))
    }

    pub(crate) fn then(mut self, step: BodyStep) -> Self {
        self.steps.push_back(step);
        self
    }

    /// Knows its size and its end, as bodies from memory do.
    pub(crate) fn with_size_hint(mut self) -> Self {
        self.sized = true;
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

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        assert!(!self.ended, "polled after its end");
        match self.steps.pop_front() {
            Some(BodyStep::Data(data)) => self.give(data),
            Some(BodyStep::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(BodyStep::Error(error)) => {
                self.ended = true;
                Poll::Ready(Some(Err(error.into())))
            }
            Some(BodyStep::Pending) => {
                self.steps.push_front(BodyStep::Pending);
                Poll::Pending
            }
            Some(BodyStep::Endless(data)) => {
                self.steps.push_front(BodyStep::Endless(data));
                self.give(data)
            }
            None => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.sized && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.sized {
            return SizeHint::default();
        }
        let size = self.steps.iter().map(|step| match step {
            BodyStep::Data(data) => data.remaining() as u64,
            _ => 0,
        });
        SizeHint::with_exact(size.sum())
    }
}

pub(crate) fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("x-checksum"), HeaderValue::from_static("abc"))])
}
