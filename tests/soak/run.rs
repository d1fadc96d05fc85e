//! The run: chaos, with a look at the memory after a third and at the end; healing; clearing up.

use std::{
    collections::BTreeMap,
    io, mem,
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::sleep;

use crate::{
    book::Outcome,
    call::{self, Patience},
    chaos::{self, Course},
    footprint::{Footprint, settles},
    load::Load,
    options::Options,
    rules::{Broken, Rule},
    tally::Tally,
    tokens::Counts,
    world::World,
};

/// What the run came to.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) options: Options,
    pub(crate) course: Course,
    pub(crate) tally: Tally,
    pub(crate) tokens: Counts,
    /// The most token requests at once as the endpoint saw it: one that was given up may be there a little longer.
    pub(crate) seen_at_once: u64,
    pub(crate) footprints: [(&'static str, Footprint); 4],
    pub(crate) broken: BTreeMap<Rule, Broken>,
}

/// The calls that must all succeed in the end.
const QUIET_CALLS: u64 = 1_000;
/// Enough for each stack to meet each server.
const HEALING_CALLS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);
/// The longest that anything rests by the contract, and a flight.
const LONGEST_REST: Duration = Duration::from_secs(70);
/// The most 401s, in percent, that the callers of an API that takes live tokens may see while tokens can be had: from
/// calls that must not be sent again, and while forced refreshes rest that did not help.
const MAX_UNAUTHORIZED: f64 = 5.0;
/// Fewer calls than this say nothing about a share: a single rest is a part of them.
const ENOUGH_CALLS: u64 = 10_000;

pub(crate) async fn run(options: Options) -> io::Result<Report> {
    let start = Footprint::now();
    let world = Arc::new(World::start(options).await?);
    let load = Load::new(Arc::clone(&world));
    let mut rng = Rng::with_seed(options.seed);
    let mut course = Course::default();
    let bar = bar(options.length);

    let third = under_chaos(&world, &load, &mut rng, &mut course, options.length / 3, &bar).await;
    let end =
        under_chaos(&world, &load, &mut rng, &mut course, options.length - options.length / 3, &bar).await;
    world.violations.check(Rule::NoGrowth, !end.has_grown_since(third), || {
        format!("during the run: {third}, later {end}")
    });
    bar.set_message("healing");
    heal(&world, &load).await;
    world.clear().await;
    settles(|| world.court.tokens.none_under_way()).await;
    let (counted, tokens) = (world.refresher.status().token_requests, world.court.tokens.counts());
    world.violations.check(Rule::CountsAgree, counted == tokens.requests, || {
        format!("it says {counted}, there were {}", tokens.requests)
    });
    bar.finish_and_clear();

    let violations = Arc::clone(&world.violations);
    let tally = mem::take(&mut *world.court.book.tally());
    for (api, fair) in tally.fair.iter().enumerate().filter(|(_, fair)| fair.calls >= ENOUGH_CALLS) {
        violations.check(Rule::FewUnauthorized, fair.share() <= MAX_UNAUTHORIZED, || {
            format!("of API {api}: {} of {} calls", fair.unauthorized, fair.calls)
        });
    }
    let seen_at_once = world.sinch.counts().token_requests_at_once;
    drop((load, world, bar));
    let ended = settles(|| Footprint::now().tasks <= start.tasks).await;
    let after = Footprint::now();
    violations.check(Rule::NothingLeft, ended, || format!("{after}"));
    violations.check(Rule::NoGrowth, !after.has_grown_since(start), || format!("in the end: {after}"));
    let footprints =
        [("at the start", start), ("after a third", third), ("after the run", end), ("in the end", after)];
    Ok(Report { options, course, tally, tokens, seen_at_once, footprints, broken: violations.take() })
}

/// Makes calls under chaos for `length`, and looks at what is left when they have ended.
async fn under_chaos(
    world: &World,
    load: &Load,
    rng: &mut Rng,
    course: &mut Course,
    length: Duration,
    bar: &ProgressBar,
) -> Footprint {
    let (begun, end) = (Instant::now(), Instant::now() + length);
    let position = bar.position();
    let mut shown = begun;
    let show = || {
        let now = Instant::now();
        if now.duration_since(shown) >= Duration::from_millis(200) {
            shown = now;
            world.court.book.close_old(now);
            bar.set_position(position + now.duration_since(begun).as_millis() as u64);
            let (calls, broken) = (world.court.book.tally().calls, world.violations.count());
            bar.set_message(format!("{calls} calls judged, {broken} violations"));
        }
    };
    tokio::join!(chaos::run(world, rng, course, end), load.run(end, show));
    load.rest().await;
    world.clear().await;
    Footprint::now()
}

/// Makes calls until all of a round succeed, which must not take longer than anything rests; then all must.
async fn heal(world: &World, load: &Load) {
    let begun = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < HEALING_CALLS && begun.elapsed() < LONGEST_REST {
        let outcome = call::make(world, load.number(), Some(Patience::ToTheEnd)).await;
        in_a_row = if outcome == Outcome::Success { in_a_row + 1 } else { 0 };
        if in_a_row == 0 {
            sleep(PAUSE).await;
        }
    }
    for _ in 0..QUIET_CALLS {
        let outcome = call::make(world, load.number(), Some(Patience::ToTheEnd)).await;
        world.violations.check(Rule::Heals, outcome == Outcome::Success, || format!("{outcome:?}"));
    }
}

fn bar(length: Duration) -> ProgressBar {
    let bar = ProgressBar::new(length.as_millis() as u64);
    match ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
