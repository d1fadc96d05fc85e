//! Reads the answer that nobody will read, so that its connection can be used again.

use std::{
    pin::pin,
    task::{Context, Poll},
};

use bytes::Buf;
use http_body::Body;

/// How much of a 401's body is read before the retry.
const MAX_DRAIN: usize = 16 * 1024;

/// Reads what is there of `body`, without waiting and with a bound.
pub(super) fn drain(body: impl Body, cx: &mut Context<'_>) {
    let mut body = pin!(body);
    let mut left = MAX_DRAIN;
    while left > 0 {
        let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(cx) else {
            return;
        };
        // An empty frame counts as a byte, so that this ends.
        left = left.saturating_sub(frame.data_ref().map_or(0, Buf::remaining).max(1));
    }
}
