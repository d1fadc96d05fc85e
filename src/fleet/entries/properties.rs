//! For any entry, any time that it has left and any clocks: what is written is read again, and nothing lives for longer than
//! the older clock allows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use proptest::{
    option,
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof},
    prop_assert, prop_assert_eq, proptest,
};

use super::{Refusal, RefusalKind, SharedToken};
use crate::{
    schedule::{
        Now, Settings, Validity,
        fixture::{secs, start},
    },
    token::{Attempt, IssuedToken},
};

/// As far as a wall clock of a test goes: beyond it `SystemTime` overflows on some platforms.
const FAR: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);

/// Any duration up to [`FAR`], of every order of magnitude alike.
fn duration() -> impl Strategy<Value = Duration> {
    let of_any_size = (0..64u32, any::<u64>()).prop_map(|(shift, bits)| secs(bits >> shift));
    let below_2_s = (0..2_000_000_000u64).prop_map(Duration::from_nanos);
    prop_oneof![3 => of_any_size, 2 => below_2_s, 1 => Just(Duration::ZERO)].prop_map(|it| it.min(FAR))
}

/// Clocks of which the wall clock is anywhere.
fn clocks() -> impl Strategy<Value = Now> {
    (duration(), any::<bool>()).prop_map(|(by, is_ahead)| {
        let start = start();
        if is_ahead { start.suspended(by) } else { start.set_back(by) }
    })
}

fn refusal() -> impl Strategy<Value = Refusal> {
    let kind =
        prop_oneof![Just(RefusalKind::Rejected), Just(RefusalKind::Throttled), Just(RefusalKind::Server)];
    let status = option::of((100..=999u16).prop_map(|status| StatusCode::from_u16(status).unwrap()));
    let oauth_error = option::of("[ -~]{1,40}").prop_map(|error| error.map(Into::into));
    let at = clocks().prop_map(|clocks| clocks.wall);
    (kind, status, oauth_error, any::<u32>(), at, duration()).prop_map(
        |(kind, status, oauth_error, streak, at, ttl)| Refusal { kind, status, oauth_error, streak, at, ttl },
    )
}

fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(duration.as_millis().try_into().unwrap())
}

/// As an entry has it: not before 1970, and by the millisecond.
fn as_written(time: SystemTime) -> SystemTime {
    UNIX_EPOCH + whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn older_clock(lifetime: Duration, ttl: Duration, written: SystemTime, now: Now) -> Duration {
    let by_wall_clock = now.wall.duration_since(written).unwrap_or_default();
    by_wall_clock.max(lifetime.saturating_sub(ttl))
}

proptest! {
    // Nothing is written into the tree.
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_token_is_read_as_it_was_written_to_the_millisecond(
        text in "[!-~]{1,200}",
        lifetime in duration(),
        sent in clocks(),
    ) {
        let token = IssuedToken::bearer(&text, Some(lifetime)).unwrap();
        let plain = SharedToken::of(&token, sent).encode();
        let read = SharedToken::decode(&plain).unwrap();
        prop_assert_eq!(read.issued, as_written(sent.wall));
        prop_assert_eq!(read.lifetime, whole_millis(lifetime));
        prop_assert_eq!(read.authorization, token.authorization().as_bytes());
    }

    #[test]
    fn a_refusal_is_read_as_it_was_written_to_the_millisecond(refusal in refusal()) {
        let read = Refusal::decode(&refusal.encode()).unwrap();
        let written =
            Refusal { at: as_written(refusal.at), ttl: whole_millis(refusal.ttl), ..refusal };
        prop_assert_eq!(read, written);
    }

    #[test]
    fn any_bytes_are_read_without_harm(
        plain in proptest::collection::vec(any::<u8>(), 0..64),
        ttl in option::of(duration()),
        now in clocks(),
    ) {
        if let Some(token) = SharedToken::decode(&plain) {
            token.adopt(ttl, &Attempt::outside_of_a_flight(), now);
        }
        if let Some(refusal) = Refusal::decode(&plain) {
            refusal.relay(ttl, now);
        }
    }

    #[test]
    fn an_adopted_token_lives_no_longer_than_the_older_clock_allows(
        lifetime in duration(),
        ttl in duration(),
        sent in clocks(),
        now in clocks(),
    ) {
        let token = IssuedToken::bearer("shared", Some(lifetime)).unwrap();
        let plain = SharedToken::of(&token, sent).encode();
        let read = SharedToken::decode(&plain).unwrap();
        let age = older_clock(read.lifetime, ttl, read.issued, now);
        let left = read.lifetime.saturating_sub(age);
        let Some(adopted) = read.adopt(Some(ttl), &Attempt::outside_of_a_flight(), now) else {
            let margin = secs(30).min(read.lifetime / 10);
            prop_assert!(left <= margin || read.lifetime <= secs(1), "one that lives for {left:?} is left alone");
            return Ok(());
        };
        prop_assert!(left > Duration::ZERO);
        let issued = adopted.issued(now);
        prop_assert!(issued.before >= age);
        let validity = Validity::new(&Settings::default(), adopted.lifetime(), issued, now, 0.0);
        prop_assert!(validity.expires_in(now) <= Some(left));
        let usable = validity.usable_for(now).unwrap();
        prop_assert!(usable <= left);
    }

    #[test]
    fn a_relayed_refusal_holds_no_longer_than_the_older_clock_allows(
        refusal in refusal(),
        ttl in duration(),
        now in clocks(),
    ) {
        let read = Refusal::decode(&refusal.encode()).unwrap();
        let left = read.ttl.saturating_sub(older_clock(read.ttl, ttl, read.at, now));
        let relayed = read.relay(Some(ttl), now).map(|error| error.retry_after());
        prop_assert_eq!(relayed, (!left.is_zero()).then_some(Some(left)));
    }
}
