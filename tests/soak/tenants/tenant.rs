//! [`Tenant`]: one refresher of an account, and the issuer of its tokens, which say whose they are.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    panic::resume_unwind,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::time::sleep;
use tower_sinch_auth::{IssuedToken, TokenError, TokenErrorKind, TokenRefresher};

use super::Seen;

#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) account: u64,
    /// Of the refresher: another one of the same account is another tenant to the judge.
    pub(crate) number: u64,
    pub(crate) refresher: TokenRefresher,
    pub(crate) issuer: Arc<Issuer>,
    /// Tokens up to this one were forgotten.
    pub(crate) forgotten: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Issuer {
    account: u64,
    number: u64,
    seed: u64,
    /// Token requests so far; each numbers its token.
    asked: AtomicU64,
    /// Tokens up to this one are rejected.
    pub(crate) revoked: AtomicU64,
    /// The access key was withdrawn.
    is_gone: AtomicBool,
    seen: Arc<Seen>,
    is_calm: Arc<AtomicBool>,
}

/// What a token says: it is sealed, so that none can be made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Token {
    pub(crate) account: u64,
    pub(crate) number: u64,
    pub(crate) serial: u64,
    /// Milliseconds since 1970.
    pub(crate) expires: u64,
}

// === impl Tenant ===

impl Tenant {
    pub(crate) fn new(
        account: u64,
        number: u64,
        seed: u64,
        seen: &Arc<Seen>,
        is_calm: &Arc<AtomicBool>,
    ) -> Arc<Self> {
        let issuer = Arc::new(Issuer {
            account,
            number,
            seed,
            asked: 0.into(),
            revoked: 0.into(),
            is_gone: false.into(),
            seen: Arc::clone(seen),
            is_calm: Arc::clone(is_calm),
        });
        let source = Arc::clone(&issuer);
        let source = move || {
            let source = Arc::clone(&source);
            async move { source.issue().await }
        };
        let refresher = TokenRefresher::builder(source)
            .flight_timeout(Duration::from_secs(2))
            .key_id_label(false)
            .build();
        Arc::new(Self { account, number, refresher, issuer, forgotten: 0.into() })
    }

    pub(crate) fn forget(&self) {
        let asked = self.issuer.asked.load(SeqCst);
        self.refresher.forget();
        self.forgotten.fetch_max(asked, SeqCst);
    }

    pub(crate) fn revoke(&self) {
        self.issuer.revoked.store(self.issuer.asked.load(SeqCst), SeqCst);
    }

    /// The tenant leaves: first the key, then the token, which calls under way may still hold.
    pub(crate) fn leave(&self) {
        self.issuer.is_gone.store(true, SeqCst);
        self.forget();
    }

    /// Whether the refresher counts as many token requests as there were.
    pub(crate) fn counts_agree(&self) -> bool {
        self.refresher.status().token_requests == self.issuer.asked.load(SeqCst)
    }
}

/// Who has `place` by now.
pub(crate) fn at(places: &[Mutex<Arc<Tenant>>], place: usize) -> Arc<Tenant> {
    Arc::clone(&lock(&places[place]))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Issuer ===

impl Issuer {
    async fn issue(&self) -> Result<IssuedToken, TokenError> {
        let serial = self.asked.fetch_add(1, SeqCst) + 1;
        let is_calm = self.is_calm.load(SeqCst);
        if is_calm || fastrand::u8(..4) > 0 {
            sleep(Duration::from_millis(fastrand::u64(..20))).await;
        }
        if self.is_gone.load(SeqCst) {
            return Err(TokenError::new(TokenErrorKind::Credentials, "no such tenant"));
        }
        let kind = match if is_calm { u8::MAX } else { fastrand::u8(..100) } {
            0..3 => TokenErrorKind::Unavailable,
            3..5 => TokenErrorKind::Credentials,
            5 => TokenErrorKind::Throttled,
            // A panic that prints nothing.
            6 if fastrand::u8(..8) == 0 => resume_unwind(Box::new("scripted")),
            _ => {
                let lifetime = Duration::from_millis(fastrand::u64(3_000..30_000));
                self.seen.issued.fetch_add(1, SeqCst);
                let expires = millis() + lifetime.as_millis() as u64;
                let token = Token { account: self.account, number: self.number, serial, expires };
                return IssuedToken::bearer(token.text(self.seed), Some(lifetime));
            }
        };
        Err(TokenError::new(kind, "scripted"))
    }
}

// === impl Token ===

impl Token {
    fn text(self, seed: u64) -> String {
        let Self { account, number, serial, expires } = self;
        format!("{account}.{number}.{serial}.{expires}.{:x}", self.seal(seed))
    }

    /// Reads an `Authorization`; `None` if it is not what an issuer brought.
    pub(crate) fn read(authorization: &[u8], seed: u64) -> Option<Self> {
        let text = std::str::from_utf8(authorization).ok()?.strip_prefix("Bearer ")?;
        let mut parts = text.split('.');
        let mut next = || parts.next()?.parse().ok();
        let token = Self { account: next()?, number: next()?, serial: next()?, expires: next()? };
        (u64::from_str_radix(parts.next()?, 16).ok()? == token.seal(seed)).then_some(token)
    }

    fn seal(self, seed: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self, seed).hash(&mut hasher);
        hasher.finish()
    }
}

/// Milliseconds since 1970, by a clock that does not run back.
pub(crate) fn millis() -> u64 {
    static START: std::sync::LazyLock<(Instant, Duration)> = std::sync::LazyLock::new(|| {
        (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    });
    (START.1 + START.0.elapsed()).as_millis() as u64
}
