//! [`Script`]: what the input says.

use std::time::Duration;

/// The most steps of a script.
const MAX_STEPS: usize = 128;
/// How long something takes or lasts, in milliseconds.
const TIMES: [u64; 10] = [100, 500, 1_000, 2_000, 5_000, 10_000, 31_000, 60_000, 300_000, 1_200_000];
const API_LATENCIES: [u64; 10] = [0, 1, 50, 500, 900, 1_500, 3_000, 10_000, 40_000, 600_000];
const TOKEN_LATENCIES: [u64; 10] = [0, 50, 500, 1_000, 1_900, 2_500, 4_600, 10_000, 29_500, 3_600_000];
/// In seconds.
const LIFETIMES: [Option<u64>; 10] =
    [Some(3600), Some(0), Some(1), Some(5), Some(30), Some(60), Some(300), Some(1200), Some(86_400), None];
const ANSWERS: [Answer; 10] = [
    Answer::Status(200),
    Answer::Unauthorized,
    Answer::Status(503),
    Answer::Status(429),
    Answer::Status(403),
    Answer::InsufficientScope,
    Answer::Fails,
    Answer::Status(500),
    Answer::Status(204),
    Answer::Status(404),
];
const POLICIES: [Policy; 10] = [
    Policy::Always(Answer::Status(200)),
    Policy::Always(Answer::Unauthorized),
    Policy::EveryOther,
    Policy::OnceEach,
    Policy::Revoked(Answer::Status(200)),
    Policy::Revoked(Answer::Status(503)),
    Policy::Revoked(Answer::Status(429)),
    Policy::Always(Answer::Status(503)),
    Policy::Always(Answer::InsufficientScope),
    Policy::Drawn,
];
const OUTCOMES: [Outcome; 10] = [
    Outcome::Issued,
    Outcome::Unavailable,
    Outcome::Rejected,
    Outcome::Throttled(None),
    Outcome::Throttled(Some(Duration::from_secs(7))),
    Outcome::Throttled(Some(Duration::from_secs(90))),
    Outcome::IssuedAgain,
    Outcome::Credentials,
    Outcome::Drawn,
    Outcome::TimedOut,
];

/// What the input says.
#[derive(Debug)]
pub struct Script {
    /// How the refresher and the layers are set.
    pub settings: Settings,
    /// Seeds what is drawn.
    pub seed: u64,
    /// What happens.
    pub steps: Vec<Step>,
}

/// How the refresher and the layers are set: the bits of the first digit, from the least.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether a flight makes four attempts, or one.
    pub repeats: bool,
    /// Whether a flight may take 5 s only, instead of 30 s.
    pub hurries: bool,
    /// Whether calls wait for a token 1 s only.
    pub is_impatient: bool,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Calls to an authority.
    Call {
        /// Which one.
        authority: usize,
        /// Whether they can be sent again.
        can_retry: bool,
        /// How many.
        count: u8,
    },
    /// The caller of one of the calls goes away.
    Drop(usize),
    /// Time passes.
    Pass(Duration),
    /// Time passes, and no task goes on meanwhile.
    Stall(Duration),
    /// The wall clock is set ahead.
    Ahead(Duration),
    /// The wall clock is set back.
    Back(Duration),
    /// An authority answers in another way.
    Policy(usize, Policy),
    /// All tokens so far are revoked, by all authorities.
    Revoke,
    /// The next answer.
    Answer(Answer),
    /// Answers take so long.
    Latency(Duration),
    /// No API is ready for so long.
    NotReady(Duration),
    /// Token requests take so long.
    TokenLatency(Duration),
    /// Tokens live so long.
    Lifetime(Option<Duration>),
    /// What becomes of token requests.
    Outcome(Outcome),
    /// What becomes of the next token request.
    NextOutcome(Outcome),
    /// The token is asked for.
    Token,
    /// The token in use is refreshed by hand, or the one that was asked for last.
    Refresh {
        /// Whether it is the one in use.
        in_use: bool,
    },
}

/// How an API answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `401` for the token.
    Unauthorized,
    /// `401` for another reason.
    InsufficientScope,
    /// The call fails.
    Fails,
    /// Anything else.
    Status(u16),
}

/// How an authority answers.
#[derive(Clone, Copy, Debug)]
pub enum Policy {
    /// Always so.
    Always(Answer),
    /// Every other request is rejected.
    EveryOther,
    /// Each token is accepted once.
    OnceEach,
    /// The tokens so far are rejected, and the others answered so.
    Revoked(Answer),
    /// A third of all requests are rejected.
    Drawn,
}

/// What becomes of a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It brings another token.
    Issued,
    /// It brings the last token once more.
    IssuedAgain,
    /// It fails, which is transient.
    Unavailable,
    /// It times out.
    TimedOut,
    /// It fails with a `429`, with or without `Retry-After`.
    Throttled(Option<Duration>),
    /// It is refused.
    Rejected,
    /// There are no credentials.
    Credentials,
    /// Every other one fails.
    Drawn,
}

// === impl Script ===

impl Script {
    /// Reads a script; whatever it is, it is one.
    pub fn read(input: &[u8]) -> Self {
        let mut text = input.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).peekable();
        let settings = text.next().unwrap_or_default();
        let seed = text.next().unwrap_or_default().into();
        let settings = Settings {
            repeats: settings & 1 != 0,
            hurries: settings & 2 != 0,
            is_impatient: settings & 4 != 0,
        };
        let mut steps = Vec::new();
        while let (Some(byte), true) = (text.next(), steps.len() < MAX_STEPS) {
            let digit = text.next_if(u8::is_ascii_digit).map_or(0, |digit| digit - b'0');
            steps.push(Step::read(byte, digit));
        }
        Self { settings, seed, steps }
    }
}

// === impl Step ===

impl Step {
    fn read(byte: u8, digit: u8) -> Self {
        const LETTERS: &[u8] = b"abcABCxtTwWdefqlyrikmnghH";
        let at = usize::from(digit);
        let time = |table: [u64; 10]| Duration::from_millis(table[at]);
        let known = LETTERS.contains(&byte);
        match if known { byte } else { LETTERS[usize::from(byte) % LETTERS.len()] } {
            letter @ b'a'..=b'c' => Self::call(letter - b'a', true, digit),
            letter @ b'A'..=b'C' => Self::call(letter - b'A', false, digit),
            b'x' => Self::Drop(at),
            b't' => Self::Pass(time(TIMES)),
            b'T' => Self::Stall(time(TIMES)),
            b'w' => Self::Ahead(time(TIMES)),
            b'W' => Self::Back(time(TIMES)),
            letter @ b'd'..=b'f' => Self::Policy(usize::from(letter - b'd'), POLICIES[at]),
            b'q' => Self::Answer(ANSWERS[at]),
            b'l' => Self::Latency(time(API_LATENCIES)),
            b'y' => Self::NotReady(time(TIMES)),
            b'r' => Self::Revoke,
            b'i' => Self::TokenLatency(time(TOKEN_LATENCIES)),
            b'k' => Self::Lifetime(LIFETIMES[at].map(Duration::from_secs)),
            b'm' => Self::Outcome(OUTCOMES[at]),
            b'n' => Self::NextOutcome(OUTCOMES[at]),
            b'g' => Self::Token,
            letter => Self::Refresh { in_use: letter == b'h' },
        }
    }

    fn call(authority: u8, can_retry: bool, digit: u8) -> Self {
        Self::Call { authority: authority.into(), can_retry, count: digit % 5 + 1 }
    }
}

// === impl Settings ===

impl Settings {
    /// How long a flight may take.
    pub fn flight_timeout(self) -> Duration {
        Duration::from_secs(if self.hurries { 5 } else { 30 })
    }
}
