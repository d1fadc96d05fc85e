//! [`Tokens`]: what an independent judge knows of every token, and of the 401s that were answered to it.
//!
//! Told by the client's side of the token endpoint ([`exchange`](crate::exchange)), where a request ends at the very
//! moment it is given up, by the APIs, which ask what a token is worth, and by the callers. Whether a token may be asked
//! for at all is looked at in [`asking`](crate::asking).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::{
    account::{Accounts, Excuse, Rejected},
    api::APIS,
    clock::{self, Reading},
    requests::{Free, Requests},
    rules::{Rule, Violations},
    token::{Standing, Token},
};

#[derive(Debug)]
pub(crate) struct Tokens {
    known: Mutex<Known>,
    pub(crate) violations: Arc<Violations>,
}

#[derive(Debug)]
pub(crate) struct Known {
    /// By the header that carries it.
    pub(crate) issued: HashMap<HeaderValue, Token>,
    pub(crate) newest: Option<HeaderValue>,
    /// From when it is the one that calls use.
    pub(crate) in_use_from: Option<Instant>,
    /// The number up to which each API takes no token.
    revoked: [u64; APIS],
    pub(crate) requests: Requests,
    pub(crate) accounts: Accounts,
    /// The last request brought no token.
    pub(crate) troubled: bool,
    /// Since when, and for how long, no request may be made.
    pub(crate) closed: Option<(Reading, Duration)>,
    /// When an API that rejected a live token last forced a request.
    pub(crate) forced: Option<Instant>,
    /// How many such requests there were, each soon after the one before.
    pub(crate) forced_in_a_row: u32,
    /// How often the wall clock was set.
    jumps: u64,
    pub(crate) counts: Counts,
}

/// What became of the token requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) at_once: usize,
    pub(crate) issued: u64,
    pub(crate) failed: u64,
    pub(crate) revocations: u64,
    /// Requests by what came of them.
    pub(crate) answers: BTreeMap<&'static str, u64>,
}

/// How the token endpoint fares. Two equal ones frame a time without a failure, and without a clock that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weather {
    pub(crate) troubled: bool,
    failed: u64,
    pub(crate) jumps: u64,
}

/// How things are for a call to one API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glimpse {
    pub(crate) at: Instant,
    pub(crate) weather: Weather,
    /// The newest token, if it has not expired.
    pub(crate) token: Option<u64>,
    /// The token request under way, if the newest token is good for this API.
    pub(crate) needless: Option<u64>,
}

// === impl Tokens ===

impl Tokens {
    pub(crate) fn new(violations: Arc<Violations>) -> Self {
        let known = Known {
            issued: HashMap::new(),
            newest: None,
            in_use_from: None,
            revoked: [0; APIS],
            requests: Requests::default(),
            accounts: Accounts::new(),
            troubled: false,
            closed: None,
            forced: None,
            forced_in_a_row: 0,
            jumps: 0,
            counts: Counts::default(),
        };
        Self { known: Mutex::new(known), violations }
    }

    /// A call goes out with `headers`, from the layer to the client.
    pub(crate) fn leaves(&self, headers: &HeaderMap) {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return; // The API sees that, too.
        };
        let now = Reading::lenient();
        let known = self.lock();
        let Some(token) = known.issued.get(header) else {
            return; // Likewise.
        };
        let (past, age, lifetime) = (token.is_past(now), token.age(now), token.lifetime);
        drop(known);
        self.violations.check(Rule::NotExpired, !past, || format!("{age:?} old, it lives for {lifetime:?}"));
    }

    pub(crate) fn standing(&self, header: &HeaderValue, api: usize) -> Standing {
        let now = Reading::now();
        let known = self.lock();
        match known.issued.get(header) {
            None => Standing::Unknown,
            Some(token) if known.is_revoked(token, api) || token.has_expired(now) => {
                Standing::Dead(token.number)
            }
            Some(token) => Standing::Live(token.number),
        }
    }

    /// `api` is about to answer a 401 to the token: known to the judge before the client may know.
    pub(crate) fn rejects(&self, header: &HeaderValue, api: usize, sending: Rejected) {
        let mut known = self.lock();
        let newest = known.newest().map_or(0, |token| token.number);
        let Known { issued, accounts, .. } = &mut *known;
        if let Some(token) = issued.get_mut(header) {
            token.rejected[api] = true;
            accounts.rejected(api, token.number, newest, sending, Instant::now());
        }
    }

    /// A caller saw its retry succeed.
    pub(crate) fn helped(&self, api: usize, token: u64) {
        self.lock().accounts.helped(api, token, Instant::now());
    }

    /// Why `api` may have had a 401 returned as it came, to a call that began at `since` and ended now.
    pub(crate) fn excuse(&self, api: usize, since: Instant) -> Option<Excuse> {
        self.lock().accounts.excuse(api, since)
    }

    /// Makes `api` take none of the tokens issued so far, if by the contract they can be replaced at once.
    pub(crate) fn revoke(&self, api: usize) {
        let now = Instant::now();
        let mut known = self.lock();
        let heals = known.accounts.excuse(api, now).is_none() && known.accounts.affords(api, 1.0, now);
        if heals && known.in_use_from.is_none_or(|from| now > from) {
            known.counts.revocations += 1;
            known.revoked[api] = known.counts.issued;
        }
    }

    /// The same for all APIs, whether they rest or not, and whether calls use the newest one already.
    pub(crate) fn revoke_everywhere(&self) {
        let mut known = self.lock();
        if (0..APIS).all(|api| known.accounts.affords(api, 1.0, Instant::now())) {
            known.counts.revocations += 1;
            known.revoked = [known.counts.issued; APIS];
        }
    }

    pub(crate) fn affords(&self, api: usize, refreshes: f64) -> bool {
        self.lock().accounts.affords(api, refreshes, Instant::now())
    }

    /// Sets the wall clock ahead.
    pub(crate) fn ahead(&self, by: Duration) {
        let mut known = self.lock();
        known.jumps += 1;
        known.requests.doubt();
        clock::ahead(by);
    }

    pub(crate) fn back(&self, by: Duration) {
        self.lock().jumps += 1;
        clock::back(by);
    }

    /// How far the clock is to be set ahead for the newest token to be past this share of its life; `None` if it is
    /// soon, or if it is too short-lived for that to be hit.
    pub(crate) fn until(&self, share: f64) -> Option<Duration> {
        const LONG_LIVED: Duration = Duration::from_secs(20);
        let known = self.lock();
        let token = known.newest().filter(|token| token.lifetime >= LONG_LIVED)?;
        token.lifetime.mul_f64(share).checked_sub(token.age(Reading::now()))
    }

    pub(crate) fn glimpse(&self, api: usize) -> Glimpse {
        let now = Reading::now();
        let known = self.lock();
        let usable = known.newest().filter(|token| token.is_usable(now));
        let good = usable.is_some_and(|token| !token.rejected[api] && !known.is_revoked(token, api));
        Glimpse {
            at: now.at,
            weather: Weather { troubled: known.troubled, failed: known.counts.failed, jumps: known.jumps },
            token: usable.map(|token| token.number),
            needless: known.requests.current().filter(|_| good),
        }
    }

    /// A call was closed that had no reason to wait for a token request.
    pub(crate) fn closed(&self, call: Free) {
        self.lock().requests.closed(call);
    }

    /// Judges the token requests of which all calls are closed.
    pub(crate) fn settle(&self, now: Instant) {
        let gates = self.lock().requests.settle(now);
        for gate in gates {
            self.violations.add(Rule::NotHeld, gate);
        }
    }

    /// Forgets all tokens but the newest, while no call is under way.
    pub(crate) fn forget_old(&self) {
        let mut known = self.lock();
        let Known { issued, newest, .. } = &mut *known;
        issued.retain(|header, _| newest.as_ref() == Some(header));
        issued.shrink_to_fit();
    }

    pub(crate) fn is_troubled(&self) -> bool {
        self.lock().troubled
    }

    pub(crate) fn none_under_way(&self) -> bool {
        self.lock().requests.none_under_way()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Known ===

impl Known {
    pub(crate) fn newest(&self) -> Option<&Token> {
        self.issued.get(self.newest.as_ref()?)
    }

    /// Whether an API has rejected the token that does not take it any more.
    pub(crate) fn is_rejected_for_good(&self, token: &Token) -> bool {
        (0..APIS).any(|api| token.rejected[api] && self.is_revoked(token, api))
    }

    fn is_revoked(&self, token: &Token, api: usize) -> bool {
        token.number <= self.revoked[api]
    }
}
