//! For any lifetime, any settings and any movement of the clocks, decisions are monotone and sane.

use std::time::Duration;

use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof},
    prop_assert, prop_assert_eq, proptest,
};

use super::{
    backoff::{Hold, attempt_backoff, flight_spacing, terminal_memory, throttled_spacing, useless_backoff},
    clock::{Now, after},
    fixture::{secs, start},
    settings::Policy,
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

fn policy() -> impl Strategy<Value = Policy> {
    (duration(), duration(), duration()).prop_map(|(refresh_lead, expiry_margin, default_lifetime)| Policy {
        refresh_lead,
        expiry_margin,
        default_lifetime,
        ..Policy::default()
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

/// How long a token may be used at the very most, by the issuer's word; `None` if for ever.
fn longest_use(lifetime: Lifetime, policy: &Policy) -> Option<Duration> {
    match lifetime {
        Lifetime::Static => None,
        Lifetime::Unknown => Some(policy.default_lifetime.min(MAX_LIFETIME)),
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
        policy in policy(),
        lifetime in lifetime(),
        latency in step(),
        moves in moves(forward()),
        roll in 0.0..1.0f64,
    ) {
        let token = Validity::new(&policy, lifetime, start(), start().plus(latency), roll);
        for pair in readings(&moves).windows(2) {
            let (earlier, later) = (pair[0], pair[1]);
            prop_assert!(token.phase(earlier) <= token.phase(later));
            prop_assert!(token.may_renew(earlier) <= token.may_renew(later));
            prop_assert!(token.expires_in(earlier) >= token.expires_in(later));
            prop_assert!(token.refresh_in(earlier) >= token.refresh_in(later));
            prop_assert!(token.age(earlier) <= token.age(later));
        }
    }

    #[test]
    fn no_token_is_usable_past_its_lifetime_by_either_clock(
        policy in policy(),
        lifetime in lifetime(),
        latency in step(),
        moves in moves(any_move()),
        roll in 0.0..1.0f64,
    ) {
        let token = Validity::new(&policy, lifetime, start(), start().plus(latency), roll);
        let Some(longest) = longest_use(lifetime, &policy) else {
            return Ok(());
        };
        let longest = if longest < MIN_LIFETIME { latency + MIN_LIFETIME } else { longest };
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
        policy in policy(),
        lifetime in lifetime(),
        latency in step(),
        moves in moves(any_move()),
        roll in 0.0..1.0f64,
    ) {
        let token = Validity::new(&policy, lifetime, start(), start().plus(latency), roll);
        for now in readings(&moves) {
            let (phase, renew) = (token.phase(now), token.may_renew(now));
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
        policy in policy(),
        lifetime in lifetime(),
        roll in 0.0..1.0f64,
    ) {
        let token = Validity::new(&policy, lifetime, start(), start(), roll);
        prop_assert!(token.phase(start()) < Phase::Expired);
        if let Some(longest) = longest_use(lifetime, &policy).filter(|longest| *longest >= MIN_LIFETIME) {
            let margin = longest / 10 + Duration::from_nanos(1);
            prop_assert!(token.phase(start().plus(longest - margin)) < Phase::Expired);
            let early = longest / 2 - longest.mul_f64(0.051);
            prop_assert_eq!(token.phase(start().plus(early)), Phase::Fresh);
        }
    }

    #[test]
    fn jitter_is_earlier_only(policy in policy(), lifetime in lifetime(), roll in 0.0..1.0f64) {
        let due = |roll| Validity::new(&policy, lifetime, start(), start(), roll).refresh_in(start());
        prop_assert!(due(roll) <= due(0.0));
        prop_assert!(due(1.0) <= due(roll));
    }

    #[test]
    fn a_hold_ends_and_never_comes_back_while_no_clock_runs_back(
        wait in duration(),
        moves in moves(forward()),
    ) {
        let hold = Hold::new(start(), wait);
        for pair in readings(&moves).windows(2) {
            prop_assert!(hold.left(pair[0]) >= hold.left(pair[1]));
            prop_assert!(hold.left(pair[1]) <= Some(wait));
        }
    }

    #[test]
    fn waits_grow_with_the_streak_and_stay_within_their_caps(streak in any::<u32>(), roll in 0.0..1.0f64) {
        let next = streak.saturating_add(1);
        prop_assert!(attempt_backoff(streak, roll) <= attempt_backoff(next, roll));
        prop_assert!(attempt_backoff(streak, roll) <= secs(16));
        prop_assert!(flight_spacing(streak, roll) <= flight_spacing(next, roll));
        prop_assert!((secs(1) / 2..=secs(30)).contains(&flight_spacing(streak, roll)));
        prop_assert!(throttled_spacing(streak, roll) <= throttled_spacing(next, roll));
        prop_assert!(throttled_spacing(streak, roll) <= flight_spacing(streak, roll));
        prop_assert!(useless_backoff(streak) <= useless_backoff(next));
        prop_assert!((secs(1)..=secs(60)).contains(&useless_backoff(streak)));
        prop_assert!((secs(1)..=secs(5)).contains(&terminal_memory(roll)));
    }

    #[test]
    fn a_deadline_is_never_in_the_past(wait in duration()) {
        let now = start().mono;
        prop_assert!(after(now, wait) >= now);
        prop_assert!(after(now, wait) - now <= wait);
    }
}
