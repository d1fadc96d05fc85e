//! The API behind the layer: what it is sent, and requests for it.

use std::{
    cell::Cell,
    future::Ready,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, header::AUTHORIZATION};
use http_body_util::Full;
use tower::Service;
use tower_sinch_auth::{BoxError, IssuedToken, TokenRefresher};

/// Tokens `token-1`, `token-2`, … that live for an hour.
pub fn tokens() -> TokenRefresher {
    let issued = std::sync::atomic::AtomicU64::new(0);
    TokenRefresher::new(move || {
        let number = issued.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        let hour = std::time::Duration::from_secs(60 * 60);
        std::future::ready(IssuedToken::bearer(format!("token-{number}"), Some(hour)))
    })
}

/// Counts what it is sent, and answers as it is told.
#[derive(Debug)]
pub struct Api<A> {
    sent: Rc<Cell<u32>>,
    answer: Rc<A>,
}

// === impl Api ===

impl<A> Api<A> {
    /// Answers the `n`-th request, counted from 1, with `answer(n)`.
    pub fn new(answer: A) -> Self {
        Self { sent: Rc::default(), answer: Rc::new(answer) }
    }

    /// How many requests it was sent.
    pub fn sent(&self) -> u32 {
        self.sent.get()
    }
}

impl<A> Clone for Api<A> {
    fn clone(&self) -> Self {
        Self { sent: Rc::clone(&self.sent), answer: Rc::clone(&self.answer) }
    }
}

impl<A, B> Service<Request<B>> for Api<A>
where
    A: Fn(u32) -> Response<Full<Bytes>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Ready<Result<Response<Full<Bytes>>, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        assert!(request.headers()[AUTHORIZATION].is_sensitive());
        self.sent.set(self.sent.get() + 1);
        std::future::ready(Ok((self.answer)(self.sent.get())))
    }
}
