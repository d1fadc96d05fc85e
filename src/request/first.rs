//! [`First`]: a first answer that is a `401`, and what is done to have another.

use std::{borrow::Borrow, sync::Arc, task::Context};

use http::{Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;

use super::{
    drain::drain,
    replay::Replay,
    retained::{Sent, Spare},
    state::{Stage, Step},
};
use crate::{
    origin::Origin,
    refresher::{Acquired, Goal, Handle, Joined, TokenRefresher, Verdict},
    telemetry::Settled,
    token::AccessToken,
};

/// A request that met a 401, for those who are told what becomes of it.
pub(crate) struct Rejected {
    tokens: Arc<Handle>,
    /// Of the token that it was sent with last.
    generation: u64,
    origin: Origin,
}

/// The first answer, a 401, which is the answer unless another is had. Boxed in its stages, like those without a token.
pub(crate) struct First<S, K, ResBody> {
    response: Response<ResBody>,
    rejected: Rejected,
    pub(super) spare: Box<Spare<S, K>>,
}

// === impl First ===

impl<S, K, ResBody> First<S, K, ResBody> {
    /// Goes on from a `response` that rejects the token of the request that was `sent`.
    pub(super) fn go_on<F, R, B>(sent: Sent<S, K>, response: Response<ResBody>) -> Step<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
    {
        let Sent { tokens, generation, memory } = sent;
        let (origin, spare) = memory.recalled();
        tokens.observer().rejected(&origin, generation);
        // Reported first: also a request that cannot be sent again heals the next one.
        let goal = Goal::Replace { generation, origin: origin.clone() };
        let acquired = tokens.acquire(&goal);
        let rejected = Rejected { tokens, generation, origin };
        let Some(spare) = spare.filter(|spare| R::can_replay(&spare.kept)) else {
            rejected.settled(Settled::NotReplayable);
            return Step::Return(Ok(response));
        };
        let first = Box::new(Self { response, rejected, spare });
        match acquired {
            Acquired::Token(token) => first.retry_with(token),
            Acquired::Failed(_) => first.give_up(Settled::NoToken),
            Acquired::Flight(joined) => first.refreshing(goal, joined),
        }
    }

    /// Ends without a retry: the answer is the first.
    pub(super) fn give_up<F, R: Replay<B>, B>(self, why: Settled) -> Step<F, S, R, B, ResBody> {
        self.rejected.settled(why);
        Step::Return(Ok(self.response))
    }

    /// Goes on to the retry, unless the token is the one that was rejected.
    pub(super) fn retry_with<F, R, B>(self: Box<Self>, token: AccessToken) -> Step<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
    {
        if token.generation() == self.rejected.generation {
            self.give_up(Settled::Suppressed)
        } else {
            Step::Go(Stage::Retrying { token, first: self, waited: false })
        }
    }

    /// Goes on to wait for another token.
    fn refreshing<F, R, B>(
        self: Box<Self>,
        goal: impl Borrow<Goal> + Send + 'static,
        joined: Joined,
    ) -> Step<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
    {
        let token = Box::pin(TokenRefresher::clone(&self.rejected.tokens).wait(goal, joined));
        Step::Go(Stage::Refreshing { token, first: self })
    }

    /// Sends the request again, now that `spare.inner` is ready, with the token that is alive by now.
    pub(super) fn send_again_if_alive<R, B>(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
    ) -> Step<S::Future, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
        S: Service<Request<R::Body>> + Clone,
        ResBody: Body,
    {
        match self.rejected.tokens.acquire(Goal::ANY) {
            // Generations only grow: it is not the rejected one.
            Acquired::Token(token) => self.send_again(&token, cx),
            Acquired::Failed(_) => self.give_up(Settled::NoToken),
            Acquired::Flight(joined) => {
                // As in `Authorized`: what was readied is given back.
                self.spare.inner = self.spare.inner.clone();
                self.refreshing(Goal::ANY, joined)
            }
        }
    }

    /// Sends the request again, now that `spare.inner` is ready.
    pub(super) fn send_again<R, B>(
        self,
        token: &AccessToken,
        cx: &mut Context<'_>,
    ) -> Step<S::Future, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
        S: Service<Request<R::Body>>,
        ResBody: Body,
    {
        let Self { response, mut rejected, spare } = self;
        let Spare { mut inner, head, kept } = *spare;
        let Some(body) = R::replay(kept) else {
            rejected.settled(Settled::NotReplayable);
            return Step::Return(Ok(response));
        };
        let request = head.with(token.authorization(), body);
        rejected.generation = token.generation();
        drain(response.into_body(), cx);
        Step::Call(inner.call(request), Stage::Retried { rejected })
    }
}

// === impl Rejected ===

impl Rejected {
    /// Tells the refresher whether the retry was worth it.
    pub(super) fn report(&self, status: StatusCode) {
        let (verdict, settled) = match status {
            StatusCode::UNAUTHORIZED => (Verdict::Useless, Settled::Useless),
            _ => (Verdict::Helped, Settled::Helped),
        };
        self.settled(settled);
        self.tokens.report(&self.origin, self.generation, verdict);
    }

    pub(super) fn settled(&self, settled: Settled) {
        self.tokens.observer().settled(&self.origin, self.generation, settled);
    }
}
