//! [`Scene`]: courses of events that chance brings about too seldom, each once in a while.

use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::time::sleep;

use crate::{api::APIS, chaos::Phase, footprint::settles, world::World};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Scene {
    /// The wall clock is set ahead while the token endpoint is slow: first so that the token is dead, then so that the
    /// next one is due.
    SetAhead,
    /// The wall clock is set back to long before the token was issued, which does not live for long.
    SetBack,
    /// An API takes no token for a while. Others heal meanwhile; it does, a little later.
    Refusal,
}

/// The share of its life that is over when a token is due by all means, but good for a while.
const DUE: f64 = 0.76;
/// Longer than any token lives.
const BEYOND: Duration = Duration::from_secs(180);
/// What a scene waits for at most.
const REST: Duration = Duration::from_secs(3);
/// Scenes in a deck, and phases between them.
const DECK: [Option<Scene>; 9] = [
    Some(Scene::SetAhead),
    Some(Scene::SetBack),
    Some(Scene::Refusal),
    Some(Scene::Refusal),
    Some(Scene::Refusal),
    None,
    None,
    None,
    None,
];

// === impl Scene ===

impl Scene {
    /// What comes next, without a scene where there is to be a phase.
    pub(crate) fn deck(rng: &mut Rng) -> Vec<Option<Self>> {
        let mut deck = DECK.to_vec();
        rng.shuffle(&mut deck);
        deck
    }

    pub(crate) async fn play(self, world: &World, rng: &mut Rng) {
        match self {
            Self::SetAhead => set_ahead(world, rng).await,
            Self::SetBack => set_back(world).await,
            Self::Refusal => refusal(world, rng).await,
        }
    }
}

async fn set_ahead(world: &World, rng: &mut Rng) {
    let tokens = &world.court.tokens;
    let latency = millis(rng.u64(1_000..1_200));
    Phase::slow(latency).begin(world);
    sleep(millis(300)).await;
    tokens.ahead(BEYOND);
    sleep(latency + millis(500)).await;
    if let Some(by) = tokens.until(DUE) {
        tokens.ahead(by);
        // A 401 while a token request is under way that answers to the time.
        sleep(millis(600)).await;
        tokens.revoke(rng.usize(..APIS));
        sleep(latency - millis(200)).await;
    }
}

async fn set_back(world: &World) {
    let tokens = &world.court.tokens;
    let lifetime = Duration::from_secs(3);
    Phase::short_lived(lifetime).begin(world);
    // For another token.
    tokens.ahead(BEYOND);
    sleep(millis(300)).await;
    tokens.back(BEYOND * 4);
    sleep(lifetime + millis(300)).await;
}

/// What an API refuses lets it rest for a second, if it is the first time in a row; when that is over, so that it must
/// be able to heal, it takes none of the tokens so far.
async fn refusal(world: &World, rng: &mut Rng) {
    let tokens = &world.court.tokens;
    // Mostly the same, so that what must be forgotten in between comes up again.
    let favourite = world.options.seed as usize % APIS;
    let api = if rng.u8(..100) < 80 { favourite } else { rng.usize(..APIS) };
    let other = (api + rng.usize(1..APIS)) % APIS;
    let latency = millis(rng.u64(30..250));
    Phase::slow(latency).begin(world);
    within(REST, || !tokens.is_troubled()).await;
    if !tokens.affords(api, 2.0) {
        return;
    }
    Phase::refusing(api, latency).begin(world);
    sleep(millis(400)).await;
    tokens.revoke(other);
    sleep(millis(400)).await;
    Phase::slow(latency).begin(world);
    within(REST, || tokens.excuse(api, Instant::now()).is_none()).await;
    tokens.revoke(api);
    sleep(millis(1_300)).await;
}

/// Waits until `done`, or for `most`.
async fn within(most: Duration, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + most;
    settles(|| done() || Instant::now() > end).await;
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
