//! Many accounts in one process: `--tenants 50 --calls 10000000`, or for as long as `--minutes` says.
//!
//! As many calls as the machine makes, to services within the process: what sockets do to a call is the other course's.
//! Tenants come and go, are told to forget, and are evicted, while their calls are under way; token requests fail, are
//! late, and panic; APIs reject, redirect, fail and answer late; calls are aborted. A judge holds each request against who
//! sent it: see [`api`]. It asks the crate for nothing.

mod api;
mod callers;
mod tenant;

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use self::{
    api::{Api, Stack, stacks},
    tenant::Tenant,
};
use crate::{
    footprint::{Footprint, settles},
    options::Options,
    rules::{Rule, Violations},
    table,
};

/// What all callers share.
pub(crate) struct World {
    /// Who has each place by now.
    pub(crate) places: Arc<Vec<Mutex<Arc<Tenant>>>>,
    pub(crate) stacks: Vec<Stack>,
    pub(crate) violations: Arc<Violations>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) seed: u64,
    /// Numbers of tenants, and of their refreshers.
    next: AtomicU64,
    /// Nothing fails any more.
    pub(crate) is_calm: Arc<AtomicBool>,
}

/// What happened, in numbers.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) calls: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) without_token: AtomicU64,
    pub(crate) without_account: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) aborted: AtomicU64,
    pub(crate) judged: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) redirected: AtomicU64,
    pub(crate) moved_without_token: AtomicU64,
    pub(crate) issued: AtomicU64,
    pub(crate) forgotten: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) replaced: AtomicU64,
    pub(crate) revoked: AtomicU64,
}

// === impl World ===

impl World {
    fn new(options: Options) -> Self {
        let (violations, seen, is_calm) = (Arc::new(Violations::new()), Arc::default(), Arc::default());
        let tenant = |number| Mutex::new(Tenant::new(number, number, options.seed, &seen, &is_calm));
        let tenants = u64::from(options.tenants);
        let places = Arc::new((1..=tenants).map(tenant).collect::<Vec<_>>());
        let own = Tenant::new(0, 0, options.seed, &seen, &is_calm);
        let api = Api::new(options.seed, &violations, &seen, &is_calm);
        let stacks = stacks(&api, &own, &places);
        let next = AtomicU64::new(tenants + 1);
        Self { places, stacks, violations, seen, seed: options.seed, next, is_calm }
    }

    /// Another refresher in `place`: of the same tenant, or of a new one.
    pub(crate) fn replace(&self, place: usize, by_another: bool) {
        let number = self.next.fetch_add(1, Relaxed);
        let old = tenant::at(&self.places, place);
        let account = if by_another { number } else { old.account };
        let new = Tenant::new(account, number, self.seed, &self.seen, &self.is_calm);
        *tenant::lock(&self.places[place]) = new;
        if by_another {
            old.leave();
        }
    }
}

/// Runs the course, prints what it came to, and returns whether all rules held.
pub(crate) async fn run(options: Options) -> io::Result<bool> {
    let begun = Instant::now();
    let world = Arc::new(World::new(options));
    let until = |calls: u64, part: u32| (calls / u64::from(part), begun + options.length / part);
    callers::run(&world, until(options.calls, 3)).await;
    let third = Footprint::now();
    callers::run(&world, until(options.calls, 1)).await;
    let end = Footprint::now();
    let took = begun.elapsed();
    world.violations.check(Rule::NoGrowth, !end.has_grown_since(third), || format!("{third}, later {end}"));
    world.is_calm.store(true, Relaxed);
    for place in 0..world.places.len() {
        tenant::at(&world.places, place).forget();
    }
    callers::all_succeed(&world).await;
    for place in 0..world.places.len() {
        let tenant = tenant::at(&world.places, place);
        world.violations.check(Rule::CountsAgree, tenant.counts_agree(), || format!("{tenant:?}"));
    }
    println!("\nsoak: {} tenants, {took:?}, seed {}\n", options.tenants, options.seed);
    for (what, count) in world.seen.list() {
        table::row(what, count);
    }
    table::row("tasks and heap, after a third", third);
    table::row("tasks and heap, after the run", end);
    let violations = Arc::clone(&world.violations);
    drop(world);
    let ended = settles(|| Footprint::now().tasks == 0).await;
    violations.check(Rule::NothingLeft, ended, || format!("{}", Footprint::now()));
    let broken = violations.take();
    table::row("violations", broken.values().map(|broken| broken.count).sum::<u64>());
    for (rule, broken) in &broken {
        table::violation(*rule, broken);
    }
    Ok(broken.is_empty())
}

// === impl Seen ===

impl Seen {
    fn list(&self) -> [(&'static str, u64); 16] {
        [
            ("calls", &self.calls),
            ("  answered", &self.answered),
            ("  without a token", &self.without_token),
            ("  without an account", &self.without_account),
            ("  failed by the API", &self.failed),
            ("  aborted", &self.aborted),
            ("requests judged", &self.judged),
            ("  answered with a 401", &self.rejected),
            ("  retries", &self.retried),
            ("  redirected", &self.redirected),
            ("  without a token behind a redirect", &self.moved_without_token),
            ("tokens issued", &self.issued),
            ("told to forget", &self.forgotten),
            ("refreshers evicted", &self.evicted),
            ("tenants that left, and others that came", &self.replaced),
            ("revocations", &self.revoked),
        ]
        .map(|(what, count)| (what, count.load(Relaxed)))
    }
}
