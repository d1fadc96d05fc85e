//! [`Collector`]: reads a body as a whole, because its hash is signed and sent before it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body;

use crate::error::{BodyLimitError, BoxError};

/// How many frames are read at a time. Whoever else waits for the thread comes next: a body may have empty frames
/// without end.
const MAX_FRAMES: usize = 1024;

/// A body, and what was read of it. Trailers are dropped.
pub(super) struct Collector<B> {
    // Boxed, because it is read before it has found its place in the future.
    body: Pin<Box<B>>,
    read: Read,
    limit: usize,
}

/// What was read. Most bodies are one piece, which is not copied.
enum Read {
    Whole(Bytes),
    Joined(BytesMut),
}

// === impl Collector ===

impl<B> Collector<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Fails if the body says that it is longer than `limit` bytes.
    pub(super) fn new(body: B, limit: usize) -> Result<Self, BodyLimitError> {
        if usize::try_from(body.size_hint().lower()).is_ok_and(|least| least <= limit) {
            Ok(Self { body: Box::pin(body), read: Read::Whole(Bytes::new()), limit })
        } else {
            Err(BodyLimitError::new(limit))
        }
    }

    /// Reads on, and returns all that was read when the body has ended. Do not call it again after that.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, BoxError>> {
        for _ in 0..MAX_FRAMES {
            if self.body.is_end_stream() {
                return Poll::Ready(Ok(self.read.take()));
            }
            match ready!(self.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if data.remaining() > self.limit - self.read.len() {
                        return Poll::Ready(Err(BodyLimitError::new(self.limit).into()));
                    }
                    self.read.push(data);
                }
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => return Poll::Ready(Ok(self.read.take())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

// === impl Read ===

impl Read {
    fn len(&self) -> usize {
        match self {
            Self::Whole(data) => data.len(),
            Self::Joined(data) => data.len(),
        }
    }

    fn push(&mut self, mut data: impl Buf) {
        match self {
            Self::Whole(whole) if whole.is_empty() => *whole = data.copy_to_bytes(data.remaining()),
            Self::Whole(whole) => {
                let mut joined = BytesMut::with_capacity(whole.len() + data.remaining());
                joined.extend_from_slice(whole);
                joined.put(data);
                *self = Self::Joined(joined);
            }
            Self::Joined(joined) => joined.put(data),
        }
    }

    fn take(&mut self) -> Bytes {
        match self {
            Self::Whole(data) => std::mem::take(data),
            Self::Joined(data) => data.split().freeze(),
        }
    }
}
