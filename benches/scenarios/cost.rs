//! What a `401` may cost: token requests, and calls that a good token would have got through.
//!
//! The processes of an access key share Sinch's rate limit. So an API that refuses good tokens must not become a stream
//! of token requests, which would let other processes wait for theirs; and a token that is really revoked must be
//! replaced at once.

use std::{future::ready, time::Duration};

use futures::FutureExt;
use tokio::{runtime::Builder, task::LocalSet};
use tower::Layer;
use tower_sinch_auth::{NoReplay, SinchAuthLayer};

use crate::{
    api::Refuses,
    contenders::{Client, Contender, HandRolled},
    traffic::{CALL_EVERY, NEWCOMER_EVERY, Outcome, PATIENCE, World},
};

/// As long as calls are made in paused time.
const DURATION: Duration = Duration::from_secs(180);
const PROCESSES: [u32; 2] = [1, 100];

const WORLDS: [World; 9] = [
    World::refusing("always 401", Refuses::Always),
    World::refusing("401 to one in two", Refuses::OneIn(2)),
    World::refusing("401 to one in ten", Refuses::OneIn(10)),
    World::refusing("401 to one in a hundred", Refuses::OneIn(100)),
    World::refusing("401, then 503 to the retry", Refuses::ThenUnavailable),
    World {
        healthy: "https://numbers.api.sinch.com/v1/projects/p/activeNumbers",
        ..World::refusing("one path refuses", Refuses::Always)
    },
    World { authorities: 65, ..World::refusing("65 authorities refuse", Refuses::Always) },
    revoked("revoked every 3 s", 3),
    revoked("revoked every 30 s", 30),
];

const fn revoked(name: &'static str, seconds: u64) -> World {
    let every = Some(Duration::from_secs(seconds));
    World { revoked_every: every, ..World::refusing(name, Refuses::Nothing) }
}

/// Ours and the hand-rolled cache, with their default settings.
pub(crate) const DEFAULTS: [Contender; 3] = [
    Contender {
        name: "SinchAuth, CloneBody",
        make: |api| ready(Client::new(SinchAuthLayer::new(api.issuer.clone()).layer(api))).boxed(),
        short_lifetime: DURATION,
    },
    Contender {
        name: "SinchAuth, NoReplay",
        make: |api| {
            let layer = SinchAuthLayer::new(api.issuer.clone()).replay(NoReplay);
            ready(Client::new(layer.layer(api))).boxed()
        },
        short_lifetime: DURATION,
    },
    Contender {
        name: "lock across await",
        make: |api| ready(Client::new(HandRolled::new(api.clone(), api.issuer))).boxed(),
        short_lifetime: DURATION,
    },
];

/// What became of one contender in each world, with one process and with many.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// In the order of [`columns`].
    pub(crate) outcomes: Vec<Outcome>,
}

// === impl Row ===

impl Row {
    /// In tokio's paused time, one world after the other.
    pub(crate) fn paused(contender: Contender) -> Self {
        let run = |(world, processes): (World, u32)| {
            fastrand::seed(1);
            let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
            let run = world.run(contender, processes, DURATION);
            LocalSet::new().block_on(&runtime.expect("a runtime"), run)
        };
        Self { name: contender.name, outcomes: columns().map(run).collect() }
    }
}

/// Each world, with one process and with many.
pub(crate) fn columns() -> impl Iterator<Item = (World, u32)> {
    WORLDS.into_iter().flat_map(|world| PROCESSES.map(|processes| (world, processes)))
}

pub(crate) fn print(rows: &[Row]) {
    println!(
        "Each process makes a call every {} ms; every {} s one starts; callers wait for {} s at most.\n",
        CALL_EVERY.as_millis(),
        NEWCOMER_EVERY.as_secs(),
        PATIENCE.as_secs(),
    );
    let [one, many] = PROCESSES;
    println!("{:24} {:>39}  {:>39}", "", format!("{one} process"), format!("{many} processes"));
    let columns = format!("{:>7} {:>6} {:>6} {:>6} {:>10}", "tokens", "429s", "lost", "new", "401s");
    println!("{:24} {columns}  {columns}", "");
    for (number, world) in WORLDS.iter().enumerate() {
        println!("\n{}", world.name);
        for Row { name, outcomes } in rows {
            let outcomes = outcomes.chunks(PROCESSES.len()).nth(number).unwrap_or_default();
            let cells: Vec<String> = outcomes.iter().map(|outcome| cells(world, outcome)).collect();
            println!("  {name:22} {}", cells.join("  "));
        }
    }
}

fn cells(world: &World, outcome: &Outcome) -> String {
    let percent = |share: f64| match share * 100.0 {
        0.0 => "0".to_owned(),
        percent if percent < 10.0 => format!("{percent:.2}"),
        percent => format!("{percent:.0}"),
    };
    let unauthorized = match world.refuses {
        Refuses::Nothing => "—".to_owned(),
        _ => format!("{}/{}", percent(outcome.seen), percent(outcome.refused)),
    };
    format!(
        "{:>7.0} {:>6.0} {:>6} {:>6} {unauthorized:>10}",
        outcome.token_requests_a_minute,
        outcome.throttled_a_minute,
        percent(outcome.lost),
        percent(outcome.lost_by_newcomers),
    )
}
