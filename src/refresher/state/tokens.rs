//! [`Tokens`]: the token in use, and its successor.
//!
//! An issuer may be a little ahead of its APIs, which then reject a token that is too new for them. So a token that
//! replaces one which is valid, and which no one rejected, is put to use min(2 s, a quarter of what the old one has left)
//! after it came.

use std::time::Duration;

use crate::{
    schedule::{Backoff, Now, Phase},
    token::AccessToken,
};

/// The longest that a new token is not used.
const MAX_DELAY: Duration = Duration::from_secs(2);

/// The token in use, and the one that will be in use soon.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Tokens {
    in_use: Option<AccessToken>,
    successor: Option<(AccessToken, Backoff)>,
    /// The newest generation that was forgotten, 0 if none was.
    forgotten: u64,
}

// === impl Tokens ===

impl Tokens {
    pub(super) fn in_use(&self) -> Option<&AccessToken> {
        self.in_use.as_ref()
    }

    /// Returns the token in use, unless it has expired.
    pub(super) fn usable(&self, now: Now) -> Option<&AccessToken> {
        self.in_use().filter(|token| token.validity().phase(now) != Phase::Expired)
    }

    /// Returns the token that came last, be it in use or not.
    pub(super) fn newest(&self) -> Option<&AccessToken> {
        self.successor.as_ref().map(|(token, _)| token).or(self.in_use())
    }

    /// Returns the generation of the newest token there is or was, 0 before the first.
    pub(super) fn generation(&self) -> u64 {
        self.newest().map_or(self.forgotten, AccessToken::generation)
    }

    /// Drops both tokens. Generations go on from theirs.
    pub(super) fn forget(&mut self) {
        *self = Self { forgotten: self.generation(), ..Self::default() };
    }

    /// Returns whether `generation` is that of a token that was dropped so.
    pub(super) fn is_forgotten(&self, generation: u64) -> bool {
        generation <= self.forgotten
    }

    pub(super) fn has_successor(&self) -> bool {
        self.successor.is_some()
    }

    /// Puts `token` to use now.
    pub(super) fn replace(&mut self, token: AccessToken) {
        self.in_use = Some(token);
        self.successor = None;
    }

    /// Puts `token` to use as soon as its time has come.
    pub(super) fn succeed(&mut self, token: AccessToken, now: Now) {
        match self.usable(now).and_then(|old| old.validity().usable_for(now)) {
            Some(usable_for) => {
                self.successor = Some((token, Backoff::new(now, (usable_for / 4).min(MAX_DELAY))));
            }
            None => self.replace(token),
        }
    }

    /// Puts the successor to use if its time has come, or if the token in use has expired.
    pub(super) fn promote_if_due(&mut self, now: Now) {
        let is_needed = self.usable(now).is_none();
        let is_due = |not_before: &Backoff| is_needed || not_before.remaining(now).is_none();
        if let Some((token, _)) = self.successor.take_if(|(_, not_before)| is_due(not_before)) {
            self.replace(token);
        }
    }

    /// Puts the successor to use, if there is one, and returns it.
    pub(super) fn promote(&mut self) -> Option<AccessToken> {
        let (token, _) = self.successor.take()?;
        self.replace(token.clone());
        Some(token)
    }
}

#[cfg(test)]
impl std::hash::Hash for Tokens {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let key = |token: &AccessToken| (token.generation(), *token.validity());
        let successor = self.successor.as_ref().map(|(token, not_before)| (key(token), *not_before));
        (self.in_use().map(key), successor, self.forgotten).hash(state);
    }
}
