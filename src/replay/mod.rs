//! Replay policies: what is kept of a request, so that it can be sent once more after a `401`.

mod body;
mod buffer;
mod head;

use std::convert::Infallible;

use http::Request;

use self::head::Head;
pub use self::{body::ReplayBody, buffer::BufferBody};

/// Whether, and how, a request with a body of type `B` is kept for the retry.
///
/// Implemented by [`CloneBody`], [`BufferBody`] and [`NoReplay`], and by nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot keep a request body of type `{B}` for a retry",
    label = "the body `{B}` is not `Clone`",
    note = "`SinchAuthLayer` clones request bodies unless told otherwise; for a body that is not `Clone`, choose:",
    note = "  `.replay(BufferBody::up_to(64 * 1024))` keeps what is read of the body, up to that many bytes",
    note = "  `.replay(NoReplay)` sends each request once: a 401 is returned, and heals the next request"
)]
pub trait Replay<B>: Clone + sealed::Sealed {
    /// The body that the inner service gets.
    type Body;
    /// What is kept of a request that can be sent again.
    #[doc(hidden)]
    type Kept;

    /// Turns a request into one that is sent only once.
    #[doc(hidden)]
    fn pass(request: Request<B>) -> Request<Self::Body>;

    /// Splits a request, with its token, into the one to send now and what is kept to send it again; nothing, if it
    /// never will be.
    #[doc(hidden)]
    fn keep(&self, request: Request<B>) -> (Request<Self::Body>, Option<Self::Kept>);

    /// Whether it can be sent again, as far as is known now.
    #[doc(hidden)]
    fn can_replay(kept: &Self::Kept) -> bool;

    /// Makes the request to send again; `None` if its body is gone.
    #[doc(hidden)]
    fn replay(kept: Self::Kept) -> Option<Request<Self::Body>>;
}

/// Clones the request, body included, and sends the clone after a `401`. The default, for bodies that are `Clone`.
///
/// Right for bodies that are cheap to clone, such as [`Full<Bytes>`](http_body_util::Full).
#[derive(Clone, Copy, Debug, Default)]
pub struct CloneBody;

/// Sends each request once. A `401` is returned as it came, but its token is reported: the next request gets another.
///
/// The request is not copied, and its body is not wrapped.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReplay;

mod sealed {
    /// Keeps [`Replay`](super::Replay) from being implemented elsewhere.
    pub trait Sealed {}

    impl Sealed for super::CloneBody {}
    impl Sealed for super::BufferBody {}
    impl Sealed for super::NoReplay {}
}

// === impl CloneBody ===

// Without this, a body that is not `Clone` is reported as just that, and the message above is never shown.
#[diagnostic::do_not_recommend]
impl<B: Clone> Replay<B> for CloneBody {
    type Body = B;
    type Kept = (Head, B);

    #[inline]
    fn pass(request: Request<B>) -> Request<B> {
        request
    }

    #[inline]
    fn keep(&self, request: Request<B>) -> (Request<B>, Option<(Head, B)>) {
        let kept = (Head::of(&request), request.body().clone());
        (request, Some(kept))
    }

    fn can_replay(_kept: &(Head, B)) -> bool {
        true
    }

    fn replay((head, body): (Head, B)) -> Option<Request<B>> {
        Some(head.with(body))
    }
}

// === impl NoReplay ===

impl<B> Replay<B> for NoReplay {
    type Body = B;
    type Kept = Infallible;

    #[inline]
    fn pass(request: Request<B>) -> Request<B> {
        request
    }

    #[inline]
    fn keep(&self, request: Request<B>) -> (Request<B>, Option<Infallible>) {
        (request, None)
    }

    fn can_replay(kept: &Infallible) -> bool {
        match *kept {}
    }

    fn replay(kept: Infallible) -> Option<Request<B>> {
        match kept {}
    }
}
