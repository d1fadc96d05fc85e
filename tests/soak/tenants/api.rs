//! [`Api`]: what answers the calls, and the judge in front of it.
//!
//! A caller says in its headers who it is, and what its refresher had forgotten when it began. The judge, which knows
//! neither the pool nor the crate, holds the token against that: it is the only one, sealed by an issuer, of this account
//! and of this refresher, not expired, and not forgotten before, nor before the call was polled last. What became of each sending is in the call's [`Sent`].

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, LOCATION},
};
use http_body_util::Full;
use tokio::time::sleep;
use tower::{BoxError, Layer, Service, ServiceBuilder, util::BoxCloneSyncService};
use tower_http::follow_redirect::FollowRedirectLayer;
use tower_sinch_auth::{Account, NoReplay, SinchAuthLayer};

use super::{
    Seen,
    tenant::{Tenant, Token, at, lock, millis},
};
use crate::rules::{Rule, Violations};

pub(crate) type Body = Full<Bytes>;
pub(crate) type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// The last sending of a call: the copies of its request share it.
#[derive(Debug)]
pub(crate) struct Sent {
    last: Mutex<Option<Sending>>,
    tenant: Arc<Tenant>,
    /// What the tenant had forgotten when the call was last polled.
    forgotten: AtomicU64,
}

#[derive(Clone, Debug)]
struct Sending {
    path: String,
    token: Option<Token>,
    /// How often it was sent to this path.
    count: u8,
    is_rejected: bool,
}

#[derive(Clone)]
pub(crate) struct Api {
    seed: u64,
    violations: Arc<Violations>,
    seen: Arc<Seen>,
    is_calm: Arc<AtomicBool>,
}

pub(crate) const URI: &str = "https://numbers.api.sinch.com/v1/calls";
/// On another host, so that a redirect layer drops the extensions, and what it knows for a credential.
const MOVED: &str = "https://fax.api.sinch.com/v1/moved";
/// Where the tenant is, for the stack that names it anew with each redirect.
pub(crate) const PLACE: &str = "x-place";
const TENANT: [&str; 3] = ["x-account", "x-refresher", "x-forgotten"];
/// Stacks that lose the account when they follow a redirect.
pub(crate) const LOSES_ACCOUNT: usize = 3;

/// Says in `request` who it is of.
pub(crate) fn name(request: &mut Request<Body>, tenant: &Arc<Tenant>) {
    let forgotten = tenant.forgotten.load(SeqCst);
    let headers = request.headers_mut();
    for (name, value) in TENANT.into_iter().zip([tenant.account, tenant.number, forgotten]) {
        headers.insert(name, HeaderValue::from(value));
    }
    request.extensions_mut().insert(Account::from(&tenant.refresher));
    request.extensions_mut().insert(Arc::clone(tenant));
}

/// The layer in each of its places.
pub(crate) fn stacks(api: &Api, own: &Arc<Tenant>, places: &Arc<Vec<Mutex<Arc<Tenant>>>>) -> Vec<Stack> {
    let layer = SinchAuthLayer::per_request();
    let places = Arc::clone(places);
    let named = move |mut request: Request<Body>| {
        let place = value(request.headers(), PLACE) as usize;
        name(&mut request, &at(&places, place));
        request
    };
    let redirects = FollowRedirectLayer::new;
    vec![
        Stack::new(layer.layer(api.clone())),
        Stack::new(layer.clone().replay(NoReplay).layer(api.clone())),
        Stack::new(SinchAuthLayer::new(own.refresher.clone()).layer(api.clone())),
        Stack::new(redirects().layer(layer.layer(api.clone()))),
        Stack::new(layer.layer(redirects().layer(api.clone()))),
        Stack::new(
            ServiceBuilder::new()
                .layer(redirects())
                .map_request(named)
                .layer(layer.clone())
                .service(api.clone()),
        ),
        Stack::new(
            ServiceBuilder::new()
                .concurrency_limit(40)
                .layer(layer)
                // So few that calls wait for it with a token at hand.
                .concurrency_limit(3)
                .service(api.clone()),
        ),
    ]
}

// === impl Sent ===

impl Sent {
    pub(crate) fn of(tenant: &Arc<Tenant>) -> Arc<Self> {
        Arc::new(Self { last: Mutex::default(), tenant: Arc::clone(tenant), forgotten: AtomicU64::new(0) })
    }

    /// Polls the call. A token that is forgotten while it is polled may be on its way already; one that was before is not.
    pub(crate) async fn polling<F: Future>(self: Arc<Self>, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|cx| {
            self.forgotten.store(self.tenant.forgotten.load(SeqCst), SeqCst);
            call.as_mut().poll(cx)
        })
        .await
    }

    fn reject(&self) {
        if let Some(last) = &mut *lock(&self.last) {
            last.is_rejected = true;
        }
    }
}

// === impl Api ===

impl Api {
    pub(crate) fn new(
        seed: u64,
        violations: &Arc<Violations>,
        seen: &Arc<Seen>,
        is_calm: &Arc<AtomicBool>,
    ) -> Self {
        let (violations, seen, is_calm) = (Arc::clone(violations), Arc::clone(seen), Arc::clone(is_calm));
        Self { seed, violations, seen, is_calm }
    }

    /// Judges a request, and returns its token.
    fn judge(&self, request: &Request<Body>) -> Option<Token> {
        let check = |rule, holds, token: Option<Token>| {
            self.violations.check(rule, holds, || format!("{token:?} in {:?}", request.headers()));
        };
        self.seen.judged.fetch_add(1, Relaxed);
        let headers = request.headers();
        if is_moved(request) && !headers.contains_key(AUTHORIZATION) {
            self.seen.moved_without_token.fetch_add(1, Relaxed);
            return None;
        }
        check(Rule::OneHeader, headers.get_all(AUTHORIZATION).iter().count() == 1, None);
        let token = Token::read(headers.get(AUTHORIZATION)?.as_bytes(), self.seed);
        check(Rule::KnownToken, token.is_some(), token);
        let is = token?;
        let [account, number, forgotten] = TENANT.map(|name| value(headers, name));
        check(Rule::OwnToken, (is.account, is.number) == (account, number), token);
        check(Rule::NotExpired, millis() < is.expires, token);
        check(Rule::NotForgotten, is.serial > forgotten, token);
        // What a redirect stripped of its account is nobody's, whoever's it was before.
        check(Rule::OwnToken, request.extensions().get::<Account>().is_some(), token);
        if let Some(sent) =
            request.extensions().get::<Arc<Sent>>().filter(|sent| sent.tenant.number == number)
        {
            check(Rule::NotForgotten, is.serial > sent.forgotten.load(SeqCst), token);
        }
        token
    }

    /// Judges how the call came to send `request`, which carries `token`.
    fn enter(&self, request: &Request<Body>, token: Option<Token>) {
        let Some(sent) = request.extensions().get::<Arc<Sent>>() else {
            return;
        };
        let mut last = lock(&sent.last);
        let path = request.uri().path().to_owned();
        let before = last.take().filter(|last| last.path == path);
        let count = before.as_ref().map_or(0, |before| before.count) + 1;
        if let Some(before) = before {
            self.seen.retried.fetch_add(1, Relaxed);
            let what = || format!("{before:?}, then {token:?}");
            self.violations.check(Rule::AtMostTwice, count <= 2, what);
            self.violations.check(Rule::OnlyAfter401, before.is_rejected, what);
            self.violations.check(Rule::AnotherToken, before.token != token, what);
        }
        *last = Some(Sending { path, token, count, is_rejected: false });
    }
}

fn is_moved(request: &Request<Body>) -> bool {
    request.uri().path() != "/v1/calls"
}

fn value(headers: &HeaderMap, name: &str) -> u64 {
    headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or_default()
}

impl Service<Request<Body>> for Api {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let token = self.judge(&request);
        self.enter(&request, token);
        let tenant = request.extensions().get::<Arc<Tenant>>();
        let revoked = tenant.map_or(0, |tenant| tenant.issuer.revoked.load(Relaxed));
        let chance = if self.is_calm.load(Relaxed) { u16::MAX } else { fastrand::u16(..1_000) };
        let was_moved = is_moved(&request);
        // A `401` to what a redirect stripped of its token is about no token, but the layer outside cannot know.
        let is_rejected = token.is_some_and(|token| token.serial <= revoked || chance < 4);
        let sent = request.extensions().get::<Arc<Sent>>().cloned();
        let seen = Arc::clone(&self.seen);
        Box::pin(async move {
            // One in a hundred is answered late: by then all may have changed.
            if chance % 100 == 7 || chance == 2 {
                sleep(Duration::from_millis(fastrand::u64(..100))).await;
            }
            let response = Response::builder();
            let response = match chance {
                _ if is_rejected => {
                    seen.rejected.fetch_add(1, Relaxed);
                    sent.inspect(|sent| sent.reject());
                    response.status(StatusCode::UNAUTHORIZED)
                }
                4..8 if !was_moved => {
                    seen.redirected.fetch_add(1, Relaxed);
                    response.status(StatusCode::SEE_OTHER).header(LOCATION, MOVED)
                }
                8..10 => return Err("scripted".into()),
                10..12 => response.status(StatusCode::SERVICE_UNAVAILABLE),
                _ => response,
            };
            Ok(response.body(Body::default())?)
        })
    }
}
