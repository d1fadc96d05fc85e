//! [`Overheard`]: the client of the token endpoint, with the judge listening in.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::{BodyExt, Collected, Full};
use serde::Deserialize;
use tower::{BoxError, Service};
use tower_sinch_auth::testing::HttpClient;

use crate::{asking::Answer, clock::Reading, tokens::Tokens};

#[derive(Clone)]
pub(crate) struct Overheard {
    client: HttpClient,
    tokens: Arc<Tokens>,
}

/// One token request; dropped without an answer, it failed.
struct Exchange {
    tokens: Arc<Tokens>,
    number: u64,
    sent: Reading,
    answer: Answer,
}

/// RFC 6749 §5.1, as far as the soak's endpoint speaks it.
#[derive(Deserialize)]
struct Grant {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<u64>,
}

// === impl Overheard ===

impl Overheard {
    pub(crate) fn new(client: HttpClient, tokens: Arc<Tokens>) -> Self {
        Self { client, tokens }
    }
}

impl Service<Request<Full<Bytes>>> for Overheard {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Service::poll_ready(&mut self.client, cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let mut exchange = Exchange::begin(&self.tokens);
        let response = self.client.call(request);
        Box::pin(async move {
            let (head, body) = response.await?.into_parts();
            let body = body.collect().await.map(Collected::to_bytes);
            exchange.answer = read(head.status, &head.headers, body.as_deref().ok());
            drop(exchange);
            Ok(Response::from_parts(head, Full::new(body?)))
        })
    }
}

// === impl Exchange ===

impl Exchange {
    fn begin(tokens: &Arc<Tokens>) -> Self {
        let sent = Reading::now();
        let number = tokens.asks(sent);
        Self { tokens: Arc::clone(tokens), number, sent, answer: Answer::None }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let answer = std::mem::replace(&mut self.answer, Answer::None);
        self.tokens.answered(self.number, self.sent, answer, Reading::now());
    }
}

/// Reads an answer on its own terms: a second opinion on what the crate makes of it.
fn read(status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) -> Answer {
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let transient = Answer::Transient { retry_after: retry_after.map(Duration::from_secs) };
    match (status.as_u16(), body) {
        (200, Some(body)) => match serde_json::from_slice(body) {
            Ok(Grant { access_token: Some(token), token_type: Some(kind), expires_in: Some(seconds) })
                if kind.eq_ignore_ascii_case("bearer") =>
            {
                match HeaderValue::try_from(format!("Bearer {token}")) {
                    Ok(header) => Answer::Issued { header, lifetime: Duration::from_secs(seconds) },
                    Err(_) => Answer::Terminal,
                }
            }
            Ok(_) => Answer::Terminal,
            Err(_) => transient,
        },
        (408 | 429 | 500.., _) | (200, None) => transient,
        _ => Answer::Terminal,
    }
}
