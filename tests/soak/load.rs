//! The callers: so many calls a second, at most, and a bound on those that are under way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};

use crate::{call, world::World};

#[derive(Debug)]
pub(crate) struct Load {
    world: Arc<World>,
    next: AtomicU64,
    under_way: Arc<Semaphore>,
}

const TICKS: u32 = 200;
/// Calls that wait for a token pile up to here; then new ones wait, too.
const MAX_UNDER_WAY: u32 = 4_096;

// === impl Load ===

impl Load {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world, next: AtomicU64::new(1), under_way: Arc::new(Semaphore::new(MAX_UNDER_WAY as usize)) }
    }

    /// The number of the next call.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes calls until `end`, and calls `tick` many times a second.
    pub(crate) async fn run(&self, end: Instant, mut tick: impl FnMut()) {
        let rate = self.world.options.rate;
        let mut ticks = interval(Duration::from_secs(1) / TICKS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut due = 0;
        while Instant::now() < end {
            ticks.tick().await;
            tick();
            due += rate;
            for _ in 0..due / TICKS {
                self.start().await;
            }
            due %= TICKS;
        }
    }

    /// Waits for all calls to end.
    pub(crate) async fn rest(&self) {
        let _ = self.under_way.acquire_many(MAX_UNDER_WAY).await;
    }

    async fn start(&self) {
        let Ok(permit) = Arc::clone(&self.under_way).acquire_owned().await else {
            return;
        };
        let (world, id) = (Arc::clone(&self.world), self.number());
        tokio::spawn(async move {
            call::make(&world, id, None).await;
            drop(world);
            drop(permit);
        });
    }
}
