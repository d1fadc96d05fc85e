//! [`BufferBody`]: keeps what the first attempt reads of a body, up to a cap.

use http::Request;
use http_body::Body;

use super::{
    body::{ReplayBody, Tape},
    policy::Replay,
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

/// What is kept of a body.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "never seen outside of this crate")]
pub struct Kept<B> {
    cap: usize,
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

    fn keep(&self, body: &B) -> Option<Kept<B>> {
        let fits = body.is_end_stream() || body.size_hint().lower() <= self.cap as u64;
        fits.then_some(Kept { cap: self.cap, tape: None })
    }

    fn send(request: Request<B>, kept: Option<&mut Kept<B>>) -> Request<ReplayBody<B>> {
        let Some(kept) = kept else {
            return request.map(ReplayBody::once);
        };
        request.map(|body| {
            let (body, tape) = ReplayBody::recorded(body, kept.cap);
            kept.tape = tape;
            body
        })
    }

    fn can_replay(kept: &Kept<B>) -> bool {
        kept.tape.as_ref().is_none_or(Tape::is_whole)
    }

    fn replay(kept: Kept<B>) -> Option<ReplayBody<B>> {
        match kept.tape {
            Some(tape) => tape.replay(),
            None => Some(ReplayBody::empty()),
        }
    }
}
