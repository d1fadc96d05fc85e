//! [`World`]: one scenario's issuer, Redis and processes.

use std::{net::Ipv4Addr, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures::future::join_all;
use tokio::time::sleep;
use tower_sinch_auth::{AccessKey, testing::FakeSinch};

use super::{
    monitor::Monitor,
    process::Process,
    proxy::TcpProxy,
    round::{Report, Round},
    server::RedisServer,
    worker::Plan,
};

/// As many refreshers as the issuer's rate limit lets through at once, when each asks for itself.
pub(crate) const FEW: usize = 2;
/// Twice as many as that.
pub(crate) const SOME: usize = 5;
pub(crate) const MANY: usize = 20;
pub(crate) const PROCESSES: usize = 12;
/// How long the issuer takes.
pub(crate) const EXCHANGE: Duration = Duration::from_millis(300);
const KEY_ID: &str = "9d8f2b1e-6c0a-4f6e-8a6b-0c4d1e2f3a4b";
const KEY_SECRET: &str = "no~Redis_ever-hears.this~secret";

/// One scenario's issuer, Redis and processes.
pub(crate) struct World {
    pub(crate) sinch: FakeSinch,
    pub(crate) redis: RedisServer,
    pub(crate) processes: Vec<Process>,
    monitor: Monitor,
    headers: Vec<String>,
    counted: [u64; 2],
    unanswered: u64,
}

// === impl World ===

impl World {
    pub(crate) async fn new() -> Self {
        let redis = RedisServer::start().await;
        let sinch = FakeSinch::start().await.unwrap();
        sinch.set_access_key(AccessKey::new(KEY_ID, KEY_SECRET).unwrap());
        sinch.on_token().latency(EXCHANGE);
        let mut monitor = Monitor::default();
        monitor.listen(redis.port());
        let (processes, headers) = (Vec::new(), Vec::new());
        Self { sinch, redis, processes, monitor, headers, counted: [0; 2], unanswered: 0 }
    }

    /// A world with its processes, each of so many refreshers.
    pub(crate) async fn of(refreshers: usize) -> Self {
        let mut world = Self::new().await;
        let plan = world.plan(refreshers);
        world.start(|_| plan.clone());
        world
    }

    /// What a process needs to know, with Redis at its own address.
    pub(crate) fn plan(&self, refreshers: usize) -> Plan {
        Plan {
            key_id: KEY_ID.to_owned(),
            key_secret: KEY_SECRET.to_owned(),
            endpoint: self.sinch.token_endpoint().to_string(),
            api: self.sinch.api("/v1/numbers").to_string(),
            redis: self.redis.url(),
            refreshers,
            clock_ahead: 0,
        }
    }

    pub(crate) fn start(&mut self, plan: impl Fn(usize) -> Plan) {
        self.processes = (0..PROCESSES).map(|number| Process::start(&plan(number))).collect();
    }

    /// A network between the processes and Redis.
    pub(crate) async fn network(&self) -> TcpProxy {
        TcpProxy::start((Ipv4Addr::LOCALHOST, self.redis.port()).into()).await
    }

    /// Has all refreshers call at once, and prints what came of it. None fails.
    pub(crate) async fn round(&mut self, what: &str) -> Round {
        join_all(self.processes.iter_mut().map(Process::call)).await;
        self.finish(what).await
    }

    /// Waits for calls under way, and prints what came of them. None fails.
    pub(crate) async fn finish(&mut self, what: &str) -> Round {
        let round = self.print_reports(what).await;
        assert_eq!(round.all.failed, 0, "{what}: {round:?}");
        round
    }

    /// As `round`, but what fails is answered by a `401`.
    pub(crate) async fn round_with_401s(&mut self, what: &str) -> Round {
        join_all(self.processes.iter_mut().map(Process::call)).await;
        let round = self.print_reports(what).await;
        assert!(round.all.error.as_ref().is_none_or(|error| error.starts_with("401")), "{what}: {round:?}");
        round
    }

    async fn print_reports(&mut self, what: &str) -> Round {
        let reports = join_all(self.processes.iter_mut().map(Process::report)).await;
        let all = reports.into_iter().fold(Report::default(), Report::merge);
        let headers = join_all(self.processes.iter_mut().map(Process::header)).await;
        self.headers.extend(headers);
        let [token_requests, throttled] = self.count();
        let processes = self.processes.len();
        let unanswered_before = self.unanswered;
        self.unanswered += all.unanswered;
        let round = Round { processes, token_requests, throttled, unanswered_before, all };
        round.print(what);
        round
    }

    /// Once Redis is well again, and has been left alone for long enough, the fleet shares as before.
    pub(crate) async fn recovers(&mut self, what: &str) {
        // After its first failure a store is left alone for 1 s.
        sleep(Duration::from_millis(1_500)).await;
        self.unanswered = 0;
        self.sinch.revoke_tokens();
        self.round(what).await.is_shared(1);
    }

    pub(crate) async fn restart_redis(&mut self) {
        self.redis.restart().await;
        self.monitor.listen(self.redis.port());
    }

    /// The names that the fleet's entries have in Redis: that of the token and that of the lease.
    pub(crate) async fn names(&self) -> [String; 2] {
        let keys: Vec<String> = self.redis.run("KEYS sinch-auth:*:token").await;
        let token = keys.into_iter().next().expect("no token is shared");
        let lease = token.replace(":token", ":lease");
        [token, lease]
    }

    /// Ends the processes and Redis. Of what Redis was told nothing was secret.
    pub(crate) fn end(self) {
        assert_eq!(self.secrets_that_redis_was_told(), Vec::<String>::new());
    }

    /// Ends the processes and Redis, and returns the secrets that Redis was told.
    pub(crate) fn secrets_that_redis_was_told(mut self) -> Vec<String> {
        self.processes.clear();
        self.redis.kill();
        let heard = self.monitor.end();
        assert!(heard.iter().all(|heard| contains(heard, "sinch-auth:")), "nothing was heard");
        let mut secrets: Vec<_> = self.headers.iter().flat_map(|header| header.split([' ', '.'])).collect();
        let pair = BASE64_STANDARD.encode(format!("{KEY_ID}:{KEY_SECRET}"));
        secrets.extend([KEY_ID, KEY_SECRET, &pair]);
        secrets.sort_unstable();
        secrets.dedup();
        let is_heard = |secret: &&str| heard.iter().any(|heard| contains(heard, secret));
        secrets.into_iter().filter(is_heard).map(str::to_owned).collect()
    }

    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// Token requests, and those that the rate limit refused, since the last time.
    fn count(&mut self) -> [u64; 2] {
        let counts = self.sinch.counts();
        let [requests, throttled] = self.counted;
        self.counted = [counts.token_requests, counts.token_requests_throttled];
        [counts.token_requests - requests, counts.token_requests_throttled - throttled]
    }
}

fn contains(heard: &[u8], text: &str) -> bool {
    heard.windows(text.len()).any(|heard| heard == text.as_bytes())
}
