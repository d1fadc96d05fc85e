//! [`BufferBody`]: keeps what the first attempt reads of a body, up to a cap.

use http::Request;
use http_body::Body;

use super::{
    Replay,
    body::{ReplayBody, Tape},
    head::Head,
};

/// Keeps what the first attempt reads of the request body, for any body, and replays it after a `401`: data and
/// trailers, byte for byte, then whatever had not been read yet.
///
/// A body that turns out to be larger than the cap is streamed on without being kept any further, and its request is
/// not retried; the `401` is returned, and heals the next request.
#[derive(Clone, Copy, Debug)]
pub struct BufferBody {
    cap: usize,
}

/// What is kept of a request.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "never seen outside of this crate")]
pub struct Kept<B> {
    head: Head,
    /// `None`: the body had nothing to send.
    tape: Option<Tape<B>>,
}

// === impl BufferBody ===

impl BufferBody {
    /// Keeps at most `bytes` of each request body.
    #[must_use]
    pub const fn up_to(bytes: usize) -> Self {
        Self { cap: bytes }
    }
}

impl<B: Body> Replay<B> for BufferBody {
    type Body = ReplayBody<B>;
    type Kept = Kept<B>;

    fn pass(request: Request<B>) -> Request<ReplayBody<B>> {
        request.map(ReplayBody::once)
    }

    fn keep(&self, request: Request<B>) -> (Request<ReplayBody<B>>, Option<Kept<B>>) {
        let body = request.body();
        if !body.is_end_stream() && body.size_hint().lower() > self.cap as u64 {
            return (Self::pass(request), None);
        }
        let head = Head::of(&request);
        let (parts, body) = request.into_parts();
        let (body, tape) = ReplayBody::recorded(body, self.cap);
        (Request::from_parts(parts, body), Some(Kept { head, tape }))
    }

    fn can_replay(kept: &Kept<B>) -> bool {
        kept.tape.as_ref().is_none_or(Tape::is_whole)
    }

    fn replay(kept: Kept<B>) -> Option<Request<ReplayBody<B>>> {
        let body = match kept.tape {
            Some(tape) => tape.replay()?,
            None => ReplayBody::empty(),
        };
        Some(kept.head.with(body))
    }
}
