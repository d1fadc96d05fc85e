//! Accounts whose tokens say whose they are, and an API that judges what it is sent.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::LOCATION};
use http_body_util::Full;
use tokio::time::sleep;
use tower::Service;
use tower_sinch_auth::{
    Account, BoxError, IssuedToken, TokenError, TokenErrorKind, TokenRefresher, TokenSource,
};

use crate::support::{
    HOUR,
    api::{API, rejection, success, token_of},
};

/// Who a request is of, as the caller says it; the crate does not know it.
pub(super) const TENANT: &str = "x-tenant";
const MOVED: [&str; 2] = ["https://numbers.api.sinch.com/v1/moved", "https://fax.api.sinch.com/v3/moved"];

pub(super) type Body = Full<Bytes>;
pub(super) type Dice = Arc<Mutex<fastrand::Rng>>;

/// A tenant: its tokens are `t{number of the tenant}-{number of the token}`.
#[derive(Clone)]
pub(super) struct Tenant {
    pub(super) number: usize,
    issued: Arc<AtomicU64>,
    revoked: Arc<AtomicU64>,
    dice: Dice,
    /// Of 100 token requests, how many fail.
    failing: u8,
}

/// What the API saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) leaks: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) redirected: AtomicU64,
    pub(super) without_token: AtomicU64,
}

/// Answers late, rejects what is revoked and some of what is not, redirects, and fails.
#[derive(Clone)]
pub(super) struct Api {
    tenants: Arc<[Tenant]>,
    pub(super) seen: Arc<Seen>,
    dice: Dice,
    is_calm: bool,
}

// === impl Tenant ===

impl Tenant {
    pub(super) fn new(number: usize, dice: &Dice, failing: u8) -> Self {
        Self { number, issued: Arc::default(), revoked: Arc::default(), dice: Arc::clone(dice), failing }
    }

    /// Another refresher of the same account.
    pub(super) fn refresher(&self) -> TokenRefresher {
        TokenRefresher::new(self.clone())
    }

    pub(super) fn revoke(&self) {
        self.revoked.store(self.issued.load(SeqCst), SeqCst);
    }

    pub(super) fn issued(&self) -> u64 {
        self.issued.load(SeqCst)
    }
}

impl TokenSource for Tenant {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        let (fails, delay, lifetime) = {
            let mut dice = self.dice.lock().unwrap();
            (dice.u8(..100) < self.failing, dice.u64(..400), dice.u64(20..3600))
        };
        sleep(Duration::from_millis(delay)).await;
        if fails {
            let kinds = [TokenErrorKind::Unavailable, TokenErrorKind::Rejected, TokenErrorKind::Credentials];
            let kind = self.dice.lock().unwrap().choice(kinds).unwrap();
            return Err(TokenError::new(kind, "scripted"));
        }
        let number = self.issued.fetch_add(1, SeqCst) + 1;
        let lifetime = if self.failing == 0 { HOUR } else { Duration::from_secs(lifetime) };
        IssuedToken::bearer(format!("t{}-{number}", self.number), Some(lifetime))
    }
}

// === impl Api ===

impl Api {
    pub(super) fn new(tenants: Arc<[Tenant]>, dice: &Dice) -> Self {
        Self { tenants, seen: Arc::default(), dice: Arc::clone(dice), is_calm: false }
    }

    /// Answers `200` at once, but for what is revoked.
    pub(super) fn calm(self) -> Self {
        Self { is_calm: true, ..self }
    }

    /// Judges the token, as it is when it comes. Returns whether it is accepted.
    fn judge(&self, request: &Request<Body>) -> bool {
        let Some(token) = token_of(request.headers()) else {
            // A redirect inside of the layer went to another host.
            self.seen.without_token.fetch_add(1, SeqCst);
            return true;
        };
        let tenant: usize = request.headers()[TENANT].to_str().unwrap().parse().unwrap();
        let (owner, number) = token.strip_prefix('t').unwrap().split_once('-').unwrap();
        if owner != tenant.to_string() {
            self.seen.leaks.fetch_add(1, SeqCst);
        }
        number.parse::<u64>().unwrap() > self.tenants[tenant].revoked.load(SeqCst)
    }
}

impl Service<Request<Body>> for Api {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let accepted = self.judge(&request);
        let (chance, delay) = {
            let mut dice = self.dice.lock().unwrap();
            (if self.is_calm { 100 } else { dice.u8(..100) }, dice.u64(..600))
        };
        let (seen, is_calm) = (Arc::clone(&self.seen), self.is_calm);
        Box::pin(async move {
            // Half of the answers come late: by then the token may have been replaced, or forgotten.
            if !is_calm && chance % 2 == 0 {
                sleep(Duration::from_millis(delay)).await;
            }
            if !accepted || chance < 4 {
                seen.rejected.fetch_add(1, SeqCst);
                return Ok(rejection());
            }
            match chance {
                4..8 => {
                    seen.redirected.fetch_add(1, SeqCst);
                    let to = MOVED[usize::from(chance % 2)];
                    let response = Response::builder().status(StatusCode::SEE_OTHER);
                    Ok(response.header(LOCATION, to).body(Body::default()).unwrap())
                }
                8..10 => Err("scripted".into()),
                10..12 => Ok(Response::builder().status(503).body(Body::default()).unwrap()),
                _ => {
                    seen.accepted.fetch_add(1, SeqCst);
                    Ok(success())
                }
            }
        })
    }
}

/// A request of the `tenant`, with the account of `tokens`.
pub(super) fn request(tenant: usize, tokens: &TokenRefresher) -> Request<Body> {
    let mut request = Request::post(API).body(Body::from("{}")).unwrap();
    request.headers_mut().insert(TENANT, HeaderValue::from(tenant));
    request.extensions_mut().insert(Account::from(tokens));
    request
}
