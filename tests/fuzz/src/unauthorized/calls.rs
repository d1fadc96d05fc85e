//! [`Player`]: plays a script.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::{task::JoinHandle, time::advance};
use tower::{Layer, Service, ServiceExt, util::BoxCloneService};
use tower_sinch_auth::{AccessToken, BoxError, NoReplay, SinchAuthLayer, TokenRefresher};

use super::{
    books::BY_HAND,
    clock::{Moment, set_wall, wall},
    script::{Answer, Outcome, Policy, Script, Step},
    world::{AUTHORITIES, Api, CallId, Shared, number_of},
};

/// The most calls of a script.
const MAX_CALLS: usize = 160;
/// No token lives, and nothing backs off, for that long.
const LONG: Duration = Duration::from_secs(25 * 60 * 60);

/// A service that puts tokens on calls.
type Stack = BoxCloneService<Request<Full<Bytes>>, Response<Full<Bytes>>, BoxError>;

/// Plays a script.
#[derive(Debug)]
pub struct Player {
    world: Shared,
    tokens: TokenRefresher,
    retrying: Stack,
    once: Stack,
    calls: Vec<JoinHandle<()>>,
    /// The token that was asked for last.
    held: Option<AccessToken>,
}

/// A caller. Dropped before its end, it went away.
struct Caller {
    world: Shared,
    id: CallId,
}

// === impl Player ===

impl Player {
    /// Plays `script` from its beginning to its end, and sees that everything can still be healed then.
    pub async fn play(script: &Script) {
        set_wall(Duration::ZERO, Duration::ZERO);
        let mut player = Self::new(script);
        for step in &script.steps {
            player.step(*step).await;
            player.settle().await;
        }
        player.end().await;
    }

    fn new(script: &Script) -> Self {
        let world = Shared::new(script);
        let issuer = world.clone();
        let tokens = TokenRefresher::builder(move || issuer.clone().fetch())
            .wall_clock(wall)
            .flight_timeout(script.settings.flight_timeout())
            .max_attempts(if script.settings.repeats { 4 } else { 1 })
            .build();
        let mut layer = SinchAuthLayer::new(tokens.clone());
        if script.settings.is_impatient {
            layer = layer.max_wait(Duration::from_secs(1));
        }
        let api = Api::new(world.clone());
        Self {
            retrying: BoxCloneService::new(layer.layer(api.clone())),
            once: BoxCloneService::new(layer.replay(NoReplay).layer(api)),
            world,
            tokens,
            calls: Vec::new(),
            held: None,
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Call { authority, can_retry, count } => {
                for _ in 0..count {
                    self.call(authority, can_retry);
                }
            }
            Step::Drop(at) => self.drop_call(at),
            Step::Pass(time) => tokio::time::sleep(time).await,
            Step::Stall(time) => {
                self.world.lock().books.stalled(time);
                advance(time).await;
            }
            Step::Ahead(time) => self.set_wall(time, Duration::ZERO),
            Step::Back(time) => self.set_wall(Duration::ZERO, time),
            Step::Token => self.ask(None),
            Step::Refresh { in_use } => {
                let rejected = if in_use { self.tokens.cached() } else { self.held.clone() };
                self.ask(rejected);
            }
            step => self.world.lock().set(step),
        }
    }

    /// Lets everyone go on until nothing happens any more at this moment.
    async fn settle(&mut self) {
        let mut events = None;
        while events != Some(self.world.lock().books.events) {
            events = Some(self.world.lock().books.events);
            for _ in 0..12 {
                tokio::task::yield_now().await;
            }
        }
        self.held = self.tokens.cached().or(self.held.take());
    }

    fn set_wall(&self, ahead: Duration, back: Duration) {
        set_wall(ahead, back);
        self.world.lock().books.wall_set();
    }

    fn call(&mut self, authority: usize, can_retry: bool) {
        if self.world.lock().books.calls() >= MAX_CALLS {
            return;
        }
        let mut stack = if can_retry { self.retrying.clone() } else { self.once.clone() };
        let world = self.world.clone();
        self.calls.push(tokio::spawn(async move {
            let ready = stack.ready().await.expect("an API that becomes ready");
            let id = world.lock().books.on_call(authority, can_retry, Moment::now());
            let caller = Caller { world, id };
            let mut request = Request::new(Full::default());
            *request.uri_mut() = format!("https://{}/", AUTHORITIES[authority]).parse().unwrap();
            request.extensions_mut().insert(id);
            let result = ready.call(request).await.map(|response| response.status());
            caller.ends(&result);
        }));
    }

    fn drop_call(&mut self, at: usize) {
        self.calls.retain(|call| !call.is_finished());
        if !self.calls.is_empty() {
            let at = at % self.calls.len();
            self.calls.swap_remove(at).abort();
        }
    }

    /// Asks for the token, or for another one than was `rejected`.
    fn ask(&mut self, rejected: Option<AccessToken>) {
        if self.world.lock().books.calls() >= MAX_CALLS {
            return;
        }
        let (world, tokens) = (self.world.clone(), self.tokens.clone());
        self.calls.push(tokio::spawn(async move {
            let number = rejected.as_ref().map(|token| number_of(token.authorization()));
            let id = world.lock().books.on_asked(number, Moment::now());
            let caller = Caller { world, id };
            let result = match rejected {
                Some(rejected) => tokens.refresh(&rejected).await,
                None => tokens.token().await,
            };
            let number = result.ok().map(|token| number_of(token.authorization()));
            caller.world.lock().books.on_told(id, number, Moment::now());
        }));
    }

    /// Lets everything come to its end, long after which a call gets a token; rejected, it gets another one.
    async fn end(mut self) {
        self.world.lock().heal();
        tokio::time::sleep(LONG).await;
        for call in self.calls.drain(..) {
            assert!(call.is_finished(), "a call does not end: {:#?}", self.world);
        }
        for authority in 0..BY_HAND {
            assert_eq!(self.call_now(authority).await, Some(StatusCode::OK), "{:#?}", self.world);
            let old = self.tokens.cached().map(|token| token.generation());
            self.world.lock().set(Step::Policy(authority, Policy::Revoked(Answer::Status(200))));
            let requests = self.world.lock().books.token_requests();
            let healed = self.call_now(authority).await;
            assert_eq!(healed, Some(StatusCode::OK), "a revocation does not heal: {:#?}", self.world);
            let new = self.tokens.cached().map(|token| token.generation());
            assert!(old < new, "{old:?}, {new:?}: {:#?}", self.world);
            assert_eq!(self.world.lock().books.token_requests(), requests + 1);
        }
    }

    /// Makes a call that is answered at once.
    async fn call_now(&self, authority: usize) -> Option<StatusCode> {
        let mut stack = self.retrying.clone();
        let id = self.world.lock().books.on_call(authority, true, Moment::now());
        let caller = Caller { world: self.world.clone(), id };
        let mut request = Request::new(Full::default());
        *request.uri_mut() = format!("https://{}/", AUTHORITIES[authority]).parse().unwrap();
        request.extensions_mut().insert(id);
        let result = stack.ready().await.ok()?.call(request).await.map(|response| response.status());
        caller.ends(&result);
        result.ok()
    }
}

impl super::world::World {
    /// Does what a step says of the world.
    fn set(&mut self, step: Step) {
        match step {
            Step::Policy(authority, policy) => self.set_policy(authority, policy),
            Step::Revoke => {
                for authority in 0..BY_HAND {
                    self.set_policy(authority, Policy::Revoked(Answer::Status(200)));
                }
            }
            Step::Answer(answer) => self.next_answer = Some(answer),
            Step::Latency(latency) => self.latency = latency,
            Step::NotReady(time) => self.books.not_ready_before(Moment::now().mono + time),
            Step::TokenLatency(latency) => self.token_latency = latency,
            Step::Lifetime(lifetime) => self.lifetime = lifetime,
            Step::Outcome(outcome) => self.outcome = outcome,
            Step::NextOutcome(outcome) => self.next_outcome = Some(outcome),
            _ => {}
        }
    }

    /// Everything goes well from now on.
    fn heal(&mut self) {
        for authority in 0..BY_HAND {
            self.set_policy(authority, Policy::Always(Answer::Status(200)));
        }
        (self.next_answer, self.next_outcome) = (None, None);
        (self.latency, self.token_latency) = (Duration::ZERO, Duration::ZERO);
        self.lifetime = Some(Duration::from_secs(60 * 60));
        self.outcome = Outcome::Issued;
    }
}

// === impl Caller ===

impl Caller {
    fn ends(&self, result: &Result<StatusCode, BoxError>) {
        self.world.lock().books.on_end(self.id, result, Moment::now());
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.world.lock().books.on_gone(self.id);
    }
}
