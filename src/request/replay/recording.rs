//! [`Recording`]: one body that two attempts read in turn.
//!
//! The first attempt reads the body, and a copy is recorded. The second attempt reads the copy, then the rest of the
//! body. Once the second attempt exists, the first gets an error instead of the rest: a connection that is still
//! sending it is closed, rather than left with half a request.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{buffer::Buffer, frame::into_bytes};
use crate::error::BoxError;

/// The right to a second attempt. Its drop ends the recording.
pub(super) struct Recording<B>(Arc<Mutex<Shared<B>>>);

/// Reads the body, and records what it reads.
pub(super) struct FirstAttempt<B>(Arc<Mutex<Shared<B>>>);

/// Reads what was recorded, then the rest of the body.
pub(super) struct SecondAttempt<B>(Arc<Mutex<Shared<B>>>);

/// What both attempts share.
///
/// # Invariants
///
/// 1. In `Recording`, `read` holds all that `body` has given out.
/// 2. In `Unrepeatable`, `read` is empty.
/// 3. `state` changes once at most, and only from `Recording`.
/// 4. The first attempt alone polls `body`, until `Superseded`; the second alone polls it from then on.
/// 5. The second attempt polls `body` only once `read` is empty, and never after `ended`.
///
/// # Lock discipline
///
/// `body` is polled under the lock. Its code may drop the call and with it the [`Recording`], whose drop therefore
/// does not wait for the lock. Nobody is woken under the lock.
struct Shared<B> {
    body: Pin<Box<B>>,
    state: State,
    read: Buffer,
    /// The size of `body` before it was read, as the body told it. The second attempt tells the same: a client that
    /// did not know the length sent chunks, which alone may have trailers, and must send chunks again.
    hint: SizeHint,
    /// The bytes of data that the second attempt has given out.
    given_out: u64,
    /// `body` has been read to its end, whether or not it can tell.
    ended: bool,
    /// The task of the first attempt, to be woken when it is superseded.
    first_waker: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first attempt reads, and can be repeated.
    Recording,
    /// The first attempt reads, and cannot be repeated: it is over the cap, has failed, or nobody will ask.
    Unrepeatable,
    /// The second attempt reads.
    Superseded,
}

/// What the first attempt gets instead of the rest of its body.
#[derive(Debug)]
struct Superseded;

// === impl Recording ===

impl<B: Body> Recording<B> {
    /// Records up to `cap` bytes of `body`.
    pub(super) fn start(body: B, cap: usize) -> (FirstAttempt<B>, Self) {
        let shared = Arc::new(Mutex::new(Shared {
            hint: body.size_hint(),
            body: Box::pin(body),
            state: State::Recording,
            read: Buffer::up_to(cap),
            given_out: 0,
            ended: false,
            first_waker: None,
        }));
        (FirstAttempt(Arc::clone(&shared)), Self(shared))
    }
}

impl<B> Recording<B> {
    /// Returns whether the first attempt can be repeated.
    pub(super) fn can_replay(&self) -> bool {
        lock(&self.0).state == State::Recording
    }

    /// Makes the second attempt; `None` if the first cannot be repeated.
    pub(super) fn replay(self) -> Option<SecondAttempt<B>> {
        let mut shared = lock(&self.0);
        if shared.state != State::Recording {
            return None;
        }
        shared.state = State::Superseded;
        let first_waker = shared.first_waker.take();
        drop(shared);
        if let Some(first_waker) = first_waker {
            first_waker.wake();
        }
        Some(SecondAttempt(Arc::clone(&self.0)))
    }
}

impl<B> Drop for Recording<B> {
    /// Frees what was recorded, however long the first attempt goes on. If that is being polled right now, its next
    /// poll frees it.
    fn drop(&mut self) {
        if let Ok(mut shared) = self.0.try_lock() {
            if shared.state == State::Recording {
                shared.stop_recording();
            }
        }
    }
}

// === impl FirstAttempt ===

impl<B> FirstAttempt<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(super) fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let is_wanted = Arc::strong_count(&self.0) > 1;
        lock(&self.0).poll_first(cx, is_wanted)
    }
}

impl<B: Body> FirstAttempt<B> {
    pub(super) fn is_end_stream(&self) -> bool {
        let shared = lock(&self.0);
        shared.state != State::Superseded && shared.body.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        lock(&self.0).body.size_hint()
    }
}

// === impl SecondAttempt ===

impl<B> SecondAttempt<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(super) fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        lock(&self.0).poll_second(cx)
    }
}

impl<B: Body> SecondAttempt<B> {
    pub(super) fn is_end_stream(&self) -> bool {
        let shared = lock(&self.0);
        shared.read.is_empty() && shared.has_ended()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        lock(&self.0).hint_of_second()
    }
}

// === impl Shared ===

impl<B> Shared<B> {
    /// Frees what was recorded. From now on the first attempt cannot be repeated.
    fn stop_recording(&mut self) {
        self.state = State::Unrepeatable;
        self.read = Buffer::up_to(0);
    }
}

impl<B> Shared<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Reads for the first attempt. It `is_wanted` while somebody may ask for a second.
    fn poll_first(
        &mut self,
        cx: &mut Context<'_>,
        is_wanted: bool,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.state == State::Superseded {
            return Poll::Ready(Some(Err(Superseded.into())));
        }
        if !is_wanted {
            self.stop_recording();
        }
        let Poll::Ready(frame) = self.body.as_mut().poll_frame(cx) else {
            self.first_waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let frame = frame.map(into_bytes);
        match &frame {
            Some(Ok(frame)) => {
                self.ended = frame.is_trailers();
                if self.state == State::Recording && !self.read.push(frame) {
                    self.stop_recording();
                }
            }
            None => self.ended = true,
            Some(Err(_)) => self.stop_recording(),
        }
        Poll::Ready(frame)
    }

    fn poll_second(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match self.read.pop() {
            Some(frame) => Some(Ok(frame)),
            None if self.has_ended() => None,
            None => {
                let frame = ready!(self.body.as_mut().poll_frame(cx));
                self.ended = frame.is_none();
                frame.map(into_bytes)
            }
        };
        if let Some(Ok(frame)) = &frame {
            let len = frame.data_ref().map_or(0, Bytes::len);
            self.given_out = self.given_out.saturating_add(len as u64);
        }
        Poll::Ready(frame)
    }
}

impl<B: Body> Shared<B> {
    fn has_ended(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn hint_of_second(&self) -> SizeHint {
        let lower = self.hint.lower().saturating_sub(self.given_out).max(self.read.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(lower);
        if let Some(upper) = self.hint.upper() {
            hint.set_upper(upper.saturating_sub(self.given_out).max(lower));
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

/// Locks, even after a panic of the body: that leaves everything else as it was.
fn lock<B>(shared: &Mutex<Shared<B>>) -> MutexGuard<'_, Shared<B>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
