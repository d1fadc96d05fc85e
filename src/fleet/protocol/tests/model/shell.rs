//! What a process does about the steps of its protocol, as `run.rs` does it: entries are judged by the code that judges them
//! there.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::{
    books::{Issue, Refused},
    event::{Answer, Outcome},
    store::{Entry, Name},
    world::{Current, FLIGHT, Failure, World},
};
use crate::{
    error::{TokenError, token::Kind},
    fleet::{
        entries::{Refusal, SharedToken},
        protocol::{End, Event, Lease, Next, Reading, Step},
    },
    schedule::{
        Clock, Settings, Validity,
        fixture::{at, secs},
    },
    token::{AccessToken, Attempt, IssuedToken, RefresherId},
};

const LEASE_TTL: Duration = Duration::from_secs(5);
const MAX_LEASE_TTL: Duration = Duration::from_secs(10);

type Happening = Event<usize, Failure>;

fn text(number: usize) -> String {
    format!("token-{number}")
}

/// The number of a token or a refusal.
fn number(text: &str) -> usize {
    text.rsplit('-').next().and_then(|digits| digits.parse().ok()).expect("it has a number")
}

fn issued(number: usize, issue: &Issue) -> IssuedToken {
    IssuedToken::bearer(text(number), Some(issue.lifetime)).unwrap()
}

impl World {
    pub(super) fn operate(&mut self, process: usize, answer: Answer) {
        let before = self.store.clone();
        self.attempt_mut(process).operations += 1;
        let event = match answer {
            Answer::Prompt => self.perform(process),
            Answer::Failed => Event::Unreachable,
            Answer::Lost => {
                let _ = self.perform(process);
                Event::Unreachable
            }
        };
        self.judge_store(process, &before);
        if answer != Answer::Prompt {
            self.books.faults += 1;
            let attempt = self.attempt_mut(process);
            attempt.failed_at = Some(attempt.step.clone());
        }
        self.advance(process, event);
    }

    pub(super) fn wake(&mut self, process: usize) {
        self.advance(process, Event::Paused);
    }

    pub(super) fn answer(&mut self, process: usize, outcome: Outcome) {
        let (fleet, now, clocks) = (self.processes[process].fleet, self.now, self.clocks(process));
        let sent = self.attempt(process).sent.expect("it was sent");
        let lifetime = match outcome {
            Outcome::Token => secs(3_600),
            Outcome::ShortLived => secs(20),
            Outcome::Refused | Outcome::NotReached => {
                let failure = self.refuse(fleet, outcome, process);
                self.books.failures[fleet] += 1;
                self.attempt_mut(process).failure = Some(failure);
                let event = match failure {
                    Failure::Refused(_) => Event::Refused(failure),
                    Failure::NotReached => Event::NotReached(failure),
                };
                return self.advance(process, event);
            }
        };
        let number = self.books.issues.len();
        let issue = Issue { fleet, lifetime, sent: now - clocks.mono.duration_since(sent.mono) };
        self.books.issues.push(issue);
        let token = issued(number, &issue);
        let shareable = SharedToken::of(&token, sent).shareable_for(clocks.since(sent)).is_some();
        self.attempt_mut(process).issued = Some(number);
        self.advance(process, Event::Issued { token: number, shareable });
    }

    fn refuse(&mut self, fleet: usize, outcome: Outcome, process: usize) -> Failure {
        if outcome == Outcome::NotReached {
            return Failure::NotReached;
        }
        let number = self.books.refusals.len();
        let error = TokenError::of(Kind::Rejected).with_status(StatusCode::UNAUTHORIZED);
        let error = error.with_oauth_error(Some(format!("refusal-{number}").into()), None);
        let refusal = Refusal::of(&error, 0, self.clocks(process), self.jitter).expect("it holds for all");
        let (plain, ttl) = (refusal.encode().into(), refusal.ttl());
        self.books.refusals.push(Refused { fleet, plain, ttl, at: self.now, recorded: None });
        Failure::Refused(number)
    }

    /// Tells the protocol, until there is something to wait for.
    fn advance(&mut self, process: usize, mut event: Happening) {
        loop {
            let (now, jitter) = (at(self.now).mono, self.jitter);
            let attempt = self.attempt_mut(process);
            let reading = Reading { now, flight_deadline: at(attempt.began + FLIGHT).mono, jitter };
            let step = match attempt.protocol.next(event, reading) {
                Next::Continue(step) => step,
                Next::Break(end) => return self.end(process, &end),
            };
            let is_of_store = !matches!(step, Step::Exchange | Step::Pause(_));
            if step == Step::Exchange {
                self.judge_exchange(process);
                self.books.exchanges[self.processes[process].fleet] += 1;
                let sent = self.clocks(process);
                let attempt = self.attempt_mut(process);
                attempt.exchanges += 1;
                attempt.sent = Some(sent);
            }
            let now = self.now;
            let attempt = self.attempt_mut(process);
            (attempt.step, attempt.since) = (step, now);
            // Once it failed, a store is not asked again in an attempt.
            if !is_of_store || attempt.failed_at.is_none() {
                return;
            }
            event = Event::Unreachable;
        }
    }

    fn end(&mut self, process: usize, end: &End<usize, Failure>) {
        self.judge_end(process, end);
        let it = &mut self.processes[process];
        let attempt = it.attempt.take().expect("it made one");
        let current = match end {
            End::Adopted(_) => attempt.found,
            End::Own(number) | End::Alone(number) => {
                attempt.sent.map(|sent| Current { number: *number, issued: sent.into() })
            }
            End::Relayed(_) | End::Failed(_) => return,
        };
        (it.current, it.is_rejected) = (current, false);
    }

    fn perform(&mut self, process: usize) -> Happening {
        let (now, fleet) = (self.now, self.processes[process].fleet);
        let (token, lease) = (Name::token(fleet), Name::lease(fleet));
        let Self { store, .. } = self;
        let attempt = self.processes[process].attempt.as_mut().expect("it makes an attempt");
        let own = attempt.lease.clone();
        match attempt.step.clone() {
            Step::LoadToken => {
                let entry = store.get(token, now).cloned();
                attempt.seen = entry.as_ref().map(|entry| entry.value.clone());
                let found = entry.as_ref().and_then(|entry| self.adoptable(process, token, entry));
                self.attempt_mut(process).found = found;
                let adoptable = found.map(|found| found.number);
                Event::Token { entry: entry.map(|entry| entry.value), adoptable }
            }
            Step::LoadLease => {
                let entry = store.get(lease, now).cloned();
                Event::Lease(entry.map_or(Lease::Gone, |entry| self.read_lease(process, lease, entry)))
            }
            Step::TakeLease { over } => {
                Event::Written(store.compare_and_set(lease, over.as_ref(), own, LEASE_TTL, now))
            }
            Step::Publish { over } => self.publish(process, token, over.as_ref()),
            Step::Record => {
                let Some(Failure::Refused(number)) = attempt.failure else { panic!("it was not refused") };
                let refused = &mut self.books.refusals[number];
                let sealed = lease.seal(&refused.plain);
                let is_recorded = store.compare_and_set(lease, Some(&own), sealed, refused.ttl, now);
                refused.recorded = is_recorded.then_some(now);
                Event::Written(is_recorded)
            }
            Step::Release => Event::Written(store.compare_and_remove(lease, &own, now)),
            Step::Exchange | Step::Pause(_) => panic!("it is no operation"),
        }
    }

    fn publish(&mut self, process: usize, name: Name, over: Option<&Bytes>) -> Happening {
        let attempt = self.attempt(process);
        let (number, sent) = (attempt.issued.expect("it has one"), attempt.sent.expect("it was sent"));
        let token = issued(number, &self.books.issues[number]);
        let shared = SharedToken::of(&token, sent);
        let Some(ttl) = shared.shareable_for(self.clocks(process).since(sent)) else {
            return Event::Written(false);
        };
        let sealed = name.seal(&shared.encode());
        Event::Written(self.store.compare_and_set(name, over, sealed, ttl, self.now))
    }

    fn adoptable(&self, process: usize, name: Name, entry: &Entry) -> Option<Current> {
        let clocks = self.clocks(process);
        let ttl = entry.until.map(|until| until - self.now);
        let shared = SharedToken::decode(name.open(&entry.value)?)?;
        let token = shared.adopt(ttl, &self.asked_for(process), clocks)?;
        let text = token.authorization().to_str().expect("visible ASCII");
        Some(Current { number: number(text), issued: token.issued(clocks) })
    }

    /// What its flight asks for.
    fn asked_for(&self, process: usize) -> Attempt {
        let it = &self.processes[process];
        let current = it.current.map(|Current { number, issued: moment }| {
            let token = issued(number, &self.books.issues[number]);
            let received = moment.reading;
            let validity = Validity::new(&Settings::default(), token.lifetime(), moment, received, 0.0);
            AccessToken::new(token, 1, validity, RefresherId::unique(), Clock::SYSTEM)
        });
        Attempt { current, is_rejected: it.is_rejected, ..Attempt::outside_of_a_flight() }
    }

    fn read_lease(&self, process: usize, name: Name, entry: Entry) -> Lease<Failure> {
        let Entry { value, until } = entry;
        let ttl = until.map(|until| until - self.now);
        if value.len() == 16 {
            return match ttl {
                Some(ttl) if ttl <= MAX_LEASE_TTL => Lease::Held(value),
                _ => Lease::Unbelievable(value),
            };
        }
        let refusal = name.open(&value).and_then(Refusal::decode);
        let error = refusal.and_then(|refusal| refusal.relay(ttl, self.clocks(process)));
        match error.as_ref().and_then(TokenError::oauth_error) {
            Some(text) => Lease::Refusal(Failure::Refused(number(text))),
            None => Lease::Unbelievable(value),
        }
    }

    /// What the first token of a fleet was published as.
    pub(super) fn first_published(&self, fleet: usize) -> Option<Bytes> {
        let number = self.books.issues.iter().position(|issue| issue.fleet == fleet)?;
        let issue = self.books.issues[number];
        let token = issued(number, &issue);
        Some(Name::token(fleet).seal(&SharedToken::of(&token, at(issue.sent)).encode()))
    }
}
