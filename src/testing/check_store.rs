//! [`check_store`]: whether a store keeps the rules that a fleet relies on.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::{
    checked::{Checked, demand, random_name},
    state::now,
};
use crate::fleet::{Stored, TokenStore};

/// The life of entries that are not meant to end during the check.
const LONG: Duration = Duration::from_secs(600);
const LONGER: Duration = Duration::from_secs(1200);
const SHORTER: Duration = Duration::from_secs(30);
/// The life of entries that are meant to.
const SHORT: Duration = Duration::from_millis(300);
/// Longer than one second, so that stores that count in seconds are seen to count.
const A_WHILE: Duration = Duration::from_millis(1200);
/// What a store may be wrong by when it says how long an entry lives: rounding to seconds, twice.
const ROUNDING: Duration = Duration::from_secs(2);
/// How often an entry is asked for that should be gone, a `SHORT` apart: a store may round up to whole seconds.
const PATIENCE: usize = 20;
const CONTENDERS: u8 = 16;

/// Checks that `store` keeps the rules of a [`TokenStore`].
///
/// It takes some 2 s, and uses random names: a store that others use can be checked, too, and again. What it writes
/// lives for up to 20 minutes.
///
/// - What nobody wrote is not there, nor is what was removed.
/// - A compare-and-set that expects nothing writes only where nothing is. One that expects a value writes only where
///   exactly that value is. So with compare-and-remove.
/// - One that fails leaves the value and its time alone. One that succeeds sets both.
/// - Values are bytes: empty ones, zeros, 16 KiB, values that differ in case, in a space at the end or in the last byte.
/// - Names are bytes, and independent of each other.
/// - An entry says how long it lives, by a clock that runs, and is gone when its time is over: up to 6 s later, so that
///   whole seconds are exact enough.
/// - Of 16 operations at once that expect the same, one wins.
///
/// It sees one handle of a store. Whether another process sees the same entries is for a test of yours to say.
///
/// # Panics
///
/// With the rule that the store breaks. If an operation fails, or has not answered after 60 s. Outside of a Tokio
/// runtime with time enabled.
///
/// # Examples
///
/// ```
/// use tower_sinch_auth::testing::{MemoryStore, check_store};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// check_store(&MemoryStore::new()).await;
/// # }
/// ```
pub async fn check_store<S: TokenStore>(store: &S) {
    let store = &Checked::new(store);
    absence(store).await;
    names(store).await;
    values(store).await;
    failures(store).await;
    successes(store).await;
    removal(store).await;
    races(store).await;
    time(store).await;
}

async fn absence<S: TokenStore>(store: &Checked<'_, S>) {
    let name = &random_name("token");
    demand(store.load(name).await.is_none(), "What nobody wrote is not there.");
    let rule = "A compare-and-set that expects a value writes nothing where nothing is.";
    for expected in [&b"x"[..], b""] {
        demand(!store.set(name, Some(expected), b"value", LONG).await, rule);
        demand(store.load(name).await.is_none(), rule);
    }
    demand(!store.remove(name, b"").await, "A compare-and-remove removes nothing where nothing is.");
    let rule = "A compare-and-set that expects nothing writes where nothing is.";
    demand(store.set(name, None, b"value", LONG).await, rule);
    demand(store.value(name).await.as_deref() == Some(b"value"), rule);
}

async fn names<S: TokenStore>(store: &Checked<'_, S>) {
    let token = random_name("token");
    let without_braces = token.replace(['{', '}'], "");
    let (long, other_end) = (format!("{token:-<63}a"), format!("{token:-<63}b"));
    let names = [random_name("token"), token.replace("token", "lease"), token.replace("token", "t")];
    let alike = [token.to_uppercase(), format!("{token} "), without_braces, long, other_end, token];
    let names: Vec<_> = names.iter().chain(&alike).collect();
    let rule = "Names are bytes, and independent of each other.";
    for name in &names {
        demand(store.load(name).await.is_none(), rule);
        demand(store.set(name, None, name.as_bytes(), LONG).await, rule);
    }
    for name in &names {
        demand(store.value(name).await.as_deref() == Some(name.as_bytes()), rule);
        demand(store.remove(name, name.as_bytes()).await, rule);
    }
}

/// Writes and replaces values of all sorts, and expects what is almost the value that is there.
async fn values<S: TokenStore>(store: &Checked<'_, S>) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..16 * 1024).map(|_| fastrand::u8(..)).collect();
    let mut other_end = large.clone();
    if let Some(last) = other_end.last_mut() {
        *last = !*last;
    }
    let shorter = large.get(1..).unwrap_or_default();
    let pairs: [(&[u8], &[u8]); 9] = [
        (b"", b"\0"),
        (b"\0", b"\0\0"),
        (b"a", b"A"),
        (b"a", b"a "),
        (b"a\0b", b"a\0c"),
        (b"1", b"01"),
        (&every_byte, b"\0"),
        (&large, &other_end),
        (&large, shorter),
    ];
    for (value, almost) in pairs {
        let names = ["token", "lease"].map(random_name);
        for (name, value) in names.iter().zip([value, almost]) {
            let rule = "What is loaded is what was written, byte by byte.";
            demand(store.set(name, None, value, LONG).await, rule);
            demand(store.value(name).await.as_deref() == Some(value), rule);
        }
        let [name, _] = &names;
        let rule = "A compare-and-set compares every byte.";
        demand(!store.set(name, Some(almost), b"x", LONG).await, rule);
        demand(store.set(name, Some(value), almost, LONG).await, rule);
        demand(store.value(name).await.as_deref() == Some(almost), rule);
        let rule = "A compare-and-remove compares every byte.";
        demand(!store.remove(name, value).await, rule);
        demand(store.remove(name, almost).await, rule);
    }
}

async fn failures<S: TokenStore>(store: &Checked<'_, S>) {
    let name = &random_name("token");
    let began = now();
    demand(store.set(name, None, b"value", LONG).await, "A compare-and-set that expects nothing writes.");
    let rule = "An entry says how long it lives: what was asked for, less what has gone by.";
    demand(lives(store.load(name).await.as_ref(), LONG, began), rule);
    for expected in [None, Some(&b"other"[..])] {
        for ttl in [LONGER, SHORTER] {
            let rule = "A compare-and-set that expects something else writes nothing.";
            demand(!store.set(name, expected, b"new", ttl).await, rule);
            demand(store.value(name).await.as_deref() == Some(b"value"), rule);
            let rule = "A compare-and-set that fails leaves the time of the entry alone.";
            demand(lives(store.load(name).await.as_ref(), LONG, began), rule);
        }
    }
}

async fn successes<S: TokenStore>(store: &Checked<'_, S>) {
    let name = &random_name("token");
    demand(store.set(name, None, b"1", LONG).await, "A compare-and-set that expects nothing writes.");
    for (expected, value, ttl) in [(b"1", b"2", LONGER), (b"2", b"3", LONG), (b"3", b"3", LONGER)] {
        let began = now();
        let rule = "A compare-and-set that expects what is there writes.";
        demand(store.set(name, Some(expected), value, ttl).await, rule);
        demand(store.value(name).await.as_deref() == Some(value), rule);
        let rule = "A compare-and-set that succeeds sets the time of the entry.";
        demand(lives(store.load(name).await.as_ref(), ttl, began), rule);
    }
}

async fn removal<S: TokenStore>(store: &Checked<'_, S>) {
    let name = &random_name("lease");
    let rule = "A compare-and-remove that expects something else removes nothing.";
    demand(store.set(name, None, b"mine", LONG).await, rule);
    demand(!store.remove(name, b"yours").await, rule);
    demand(store.value(name).await.as_deref() == Some(b"mine"), rule);
    let rule = "A compare-and-remove that expects what is there removes it.";
    demand(store.remove(name, b"mine").await, rule);
    demand(store.load(name).await.is_none(), rule);
    demand(!store.remove(name, b"mine").await, "What was removed is not there.");
    demand(store.set(name, None, b"next", LONG).await, "What was removed is not there.");
}

async fn races<S: TokenStore>(store: &Checked<'_, S>) {
    for _ in 0..4 {
        let name = &random_name("lease");
        let rule = "Of compare-and-sets at once that expect nothing, one wins.";
        let first = race(store, name, None, rule).await;
        let rule = "Of compare-and-sets at once that expect the same value, one wins.";
        let second = race(store, name, Some(&[first]), rule).await;
        let rule = "Of compare-and-removes at once, one wins.";
        let expected = &[second];
        let all = join_all((0..CONTENDERS).map(|_| store.remove(name, expected))).await;
        demand(all.into_iter().filter(|won| *won).count() == 1, rule);
    }
}

/// Lets all contenders write their number at once, and returns the one that won.
async fn race<S: TokenStore>(store: &Checked<'_, S>, name: &str, expected: Option<&[u8]>, rule: &str) -> u8 {
    // No contender writes what is expected: another one would then win, too, and by right.
    let offset = expected.map_or(0, |_| CONTENDERS);
    let contenders = (offset..offset + CONTENDERS)
        .map(|number| async move { store.set(name, expected, &[number], LONG).await.then_some(number) });
    let winners: Vec<u8> = join_all(contenders).await.into_iter().flatten().collect();
    demand(winners.len() == 1, rule);
    let value = store.value(name).await;
    demand(value.as_deref() == Some(&winners), "The value of the one that won is the one that is there.");
    winners.first().copied().unwrap_or_default()
}

/// Lets time go by, once for all rules about it.
async fn time<S: TokenStore>(store: &Checked<'_, S>) {
    let [kept, short, shortened, prolonged, instant] = [(); 5].map(|()| random_name("token"));
    let rule = "A compare-and-set writes, however short or long the entry is to live.";
    demand(store.set(&instant, None, b"1", Duration::from_nanos(1)).await, rule);
    demand(store.set(&kept, None, b"1", LONG).await, rule);
    demand(store.set(&shortened, None, b"1", LONG).await, rule);
    demand(store.set(&shortened, Some(b"1"), b"2", SHORT).await, rule);
    let began = now();
    demand(store.set(&short, None, b"1", SHORT).await, rule);
    let is_there = store.load(&short).await.is_some();
    demand(is_there || began.elapsed() >= SHORT, "An entry is there until its time is over.");
    demand(store.set(&prolonged, None, b"1", SHORT).await, rule);
    let is_prolonged = store.set(&prolonged, Some(b"1"), b"2", LONG).await;
    demand(is_prolonged || began.elapsed() >= SHORT, "An entry is there until its time is over.");

    let before = store.load(&kept).await.and_then(|stored| stored.expires_in);
    sleep(A_WHILE).await;
    let after = store.load(&kept).await.and_then(|stored| stored.expires_in);
    demand(after.is_some() && after < before, "The time that an entry says it lives for gets less.");
    let rule = "The time of an entry is that of the last compare-and-set.";
    demand(!is_prolonged || store.value(&prolonged).await.as_deref() == Some(b"2"), rule);

    demand(is_soon_gone(store, &short).await, "An entry is gone when its time is over.");
    // These were written before that one. Nothing has looked at them since.
    let rule = "What has expired is not there for a compare-and-set or a compare-and-remove.";
    demand(!store.set(&shortened, Some(b"2"), b"3", LONG).await, rule);
    demand(!store.remove(&instant, b"1").await, rule);
    for name in [&shortened, &instant, &short] {
        demand(store.set(name, None, b"3", LONG).await, rule);
        demand(store.value(name).await.as_deref() == Some(b"3"), rule);
    }
}

async fn is_soon_gone<S: TokenStore>(store: &Checked<'_, S>, name: &str) -> bool {
    for _ in 0..PATIENCE {
        if store.load(name).await.is_none() {
            return true;
        }
        sleep(SHORT).await;
    }
    false
}

/// Returns whether an entry that was written for `ttl`, after `began`, says so.
fn lives(stored: Option<&Stored>, ttl: Duration, began: Instant) -> bool {
    let at_least = ttl.saturating_sub(began.elapsed() + ROUNDING);
    let expires_in = stored.and_then(|stored| stored.expires_in);
    expires_in.is_some_and(|left| !left.is_zero() && left <= ttl && at_least <= left)
}
