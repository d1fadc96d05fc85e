//! [`Chest`]: a store into which others write between two looks, as text.
//!
//! ```text
//! =9sixteen bytes 16      the lease that is there at first: what it is, how long it has left, and more
//! th0A                    entries, one a line, each of which one load finds, under whatever name
//! rh
//! ```
//!
//! What it is: `t` the fleet's token, `r` its refusal, `f` another fleet's token, `=` what follows, and anything else nothing.
//! How long it has left: `-` no end, `0` no time, a digit as many seconds, `m` a minute, and anything else an hour. What follows
//! changes what is sealed: `<` and a byte cut it to that length, `>` appends the rest, and other pairs of bytes flip at the one
//! the bits of the other.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::service_fn;
use tower_sinch_auth::{
    AccessKey, BoxError, ClientCredentials, IssuedToken, Stored, TokenError, TokenSource, TokenStore,
};

use crate::{block_on, key};

/// What is sealed lives for so long, and the target does not run for longer.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A store into which others write. A clone is another handle.
#[derive(Clone, Debug, Default)]
pub struct Chest(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// The lease that is there at first.
    lease: Option<Planted>,
    /// What others write, each before a load; the next one last.
    script: Vec<Planted>,
    entries: HashMap<String, Planted>,
    seen: Seen,
}

/// Whether what a fleet had sealed was loaded as it is, from under the name that it was sealed for, with time left.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// The token.
    pub token: bool,
    /// The refusal.
    pub refusal: bool,
}

/// An entry.
#[derive(Clone, Debug)]
struct Planted {
    value: Option<Vec<u8>>,
    expires_in: Option<Duration>,
}

/// What processes have sealed.
struct Sealed {
    token: Vec<u8>,
    refusal: Vec<u8>,
    foreign: Vec<u8>,
}

thread_local! {
    static SEALED: Sealed = Sealed::new();
}

// === impl Chest ===

impl Chest {
    /// Reads the layout above.
    pub fn parse(input: &[u8]) -> Self {
        let mut lines = input.split(|byte| *byte == b'\n').take(32).map(Planted::parse);
        let lease = lines.next();
        let mut script: Vec<_> = lines.collect();
        script.reverse();
        Self(Arc::new(Mutex::new(Inner { lease, script, ..Inner::default() })))
    }

    /// What was loaded.
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap().seen
    }

    fn value(&self, suffix: &str) -> Vec<u8> {
        let inner = self.0.lock().unwrap();
        let (_, entry) = inner.entries.iter().find(|(name, _)| name.ends_with(suffix)).expect("an entry");
        entry.value.clone().expect("a value")
    }
}

impl TokenStore for Chest {
    async fn load(&self, name: &str) -> Result<Option<Stored>, BoxError> {
        let mut inner = self.0.lock().unwrap();
        if let Some(lease) = inner.lease.take() {
            inner.entries.insert(name.replace(":token", ":lease"), lease);
        }
        let planted = inner.script.pop().or_else(|| inner.entries.remove(name));
        let Some(Planted { value: Some(value), expires_in }) = planted else {
            inner.entries.remove(name);
            return Ok(None);
        };
        let has_time = expires_in.is_some_and(|left| !left.is_zero());
        SEALED.with(|sealed| {
            let is_token = name.ends_with("token");
            inner.seen.token |= has_time && is_token && value == sealed.token;
            inner.seen.refusal |= has_time && !is_token && value == sealed.refusal;
        });
        let stored = Stored { value: value.clone().into(), expires_in };
        inner.entries.insert(name.to_owned(), Planted { value: Some(value), expires_in });
        Ok(Some(stored))
    }

    async fn compare_and_set(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, BoxError> {
        let mut inner = self.0.lock().unwrap();
        let there = inner.entries.get(name).and_then(|entry| entry.value.as_deref());
        let is_expected = there == expected;
        if is_expected {
            let planted = Planted { value: Some(value.to_vec()), expires_in: Some(ttl) };
            inner.entries.insert(name.to_owned(), planted);
        }
        Ok(is_expected)
    }

    async fn compare_and_remove(&self, name: &str, expected: &[u8]) -> Result<bool, BoxError> {
        let mut inner = self.0.lock().unwrap();
        let there = inner.entries.get(name).and_then(|entry| entry.value.as_deref());
        let is_expected = there == Some(expected);
        if is_expected {
            inner.entries.remove(name);
        }
        Ok(is_expected)
    }
}

// === impl Planted ===

impl Planted {
    fn parse(line: &[u8]) -> Self {
        let (kind, rest) = line.split_first().unwrap_or((&b'-', &[]));
        let (left, change) = rest.split_first().unwrap_or((&b'h', &[]));
        let expires_in = match left {
            b'-' => None,
            b'0'..=b'9' => Some(Duration::from_secs((left - b'0').into())),
            b'm' => Some(Duration::from_secs(60)),
            _ => Some(Duration::from_secs(60 * 60)),
        };
        let value = SEALED.with(|sealed| match kind {
            b't' => Some(changed(&sealed.token, change)),
            b'r' => Some(changed(&sealed.refusal, change)),
            b'f' => Some(changed(&sealed.foreign, change)),
            b'=' => Some(change.to_vec()),
            _ => None,
        });
        Self { value, expires_in }
    }
}

/// What becomes of a sealed value.
fn changed(sealed: &[u8], change: &[u8]) -> Vec<u8> {
    let mut value = sealed.to_vec();
    match change {
        [b'<', len, ..] => value.truncate((*len).into()),
        [b'>', rest @ ..] => value.extend_from_slice(rest),
        pairs => {
            for pair in pairs.chunks_exact(2) {
                let at = usize::from(pair[0]) % value.len();
                value[at] ^= pair[1];
            }
        }
    }
    value
}

// === impl Sealed ===

impl Sealed {
    fn new() -> Self {
        let token = format!(r#"{{"access_token":"shared","expires_in":{}}}"#, LIFETIME.as_secs());
        let seal = |status: u16, body: &str, key: AccessKey, suffix| {
            let chest = Chest::default();
            let (result, asked) = attempt(&chest, key, status, body);
            assert_eq!((result.is_ok(), asked), (status == 200, 1));
            chest.value(suffix)
        };
        let other = AccessKey::new(key::ID, "another secret").expect("a valid key");
        Self {
            token: seal(200, &token, key::key(), "token"),
            refusal: seal(429, "", key::key(), "lease"),
            foreign: seal(200, &token, other, "token"),
        }
    }
}

/// Makes one attempt to get a token of `key`, where the issuer answers so. Returns how often it was asked, too.
pub fn attempt(
    chest: &Chest,
    key: AccessKey,
    status: u16,
    body: &str,
) -> (Result<IssuedToken, TokenError>, u32) {
    let asked = Arc::new(AtomicU32::new(0));
    let (counts, body) = (Arc::clone(&asked), Bytes::copy_from_slice(body.as_bytes()));
    let client = service_fn(move |_: Request<Full<Bytes>>| {
        counts.fetch_add(1, Ordering::Relaxed);
        let response = Response::builder().status(status).header("retry-after", "3600");
        let response = response.body(Full::new(body.clone())).expect("a response");
        async { Ok::<_, BoxError>(response) }
    });
    let credentials = ClientCredentials::with_client(client, key).shared_in(chest.clone());
    let result = block_on(credentials.fetch());
    (result, asked.load(Ordering::Relaxed))
}
