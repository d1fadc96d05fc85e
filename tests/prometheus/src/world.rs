//! What answers a process of the day: a token endpoint and an API, without a socket, because time is ours.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::sleep;

pub(crate) type Answer = Response<Full<Bytes>>;

/// What the token endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Issues,
    IsDown,
    RejectsTheKey,
    TakesSeconds(u64),
    AsksForAnHour,
}

/// Sinch, as one access key sees it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) endpoint: Mutex<Endpoint>,
    pub(crate) lifetime: Duration,
    /// The API rejects every token.
    pub(crate) no_access: AtomicBool,
    issued: AtomicU64,
    /// The API rejects tokens below this number.
    valid_from: AtomicU64,
}

impl World {
    pub(crate) fn new(lifetime: Duration) -> Arc<Self> {
        Arc::new(Self {
            endpoint: Mutex::new(Endpoint::Issues),
            lifetime,
            no_access: AtomicBool::new(false),
            issued: AtomicU64::new(0),
            valid_from: AtomicU64::new(0),
        })
    }

    pub(crate) fn set(&self, endpoint: Endpoint) {
        *self.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = endpoint;
    }

    pub(crate) fn revoke_tokens(&self) {
        self.valid_from.store(self.issued.load(Relaxed) + 1, Relaxed);
    }

    pub(crate) async fn token(self: Arc<Self>) -> Result<Answer, Infallible> {
        let endpoint = *self.endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        sleep(Duration::from_millis(200)).await;
        Ok(match endpoint {
            Endpoint::Issues => self.issue(),
            Endpoint::TakesSeconds(seconds) => {
                sleep(Duration::from_secs(seconds)).await;
                self.issue()
            }
            Endpoint::IsDown => answer(StatusCode::SERVICE_UNAVAILABLE, ""),
            Endpoint::RejectsTheKey => answer(StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#),
            Endpoint::AsksForAnHour => {
                let mut answer = answer(StatusCode::TOO_MANY_REQUESTS, "");
                answer.headers_mut().insert("retry-after", http::HeaderValue::from_static("3600"));
                answer
            }
        })
    }

    pub(crate) async fn api(self: Arc<Self>, request: Request<Full<Bytes>>) -> Result<Answer, Infallible> {
        sleep(Duration::from_millis(300)).await;
        let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let number = token.and_then(|token| token.strip_prefix("Bearer token-")?.parse::<u64>().ok());
        let is_rejected = number.is_none_or(|number| number < self.valid_from.load(Relaxed));
        let is_rejected = is_rejected || self.no_access.load(Relaxed);
        Ok(answer(if is_rejected { StatusCode::UNAUTHORIZED } else { StatusCode::OK }, ""))
    }

    fn issue(&self) -> Answer {
        let number = self.issued.fetch_add(1, Relaxed) + 1;
        let lifetime = self.lifetime.as_secs();
        answer(
            StatusCode::OK,
            &format!(r#"{{"access_token":"token-{number}","token_type":"bearer","expires_in":{lifetime}}}"#),
        )
    }
}

fn answer(status: StatusCode, body: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *answer.status_mut() = status;
    answer
}
