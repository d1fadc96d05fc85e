//! [`Buffer`]: the data and trailers that an attempt has read.

use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

/// Data and trailers, first in, first out.
pub(super) struct Buffer {
    cap: usize,
    chunks: VecDeque<Bytes>,
    /// The length of all chunks.
    len: usize,
    trailers: Option<HeaderMap>,
}

// === impl Buffer ===

impl Buffer {
    /// Holds at most `cap` bytes of data.
    pub(super) fn up_to(cap: usize) -> Self {
        Self { cap, chunks: VecDeque::new(), len: 0, trailers: None }
    }

    /// Appends a frame, and returns whether it fits.
    #[must_use]
    pub(super) fn push(&mut self, frame: &Frame<Bytes>) -> bool {
        if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
        } else if let Some(data) = frame.data_ref() {
            self.len = self.len.saturating_add(data.len());
            if self.len > self.cap {
                return false;
            }
            if !data.is_empty() {
                self.chunks.push_back(data.clone());
            }
        }
        true
    }

    /// Takes out the next frame.
    pub(super) fn pop(&mut self) -> Option<Frame<Bytes>> {
        if let Some(data) = self.chunks.pop_front() {
            self.len -= data.len();
            return Some(Frame::data(data));
        }
        self.trailers.take().map(Frame::trailers)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.trailers.is_none()
    }

    /// Returns the length of the data.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}
