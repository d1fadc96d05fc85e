//! Traffic of many processes that share an access key, and what becomes of their calls.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use http::{StatusCode, Uri};
use tokio::{
    task::{JoinHandle, JoinSet, spawn_local},
    time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout},
};
use tower::ServiceExt;

use crate::{
    api::{API, Api, OTHER_API, REFUSED_PATH, Refuses, Slow},
    contenders::{Client, Contender, request},
    issuer::Issuer,
};

const HOUR: Duration = Duration::from_secs(3600);
/// Each process makes a call so often.
pub(crate) const CALL_EVERY: Duration = Duration::from_millis(100);
/// A caller waits so long for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// A process starts so often, and calls until the next one does.
pub(crate) const NEWCOMER_EVERY: Duration = Duration::from_secs(10);
const TOKEN_LATENCY: Duration = Duration::from_millis(100);
const API_LATENCY: Duration = Duration::from_millis(20);
/// Processes get their first token at the pace of the rate limit's refill, before anything is counted.
const START_EVERY: Duration = Duration::from_millis(100);

/// What the processes meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) refuses: Refuses,
    /// How many authorities refuse.
    pub(crate) authorities: usize,
    /// Where nothing is refused: every second call goes there.
    pub(crate) healthy: &'static str,
    /// How often all tokens are revoked.
    pub(crate) revoked_every: Option<Duration>,
}

/// What the processes did and saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) token_requests_a_minute: f64,
    pub(crate) throttled_a_minute: f64,
    /// The share of calls that were lost, of those that a good token could have got through.
    pub(crate) lost: f64,
    /// The same for processes that start while the others run, and call only where nothing is refused.
    pub(crate) lost_by_newcomers: f64,
    /// The share of `401`s among what callers saw of the API that refuses good tokens.
    pub(crate) seen: f64,
    /// The share of `401`s among that API's own answers.
    pub(crate) refused: f64,
}

#[derive(Debug, Default)]
struct Tally {
    calls: Share,
    refusable: Share,
}

#[derive(Debug, Default)]
struct Share {
    of: Cell<u32>,
    counted: Cell<u32>,
}

/// The calls of one process, all of them with the same client.
struct Process {
    client: Client,
    tally: Rc<Tally>,
    refuses: Refuses,
}

// === impl World ===

impl World {
    pub(crate) const fn refusing(name: &'static str, refuses: Refuses) -> Self {
        Self { name, refuses, authorities: 1, healthy: OTHER_API, revoked_every: None }
    }

    /// Lets `processes` call for `duration`, within a `LocalSet`.
    pub(crate) async fn run(self, contender: Contender, processes: u32, duration: Duration) -> Outcome {
        let issuer = Issuer::limited(TOKEN_LATENCY, HOUR, None);
        let api = Api::refusing(issuer.clone(), self.refuses);
        let healthy: Uri = self.healthy.parse().expect("a URI");
        let targets = self.targets(&healthy);
        let (residents, newcomers) = (Rc::<Tally>::default(), Rc::<Tally>::default());

        let start = Instant::now() + START_EVERY * (processes + 30) + PATIENCE;
        let end = start + duration;
        let mut tasks = JoinSet::new();
        for number in 0..processes {
            let client = (contender.make)(api.clone()).await;
            let _ = timeout(PATIENCE, client.clone().oneshot(request(healthy.clone()))).await;
            let process = Process { client, tally: Rc::clone(&residents), refuses: self.refuses };
            let targets = targets.clone();
            // The calls of a fleet are not in step.
            let first = start + CALL_EVERY * number / processes;
            tasks.spawn_local(process.call(targets, number as usize, first, end));
            sleep(START_EVERY).await;
        }
        sleep_until(start).await;
        let before = (issuer.requests(), issuer.throttled());
        let revocations = self.revoked_every.map(|every| revoke(issuer.clone(), every));
        let mut now = start;
        while now < end {
            let client = (contender.make)(api.clone()).await;
            let process = Process { client, tally: Rc::clone(&newcomers), refuses: Refuses::Nothing };
            tasks.spawn_local(process.call(vec![healthy.clone()], 0, now, now + NEWCOMER_EVERY));
            now += NEWCOMER_EVERY;
            sleep_until(now).await;
        }
        let minutes = duration.as_secs_f64() / 60.0;
        let token_requests_a_minute = (issuer.requests() - before.0) as f64 / minutes;
        let throttled_a_minute = (issuer.throttled() - before.1) as f64 / minutes;
        if let Some(revocations) = revocations {
            revocations.abort();
        }
        tasks.join_all().await;
        Outcome {
            token_requests_a_minute,
            throttled_a_minute,
            lost: residents.calls.share(),
            lost_by_newcomers: newcomers.calls.share(),
            seen: residents.refusable.share(),
            refused: api.refused(),
        }
    }

    /// What a process calls, in turns.
    fn targets(&self, healthy: &Uri) -> Vec<Uri> {
        let refused = |number| match number {
            0 => Uri::from_static(API),
            _ => format!("https://{number}.api.sinch.com{REFUSED_PATH}").parse().expect("a URI"),
        };
        (0..self.authorities).flat_map(|number| [refused(number), healthy.clone()]).collect()
    }
}

fn revoke(issuer: Issuer, every: Duration) -> JoinHandle<()> {
    spawn_local(async move {
        loop {
            sleep(every).await;
            issuer.revoke();
        }
    })
}

// === impl Process ===

impl Process {
    /// Makes calls from `first` to `end`, to the `targets` in turns, the one at `turn` first; waits for the answers.
    async fn call(self, targets: Vec<Uri>, turn: usize, first: Instant, end: Instant) {
        let this = Rc::new(self);
        let mut ticks = interval_at(first, CALL_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut calls = JoinSet::new();
        for target in targets.into_iter().cycle().skip(turn) {
            if ticks.tick().await >= end {
                break;
            }
            calls.spawn_local(Rc::clone(&this).call_once(target));
            while calls.try_join_next().is_some() {}
        }
        calls.join_all().await;
    }

    async fn call_once(self: Rc<Self>, target: Uri) {
        let is_refusable = target.path() == REFUSED_PATH && self.refuses != Refuses::Nothing;
        let mut request = request(target);
        let sent = Arc::new(AtomicBool::new(false));
        request.extensions_mut().insert(Slow { delay: API_LATENCY, sent });
        let answer = timeout(PATIENCE, self.client.clone().oneshot(request)).await;
        let status = answer.ok().and_then(Result::ok).map(|answer| answer.status());
        let is_unauthorized = status == Some(StatusCode::UNAUTHORIZED);
        if is_refusable {
            self.tally.refusable.add(is_unauthorized);
        }
        match self.refuses {
            // A 401 is the API's own, an error is not.
            Refuses::OneIn(_) if is_refusable => self.tally.calls.add(status.is_none()),
            // No token would have got it through.
            _ if is_refusable => {}
            _ => self.tally.calls.add(status != Some(StatusCode::OK)),
        }
    }
}

// === impl Share ===

impl Share {
    fn add(&self, counts: bool) {
        self.of.set(self.of.get() + 1);
        self.counted.set(self.counted.get() + u32::from(counts));
    }

    fn share(&self) -> f64 {
        f64::from(self.counted.get()) / f64::from(self.of.get().max(1))
    }
}
