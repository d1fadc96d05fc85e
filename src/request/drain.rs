//! Reads the body of a `401` that nobody else will read, so that its connection can be used again.

use std::{
    pin::pin,
    task::{Context, Poll},
};

use bytes::Buf;
use http_body::Body;

/// The most that is read of a body, in bytes.
const MAX_DRAIN: usize = 16 * 1024;

/// Reads `body` until it is pending or at its end, or [`MAX_DRAIN`] is reached.
pub(super) fn drain(body: impl Body, cx: &mut Context<'_>) {
    let mut body = pin!(body);
    let mut left = MAX_DRAIN;
    while left > 0 {
        let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(cx) else {
            return;
        };
        // An empty frame counts as a byte, or a body of empty frames would be read for ever.
        left = left.saturating_sub(frame.data_ref().map_or(0, Buf::remaining).max(1));
    }
}
