//! [`BufferBody`]: keeps what the first attempt reads of a body, up to a cap.

use http::Request;
use http_body::{Body, SizeHint};

use super::{
    body::ReplayBody,
    policy::{Replay, sealed::Sealed},
    recording::Recording,
};

/// Keeps what the first attempt reads of a request body, and sends it again after a `401`: data and trailers, byte for
/// byte, then the part that had not been read yet. For any [`Body`].
///
/// A body over the cap is streamed on and no longer kept. Its request is not retried: the `401` is returned, and the
/// next request gets a new token.
///
/// # Memory
///
/// Of each request whose answer is awaited, no more data is kept than the cap, in no more memory than that plus 1 %
/// and 2 KiB. Data is copied, so that it does not keep alive the read buffers it came in. A frame of 64 KiB or more is
/// shared instead, and counts as its own length even where it is a slice of something larger.
///
/// Trailers have a bound of their own, 16 KiB, which counts 128 bytes a field beside name and value. A request with
/// larger ones is not retried either.
///
/// # Frames
///
/// The retry sends the same bytes in the same order, then the same trailers. It may cut the data into other frames.
#[derive(Clone, Copy, Debug)]
pub struct BufferBody {
    cap: usize,
}

/// The recording of a request body.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "never seen outside of this crate")]
pub struct Kept<B> {
    cap: usize,
    hint: SizeHint,
    /// `None` for a body that has nothing to send.
    recording: Option<Recording<B>>,
}

// === impl BufferBody ===

impl BufferBody {
    /// Keeps at most `bytes` of data of each request body.
    #[must_use]
    pub const fn up_to(bytes: usize) -> Self {
        Self { cap: bytes }
    }
}

impl Sealed for BufferBody {}

impl<B: Body> Replay<B> for BufferBody {
    type Body = ReplayBody<B>;
    type Kept = Kept<B>;

    fn keep(&self, body: &B) -> Option<Kept<B>> {
        let hint = body.size_hint();
        let fits = body.is_end_stream() || hint.lower() <= self.cap as u64;
        fits.then_some(Kept { cap: self.cap, hint, recording: None })
    }

    fn send(request: Request<B>, kept: Option<&mut Kept<B>>) -> Request<ReplayBody<B>> {
        let Some(kept) = kept else {
            return request.map(ReplayBody::once);
        };
        request.map(|body| {
            let (body, recording) = ReplayBody::recorded(body, kept.cap);
            kept.recording = recording;
            body
        })
    }

    fn can_replay(kept: &Kept<B>) -> bool {
        kept.recording.as_ref().is_none_or(Recording::can_replay)
    }

    fn replay(kept: Kept<B>) -> Option<ReplayBody<B>> {
        match kept.recording {
            Some(recording) => recording.replay().map(ReplayBody::second),
            None => Some(ReplayBody::empty(kept.hint)),
        }
    }
}
