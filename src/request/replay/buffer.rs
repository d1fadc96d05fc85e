//! [`Buffer`]: the data and trailers that an attempt has read, in bounded memory.
//!
//! A frame may be a slice that keeps a far larger buffer alive, and a body may come in frames of one byte. So frames
//! are copied together. Only a large frame is shared, because copying it would cost more than is gained.

use std::{collections::VecDeque, mem};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;

/// The length from which on a frame is shared, not copied.
const MIN_SHARED: usize = 64 * 1024;
/// The least that is allocated for data, where the cap allows it.
const MIN_CHUNK: usize = 256;
/// The most that is allocated for data that may not come.
const MAX_CHUNK: usize = 16 * 1024;
/// The most that trailers take.
const MAX_TRAILERS: usize = 16 * 1024;
/// About what a map takes for a field beside its name and value.
const FIELD: usize = 128;

/// Data and trailers, first in, first out.
///
/// # Invariants
///
/// 1. `len` is the length of `chunks` and `tail`, and at most `cap`.
/// 2. Copied chunks have no spare capacity. That of `tail` is at most what `cap` leaves.
pub(super) struct Buffer {
    cap: usize,
    /// Copied and shared data.
    chunks: VecDeque<Bytes>,
    /// The data behind `chunks`, to which more is copied.
    tail: Vec<u8>,
    len: usize,
    trailers: Option<HeaderMap>,
}

// === impl Buffer ===

impl Buffer {
    /// Holds at most `cap` bytes of data.
    pub(super) fn up_to(cap: usize) -> Self {
        Self { cap, chunks: VecDeque::new(), tail: Vec::new(), len: 0, trailers: None }
    }

    /// Appends a frame; `false` if it does not fit, and is not appended.
    #[must_use]
    pub(super) fn push(&mut self, frame: &Frame<Bytes>) -> bool {
        if let Some(data) = frame.data_ref() {
            return self.push_data(data);
        }
        self.trailers = frame.trailers_ref().and_then(copy);
        self.trailers.is_some()
    }

    /// Takes out the next frame, which need not be one that was pushed: data is cut elsewhere.
    pub(super) fn pop(&mut self) -> Option<Frame<Bytes>> {
        let data = match self.chunks.pop_front() {
            Some(chunk) => chunk,
            None if self.tail.is_empty() => return self.trailers.take().map(Frame::trailers),
            None => mem::take(&mut self.tail).into(),
        };
        self.len -= data.len();
        Some(Frame::data(data))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0 && self.trailers.is_none()
    }

    /// Returns the length of the data.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn push_data(&mut self, data: &Bytes) -> bool {
        if data.len() > self.cap - self.len {
            return false;
        }
        self.len += data.len();
        if data.len() >= MIN_SHARED {
            self.close_tail();
            self.chunks.push_back(data.clone());
        } else {
            self.copy_data(data);
        }
        true
    }

    /// Copies data that `len` includes: into what room there is, then into a new chunk.
    fn copy_data(&mut self, data: &[u8]) {
        let room = self.tail.capacity() - self.tail.len();
        let (head, rest) = data.split_at(room.min(data.len()));
        self.tail.extend_from_slice(head);
        if !rest.is_empty() {
            self.close_tail();
            // As much as there is already, so that few chunks do for a long body, and a short one takes little.
            let len = self.len - rest.len();
            let capacity = len.clamp(MIN_CHUNK, MAX_CHUNK).min(self.cap - len).max(rest.len());
            self.tail = Vec::with_capacity(capacity);
            self.tail.extend_from_slice(rest);
        }
    }

    /// Makes a chunk of the tail, without its spare capacity.
    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push_back(mem::take(&mut self.tail).into_boxed_slice().into());
        }
    }
}

/// Copies trailers, name by name and value by value; `None` if they are too large.
fn copy(trailers: &HeaderMap) -> Option<HeaderMap> {
    let sizes = trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD);
    if sizes.sum::<usize>() > MAX_TRAILERS {
        return None;
    }
    let mut copy = HeaderMap::with_capacity(trailers.keys_len());
    for (name, value) in trailers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        let mut copied = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        copied.set_sensitive(value.is_sensitive());
        copy.try_append(name, copied).ok()?;
    }
    Some(copy)
}
