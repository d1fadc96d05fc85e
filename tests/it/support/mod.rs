//! What the tests share: a token source that does as it is told.

pub(crate) mod api;
pub(crate) mod raw;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, Response, header::AUTHORIZATION};
use http_body_util::Full;
use tower_sinch_auth::{
    AccessKey, BoxError, ClientCredentials, IssuedToken, TokenError, TokenErrorKind, TokenRefresher,
    TokenSource,
};

/// An hour, as Sinch's tokens live.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Issues `token-1`, `token-2`, … for an hour each, at once, unless told otherwise. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct ScriptedSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    script: Mutex<VecDeque<Answer>>,
    delay: Mutex<Duration>,
    lifetime: Mutex<Option<Duration>>,
    requests: AtomicU64,
    issued: AtomicU64,
    under_way: AtomicU64,
    most_under_way: AtomicU64,
}

/// One scripted answer; when the script is over, tokens are issued.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Token(&'static str, Option<Duration>),
    Error(TokenError),
    Panic,
    Hang,
}

/// Counts a request as under way until dropped, however it ends.
struct UnderWay<'a>(&'a AtomicU64);

impl ScriptedSource {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            script: Mutex::default(),
            delay: Mutex::default(),
            lifetime: Mutex::new(Some(HOUR)),
            requests: AtomicU64::new(0),
            issued: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            most_under_way: AtomicU64::new(0),
        }))
    }

    /// Every answer from now on comes after `delay`.
    pub(crate) fn delay(self, delay: Duration) -> Self {
        *self.0.delay.lock().unwrap() = delay;
        self
    }

    /// Every token from now on lives for `lifetime`.
    pub(crate) fn lifetime(self, lifetime: impl Into<Option<Duration>>) -> Self {
        *self.0.lifetime.lock().unwrap() = lifetime.into();
        self
    }

    /// Answers with `answer` once, behind what is scripted already.
    pub(crate) fn then(self, answer: Answer) -> Self {
        self.0.script.lock().unwrap().push_back(answer);
        self
    }

    /// Answers with an error of `kind` once.
    pub(crate) fn then_error(self, kind: TokenErrorKind) -> Self {
        self.then(Answer::Error(TokenError::new(kind, "scripted")))
    }

    /// Token requests seen.
    pub(crate) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// Token requests that have neither ended nor been dropped.
    pub(crate) fn under_way(&self) -> u64 {
        self.0.under_way.load(Ordering::SeqCst)
    }

    /// The most token requests that were ever under way at once.
    pub(crate) fn most_under_way(&self) -> u64 {
        self.0.most_under_way.load(Ordering::SeqCst)
    }
}

impl TokenSource for ScriptedSource {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        let inner = &*self.0;
        inner.requests.fetch_add(1, Ordering::SeqCst);
        let now = inner.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        inner.most_under_way.fetch_max(now, Ordering::SeqCst);
        let _under_way = UnderWay(&inner.under_way);
        let answer = inner.script.lock().unwrap().pop_front();
        let delay = *inner.delay.lock().unwrap();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match answer {
            None => {
                let number = inner.issued.fetch_add(1, Ordering::SeqCst) + 1;
                IssuedToken::bearer(format!("token-{number}"), *inner.lifetime.lock().unwrap())
            }
            Some(Answer::Token(token, lifetime)) => IssuedToken::bearer(token, lifetime),
            Some(Answer::Error(error)) => Err(error),
            Some(Answer::Panic) => panic!("scripted panic"),
            Some(Answer::Hang) => std::future::pending().await,
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The token that `tokens` has.
pub(crate) async fn bearer(tokens: impl Into<TokenRefresher>) -> String {
    let token = tokens.into().token().await.unwrap();
    token.authorization().to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned()
}

/// KEY ID and KEY SECRET, as token requests carry them.
pub(crate) async fn basic_pair(key: AccessKey) -> String {
    let echo = tower::service_fn(|request: Request<Full<Bytes>>| async move {
        let basic = request.headers()[AUTHORIZATION].to_str()?.replace("Basic ", "");
        let body = format!(r#"{{"access_token":"{basic}"}}"#);
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(body)))
    });
    let encoded = bearer(ClientCredentials::with_client(echo, key)).await;
    String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
}
