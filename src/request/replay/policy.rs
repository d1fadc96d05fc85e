//! Replay policies: what is kept of a request, so that it can be sent once more after a `401`.

use std::convert::Infallible;

use http::Request;

/// Whether, and how, a request with a body of type `B` is kept for the retry.
///
/// Implemented by [`CloneBody`], [`BufferBody`](super::BufferBody) and [`NoReplay`], and by nothing else.
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
    /// What is kept of the body of a request that can be sent again.
    #[doc(hidden)]
    type Kept;

    /// What is kept of `body`, to send its request again; nothing, if it never will be.
    #[doc(hidden)]
    fn keep(&self, body: &B) -> Option<Self::Kept>;

    /// Makes of a request the one to send now, of whose body `kept` is what was kept.
    #[doc(hidden)]
    fn send(request: Request<B>, kept: Option<&mut Self::Kept>) -> Request<Self::Body>;

    /// Whether it can be sent again, as far as is known now.
    #[doc(hidden)]
    fn can_replay(kept: &Self::Kept) -> bool;

    /// Makes the body to send again; `None` if it is gone.
    #[doc(hidden)]
    fn replay(kept: Self::Kept) -> Option<Self::Body>;
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
    impl Sealed for crate::request::replay::BufferBody {}
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
