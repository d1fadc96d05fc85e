//! For any lifetime, any settings and any movement of the clocks, decisions are monotone and sane.

use std::time::Duration;

use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof},
    prop_assert, prop_assert_eq, proptest,
};

use super::{
    backoff::{
        Backoff, attempt_backoff, flight_backoff, rejection_backoff, terminal_error_ttl, throttled_backoff,
    },
    clock::{Now, deadline},
    fixture::{secs, start},
    settings::Settings,
    validity::{Lifetime, MAX_LIFETIME, MIN_LIFETIME, Phase, Validity},
};

/// As far as a clock of a test goes: beyond it `Instant` and `SystemTime` overflow on some platforms.
const FAR: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);

/// One movement of the clocks.
#[derive(Clone, Copy, Debug)]
enum Move {
    Both(Duration),
    /// The monotonic clock alone: the wall clock is slewed.
    Mono(Duration),
    Suspended(Duration),
    SetBack(Duration),
}

/// Any duration, of every order of magnitude alike.
fn duration() -> impl Strategy<Value = Duration> {
    let of_any_size = (0..64u32, any::<u64>()).prop_map(|(shift, bits)| secs(bits >> shift));
    let below_2_s = (0..2_000_000_000u64).prop_map(Duration::from_nanos);
    prop_oneof![
        3 => of_any_size,
        2 => below_2_s,
        1 => Just(secs(u64::MAX)),
        1 => Just(Duration::MAX),
        1 => Just(Duration::ZERO),
    ]
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    prop_oneof![
        8 => duration().prop_map(Lifetime::Of),
        1 => Just(Lifetime::Unknown),
        1 => Just(Lifetime::Static),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    (duration(), duration(), duration()).prop_map(|(refresh_lead, expiry_margin, default_lifetime)| {
        Settings { refresh_lead, expiry_margin, default_lifetime, ..Settings::default() }
    })
}

fn step() -> impl Strategy<Value = Duration> {
    duration().prop_map(|step| step.min(FAR / 100))
}

fn forward() -> impl Strategy<Value = Move> {
    prop_oneof![step().prop_map(Move::Both), step().prop_map(Move::Mono), step().prop_map(Move::Suspended),]
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![3 => forward(), 1 => step().prop_map(Move::SetBack)]
}

fn moves(of: impl Strategy<Value = Move>) -> impl Strategy<Value = Vec<Move>> {
    proptest::collection::vec(of, 0..20)
}

/// The readings along `moves`, the first one included.
fn readings(moves: &[Move]) -> Vec<Now> {
    let mut readings = vec![start()];
    let mut now = start();
    for step in moves {
        now = match *step {
            Move::Both(step) => now.plus(step),
            Move::Mono(step) => now.mono_plus(step),
            Move::Suspended(step) => now.suspended(step),
            Move::SetBack(step) => {
                let past = now.wall.checked_sub(step).unwrap_or(std::time::SystemTime::UNIX_EPOCH);
                Now { wall: past, ..now }
            }
        };
        readings.push(now);
    }
    readings
}

/// How long a token may be used at the very most, as reported by the issuer; `None` if for ever.
fn longest_use(lifetime: Lifetime, settings: &Settings) -> Option<Duration> {
    match lifetime {
        Lifetime::Static => None,
        Lifetime::Unknown => Some(settings.default_lifetime.min(MAX_LIFETIME)),
        Lifetime::Of(lifetime) => Some(lifetime.min(MAX_LIFETIME)),
    }
}

/// Nothing is written into the tree.
fn config() -> ProptestConfig {
    ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_token_only_ages_while_no_clock_runs_back(
        settings in settings(),
        lifetime in lifetime(),
        latency in step(),
        moves in moves(forward()),
        jitter in 0.0..1.0f64,
    ) {
        let token = Validity::new(&settings, lifetime, start(), start().plus(latency), jitter);
        for pair in readings(&moves).windows(2) {
            let (earlier, later) = (pair[0], pair[1]);
            prop_assert!(token.phase(earlier) <= token.phase(later));
            prop_assert!(token.may_refresh(earlier) <= token.may_refresh(later));
            prop_assert!(token.expires_in(earlier) >= token.expires_in(later));
            prop_assert!(token.refresh_in(earlier) >= token.refresh_in(later));
            prop_assert!(token.age(earlier) <= token.age(later));
        }
    }

    #[test]
    fn no_token_is_usable_past_its_lifetime_by_either_clock(
        settings in settings(),
        lifetime in lifetime(),
        latency in step(),
        moves in moves(any_move()),
        jitter in 0.0..1.0f64,
    ) {
        let token = Validity::new(&settings, lifetime, start(), start().plus(latency), jitter);
        let Some(longest) = longest_use(lifetime, &settings) else {
            return Ok(());
        };
        let longest = if longest <= MIN_LIFETIME { latency + MIN_LIFETIME } else { longest };
        for now in readings(&moves) {
            let mono = now.mono.saturating_duration_since(start().mono);
            let wall = now.wall.duration_since(start().wall).unwrap_or_default();
            if mono >= longest || wall >= longest {
                prop_assert_eq!(token.phase(now), Phase::Expired);
                prop_assert_eq!(token.expires_in(now), Some(Duration::ZERO));
            }
            prop_assert!(token.expires_in(now) <= Some(longest));
        }
    }

    #[test]
    fn what_is_said_about_a_token_fits_together(
        settings in settings(),
        lifetime in lifetime(),
        latency in step(),
        moves in moves(any_move()),
        jitter in 0.0..1.0f64,
    ) {
        let token = Validity::new(&settings, lifetime, start(), start().plus(latency), jitter);
        for now in readings(&moves) {
            let (phase, renew) = (token.phase(now), token.may_refresh(now));
            let (refresh_in, expires_in) = (token.refresh_in(now), token.expires_in(now));
            prop_assert_eq!(refresh_in == Some(Duration::ZERO), renew);
            prop_assert_eq!(refresh_in.is_none(), token.is_static());
            prop_assert_eq!(expires_in.is_none(), token.is_static());
            prop_assert!(refresh_in <= expires_in.max(refresh_in.map(|_| MIN_LIFETIME)));
            if phase == Phase::Expired {
                prop_assert!(renew, "an expired token is renewed at once");
            }
            if phase == Phase::Fresh {
                prop_assert!(!renew, "a fresh token is left alone");
                prop_assert!(expires_in != Some(Duration::ZERO));
            }
        }
    }

    #[test]
    fn a_token_is_usable_when_it_arrives_at_once_and_for_nine_tenths_of_its_life(
        settings in settings(),
        lifetime in lifetime(),
        jitter in 0.0..1.0f64,
    ) {
        let token = Validity::new(&settings, lifetime, start(), start(), jitter);
        prop_assert!(token.phase(start()) < Phase::Expired);
        if let Some(longest) = longest_use(lifetime, &settings).filter(|longest| *longest > MIN_LIFETIME * 4) {
            let margin = longest / 10 + Duration::from_nanos(1);
            prop_assert!(token.phase(start().plus(longest - margin)) < Phase::Expired);
            let early = longest / 4 - Duration::from_nanos(1);
            prop_assert_eq!(token.phase(start().plus(early)), Phase::Fresh);
        }
    }

    #[test]
    fn jitter_is_earlier_only(settings in settings(), lifetime in lifetime(), jitter in 0.0..1.0f64) {
        let due = |jitter| Validity::new(&settings, lifetime, start(), start(), jitter).refresh_in(start());
        prop_assert!(due(jitter) <= due(0.0));
        prop_assert!(due(1.0) <= due(jitter));
    }

    #[test]
    fn a_backoff_ends_and_never_comes_back_while_no_clock_runs_back(
        wait in duration(),
        moves in moves(forward()),
    ) {
        let backoff = Backoff::new(start(), wait);
        for pair in readings(&moves).windows(2) {
            prop_assert!(backoff.remaining(pair[0]) >= backoff.remaining(pair[1]));
            prop_assert!(backoff.remaining(pair[1]) <= Some(wait));
        }
    }

    #[test]
    fn waits_grow_with_the_streak_and_stay_within_their_caps(streak in any::<u32>(), jitter in 0.0..1.0f64) {
        let next = streak.saturating_add(1);
        prop_assert!(attempt_backoff(streak, jitter) <= attempt_backoff(next, jitter));
        prop_assert!(attempt_backoff(streak, jitter) <= secs(16));
        prop_assert!(flight_backoff(streak, jitter) <= flight_backoff(next, jitter));
        prop_assert!((secs(1) / 2..=secs(30)).contains(&flight_backoff(streak, jitter)));
        prop_assert!(throttled_backoff(streak, jitter) <= throttled_backoff(next, jitter));
        prop_assert!(throttled_backoff(streak, jitter) <= flight_backoff(streak, jitter));
        prop_assert!(rejection_backoff(streak, jitter) <= rejection_backoff(next, jitter));
        prop_assert!((secs(1) / 2..=secs(60)).contains(&rejection_backoff(streak, jitter)));
        prop_assert!(terminal_error_ttl(streak, jitter) <= terminal_error_ttl(next, jitter));
        prop_assert!((secs(1)..=secs(60)).contains(&terminal_error_ttl(streak, jitter)));
    }

    #[test]
    fn a_deadline_is_never_in_the_past(wait in duration()) {
        let now = start().mono;
        prop_assert!(deadline(now, wait) >= now);
        prop_assert!(deadline(now, wait) - now <= wait);
    }
}
