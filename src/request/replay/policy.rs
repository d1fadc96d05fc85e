//! [`Replay`]: the policy that decides what is kept of a request body, and the two that do not look into bodies.

use std::convert::Infallible;

use http::Request;

/// Decides whether, and how, a request with a body of type `B` is kept for the retry.
///
/// Implemented by [`CloneBody`], [`BufferBody`](super::BufferBody) and [`NoReplay`], and by nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot keep a request body of type `{B}` for a retry",
    label = "the body `{B}` is not `Clone`",
    note = "`SinchAuthLayer` clones request bodies unless told otherwise; for a body that is not `Clone`, choose:",
    note = "  `.replay(BufferBody::up_to(64 * 1024))` keeps what is read of the body, up to that many bytes",
    note = "  `.replay(NoReplay)` sends each request once: a 401 is returned, and the next request gets a new token"
)]
pub trait Replay<B>: Clone + sealed::Sealed {
    /// The body that the inner service gets.
    type Body;
    /// What is kept of a body for the retry.
    #[doc(hidden)]
    type Kept;

    /// Returns what is kept of `body` for the retry; `None` if there will be no retry.
    #[doc(hidden)]
    fn keep(&self, body: &B) -> Option<Self::Kept>;

    /// Prepares the first attempt: whatever is read of the returned body is recorded in `kept`.
    #[doc(hidden)]
    fn send(request: Request<B>, kept: Option<&mut Self::Kept>) -> Request<Self::Body>;

    /// Returns whether the body can be sent again. It may cease to be so until [`replay`](Self::replay) is called.
    #[doc(hidden)]
    fn can_replay(kept: &Self::Kept) -> bool;

    /// Returns the body for the retry; `None` if it cannot be sent again.
    #[doc(hidden)]
    fn replay(kept: Self::Kept) -> Option<Self::Body>;
}

/// Clones each request, body included, and sends the clone after a `401`. The default, for bodies that are `Clone`.
///
/// It suits bodies that are cheap to clone, such as [`Full<Bytes>`](http_body_util::Full).
///
/// # Clones that share state
///
/// A clone must be independent of the original. Where clones share what is left to send, such as a queue or a file
/// behind an `Arc`, the first attempt uses it up: the retry sends an empty or torn body, and its caller may see a `200`
/// all the same. This policy cannot tell. Choose [`BufferBody`](super::BufferBody) for such a body.
#[derive(Clone, Copy, Debug, Default)]
pub struct CloneBody;

/// Sends each request once. A `401` is returned as it came, and the next request gets a new token.
///
/// This policy neither copies the request nor wraps its body.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReplay;

pub(super) mod sealed {
    /// Keeps [`Replay`](super::Replay) from being implemented elsewhere.
    pub trait Sealed {}

    impl Sealed for super::CloneBody {}
    impl Sealed for super::NoReplay {}
}

// === impl CloneBody ===

// Without this, a body that is not `Clone` is reported as just that, and the message above is never shown.
#[diagnostic::do_not_recommend]
impl<B: Clone> Replay<B> for CloneBody {
    type Body = B;
    type Kept = B;

    #[inline]
    fn keep(&self, body: &B) -> Option<B> {
        Some(body.clone())
    }

    #[inline]
    fn send(request: Request<B>, _kept: Option<&mut B>) -> Request<B> {
        request
    }

    fn can_replay(_kept: &B) -> bool {
        true
    }

    fn replay(kept: B) -> Option<B> {
        Some(kept)
    }
}

// === impl NoReplay ===

impl<B> Replay<B> for NoReplay {
    type Body = B;
    type Kept = Infallible;

    #[inline]
    fn keep(&self, _body: &B) -> Option<Infallible> {
        None
    }

    #[inline]
    fn send(request: Request<B>, _kept: Option<&mut Infallible>) -> Request<B> {
        request
    }

    fn can_replay(kept: &Infallible) -> bool {
        match *kept {}
    }

    fn replay(kept: Infallible) -> Option<B> {
        match kept {}
    }
}
