//! The phases: about a second each, drawn from the seed. The token endpoint and the APIs go wrong independently. Between
//! them there are [scenes](crate::scene).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fastrand::Rng;
use http::StatusCode;
use tokio::time::sleep;
use tower_sinch_auth::testing::Answer;

use crate::{api::APIS, misbehaviour::Kind, scene::Scene, world::World};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    endpoint: Endpoint,
    /// Of the token endpoint's answers.
    latency: Duration,
    /// Of the tokens issued.
    lifetime: Duration,
    api: Kind,
    /// A token is revoked half-way: at one API, or at all.
    revokes: Option<Revocation>,
    /// The access key is replaced at the start.
    rotates: bool,
    length: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Revocation {
    At(usize),
    Everywhere,
}

/// How the token endpoint misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Calm,
    Failing,
    Throttling,
    RetryLater,
    NotJson,
    NoToken,
    Cutting,
    Tearing,
    Hanging,
    Refusing,
}

/// How many phases there were, and of which kinds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    pub(crate) phases: u64,
    pub(crate) scenes: BTreeMap<String, u64>,
    pub(crate) endpoint: BTreeMap<String, u64>,
    pub(crate) api: BTreeMap<String, u64>,
    pub(crate) rotations: u64,
}

/// No phase is shorter, and none more than three times as long.
pub(crate) const SHORTEST: Duration = Duration::from_millis(500);
/// What a token lives for while nothing is astray, and in the end.
const CALM_LIFETIME: Duration = Duration::from_secs(60);

// === impl Phase ===

impl Phase {
    pub(crate) const CALM: Self = Self {
        endpoint: Endpoint::Calm,
        latency: Duration::ZERO,
        lifetime: CALM_LIFETIME,
        api: Kind::Calm,
        revokes: None,
        rotates: false,
        length: Duration::ZERO,
    };

    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let short = rng.u8(..100) < 60;
        let slow = rng.u8(..100) < 25;
        Self {
            endpoint: Endpoint::draw(rng),
            latency: if slow { Duration::from_millis(rng.u64(10..350)) } else { Duration::ZERO },
            lifetime: if short { Duration::from_secs(rng.u64(3..=5)) } else { CALM_LIFETIME },
            api: Kind::draw(rng),
            revokes: Revocation::draw(rng),
            rotates: rng.u8(..100) < 10,
            length: SHORTEST.mul_f64(1.0 + 2.0 * rng.f64()),
        }
    }

    /// Calm, but for the time that the token endpoint takes.
    pub(crate) fn slow(latency: Duration) -> Self {
        Self { latency, ..Self::CALM }
    }

    /// Calm, but for the tokens' lifetime.
    pub(crate) fn short_lived(lifetime: Duration) -> Self {
        Self { lifetime, ..Self::CALM }
    }

    /// Calm, but for one API that takes no token.
    pub(crate) fn refusing(api: usize, latency: Duration) -> Self {
        Self { latency, api: Kind::Refusing { api }, ..Self::CALM }
    }

    pub(crate) fn begin(&self, world: &World) {
        if self.rotates {
            world.sinch.rotate_key();
        }
        world.sinch.set_token_lifetime(self.lifetime);
        world.sinch.on_token().latency(self.latency);
        world.sinch.on_token().always(self.endpoint.answer());
        world.court.mood.set(self.api);
    }
}

impl Phase {
    async fn play(&self, world: &World) {
        self.begin(world);
        sleep(self.length / 2).await;
        match self.revokes {
            Some(Revocation::At(api)) => world.court.tokens.revoke(api),
            Some(Revocation::Everywhere) => world.court.tokens.revoke_everywhere(),
            None => {}
        }
        sleep(self.length / 2).await;
    }
}

// === impl Revocation ===

impl Revocation {
    fn draw(rng: &mut Rng) -> Option<Self> {
        match rng.u8(..100) {
            0..25 => Some(Self::At(rng.usize(..APIS))),
            25..35 => Some(Self::Everywhere),
            _ => None,
        }
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// Calm, more often than not.
    fn draw(rng: &mut Rng) -> Self {
        let astray = [
            Self::Failing,
            Self::Throttling,
            Self::RetryLater,
            Self::NotJson,
            Self::NoToken,
            Self::Cutting,
            Self::Tearing,
            Self::Hanging,
            Self::Refusing,
        ];
        if rng.u8(..100) < 65 { Self::Calm } else { rng.choice(astray).unwrap_or(Self::Calm) }
    }

    fn answer(self) -> Answer {
        match self {
            Self::Calm => Answer::AsSinch,
            Self::Failing => Answer::status(StatusCode::SERVICE_UNAVAILABLE),
            Self::Throttling => Answer::throttled(),
            Self::RetryLater => Answer::retry_after(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(1)),
            Self::NotJson => Answer::body("<html>Down for maintenance</html>"),
            Self::NoToken => Answer::body(Bytes::from_static(br#"{"expires_in":3599}"#)),
            Self::Cutting => Answer::Close,
            Self::Tearing => Answer::Tear,
            Self::Hanging => Answer::Hang,
            Self::Refusing => Answer::Unauthorized,
        }
    }
}

// === impl Course ===

impl Course {
    fn enter(&mut self, phase: &Phase) {
        self.phases += 1;
        *self.endpoint.entry(format!("{:?}", phase.endpoint)).or_default() += 1;
        *self.api.entry(phase.api.name().to_owned()).or_default() += 1;
        self.rotations += u64::from(phase.rotates);
    }
}

/// Lets one phase or scene follow another until `end`; then all is calm.
pub(crate) async fn run(world: &World, rng: &mut Rng, course: &mut Course, end: Instant) {
    let mut deck = Vec::new();
    while Instant::now() < end {
        let Some(scene) = deck.pop() else {
            deck = Scene::deck(rng);
            continue;
        };
        match scene {
            Some(scene) => {
                *course.scenes.entry(format!("{scene:?}")).or_default() += 1;
                scene.play(world, rng).await;
            }
            None => {
                let phase = Phase::draw(rng);
                course.enter(&phase);
                phase.play(world).await;
            }
        }
    }
    Phase::CALM.begin(world);
}
