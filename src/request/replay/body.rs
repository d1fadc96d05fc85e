//! [`ReplayBody`]: a request body that can be sent twice.
//!
//! Both attempts read from one [`Recording`]: the first through to the body, leaving a copy; the second from the copy,
//! then on from the body, wherever the first had come to. Once the second attempt exists, the first gets an error
//! instead of more of the body, so that a connection still sending it is closed rather than left with half a request.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

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
        /// Sent once.
        Once { #[pin] body: B },
        /// The first attempt: records what it reads.
        First { recording: Arc<Mutex<Recording<B>>> },
        /// The second attempt: reads what was recorded, then what is left.
        Second { recording: Arc<Mutex<Recording<B>>> },
        /// Had nothing to send the first time, either.
        Empty,
    }
}

/// The recording of a first attempt, from which a second can be made.
pub(super) struct Tape<B>(Arc<Mutex<Recording<B>>>);

struct Recording<B> {
    body: Pin<Box<B>>,
    /// The data read by the first attempt and not yet by the second.
    data: VecDeque<Bytes>,
    /// The length of `data`.
    len: usize,
    trailers: Option<HeaderMap>,
    /// What the body said of its size before it was read. The second attempt says the same: a client that sent
    /// chunks, which alone may have trailers, because it did not know the length must do so again.
    hint: SizeHint,
    /// How much the second attempt has given out.
    given: u64,
    /// The body has been read to its end, which it need not be able to say itself.
    ended: bool,
    cap: usize,
    state: State,
    /// Who polls the first attempt: to be woken when it is replaced.
    first: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first attempt reads, and `data` is all that it read.
    Recording,
    /// The first attempt reads, but it cannot be repeated: over the cap, or the body failed.
    Unrepeatable,
    /// The second attempt has taken over.
    Replaced,
}

/// What a first attempt sees instead of the rest of its body.
#[derive(Debug)]
struct Superseded;

// === impl ReplayBody ===

impl<B> ReplayBody<B> {
    pub(super) fn once(body: B) -> Self {
        Self { source: Source::Once { body } }
    }

    pub(super) fn empty() -> Self {
        Self { source: Source::Empty }
    }
}

impl<B: Body> ReplayBody<B> {
    /// Records `body` while it is read; no tape, and no cost, for a body that is at its end.
    pub(super) fn recorded(body: B, cap: usize) -> (Self, Option<Tape<B>>) {
        if body.is_end_stream() {
            return (Self::once(body), None);
        }
        let recording = Arc::new(Mutex::new(Recording {
            hint: body.size_hint(),
            given: 0,
            body: Box::pin(body),
            data: VecDeque::new(),
            len: 0,
            trailers: None,
            ended: false,
            cap,
            state: State::Recording,
            first: None,
        }));
        let tape = Tape(Arc::clone(&recording));
        (Self { source: Source::First { recording } }, Some(tape))
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
            SourceProj::First { recording } => {
                let wanted = Arc::strong_count(recording) > 1;
                lock(recording).poll_first(cx, wanted)
            }
            SourceProj::Second { recording } => lock(recording).poll_second(cx),
            SourceProj::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Once { body } => body.is_end_stream(),
            Source::First { recording } => {
                let recording = lock(recording);
                recording.state != State::Replaced && recording.body.is_end_stream()
            }
            Source::Second { recording } => lock(recording).is_end_of_second(),
            Source::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Once { body } => body.size_hint(),
            Source::First { recording } => lock(recording).body.size_hint(),
            Source::Second { recording } => lock(recording).hint_of_second(),
            Source::Empty => SizeHint::with_exact(0),
        }
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").finish_non_exhaustive()
    }
}

// === impl Tape ===

impl<B> Tape<B> {
    /// Whether all that was read is here.
    pub(super) fn is_whole(&self) -> bool {
        lock(&self.0).state == State::Recording
    }

    /// Makes the second attempt; `None` if the first cannot be repeated.
    pub(super) fn replay(self) -> Option<ReplayBody<B>> {
        let mut recording = lock(&self.0);
        if recording.state != State::Recording {
            return None;
        }
        recording.state = State::Replaced;
        let first = recording.first.take();
        drop(recording);
        if let Some(first) = first {
            first.wake();
        }
        Some(ReplayBody { source: Source::Second { recording: Arc::clone(&self.0) } })
    }
}

impl<B> Drop for Tape<B> {
    /// Without a retry nothing is kept, however long the first attempt goes on. If it is being polled right now,
    /// its next poll sees to it.
    fn drop(&mut self) {
        if let Ok(mut recording) = self.0.try_lock() {
            if recording.state == State::Recording {
                recording.forget();
            }
        }
    }
}

// === impl Recording ===

impl<B> Recording<B> {
    fn forget(&mut self) {
        self.state = State::Unrepeatable;
        self.data = VecDeque::new();
        self.trailers = None;
    }
}

impl<B> Recording<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// `wanted`: someone may still ask for a second attempt.
    fn poll_first(
        &mut self,
        cx: &mut Context<'_>,
        wanted: bool,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.state == State::Replaced {
            return Poll::Ready(Some(Err(Superseded.into())));
        }
        if !wanted {
            self.forget();
        }
        let Poll::Ready(frame) = self.body.as_mut().poll_frame(cx) else {
            self.first = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let frame = frame.map(into_bytes);
        match &frame {
            Some(Ok(frame)) if self.state == State::Recording => self.record(frame),
            Some(Ok(_)) => {}
            None => self.ended = true,
            Some(Err(_)) => self.forget(),
        }
        Poll::Ready(frame)
    }

    fn poll_second(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(data) = self.data.pop_front() {
            self.len -= data.len();
            self.given += data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        if self.has_no_more() {
            return Poll::Ready(None);
        }
        let frame = ready!(self.body.as_mut().poll_frame(cx));
        self.ended = frame.is_none();
        let frame = frame.map(into_bytes);
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.given = self.given.saturating_add(data.len() as u64);
        }
        Poll::Ready(frame)
    }
}

impl<B: Body> Recording<B> {
    fn record(&mut self, frame: &Frame<Bytes>) {
        if let Some(data) = frame.data_ref() {
            self.len = self.len.saturating_add(data.len());
            if self.len > self.cap {
                self.forget();
            } else if !data.is_empty() {
                self.data.push_back(data.clone());
            }
        } else if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
            self.ended = true;
        }
    }

    fn is_end_of_second(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none() && self.has_no_more()
    }

    fn has_no_more(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn hint_of_second(&self) -> SizeHint {
        let lower = self.hint.lower().saturating_sub(self.given).max(self.len as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(lower);
        if let Some(upper) = self.hint.upper() {
            hint.set_upper(upper.saturating_sub(self.given).max(lower));
        }
        hint
    }
}

// === impl Superseded ===

impl fmt::Display for Superseded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rest of this request body goes with its retry")
    }
}

impl std::error::Error for Superseded {}

fn into_bytes<D: Buf, E: Into<BoxError>>(frame: Result<Frame<D>, E>) -> Result<Frame<Bytes>, BoxError> {
    match frame {
        Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
        Err(error) => Err(error.into()),
    }
}

/// A body that panicked when polled stays what it was.
fn lock<B>(recording: &Mutex<Recording<B>>) -> MutexGuard<'_, Recording<B>> {
    recording.lock().unwrap_or_else(PoisonError::into_inner)
}
