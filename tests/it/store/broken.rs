//! Stores that break one rule each.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use bytes::Bytes;
use tokio::{task::yield_now, time::Instant};
use tower_sinch_auth::{BoxError, Stored, TokenStore, testing::MemoryStore};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// An absent entry is an empty value.
    AbsentIsEmpty,
    /// A value ends at its first NUL.
    EndsAtNul,
    /// A value has to be text.
    IsText,
    /// A value is cut off at 4 KiB.
    Truncates,
    /// Values are compared without case.
    ComparesWithoutCase,
    /// Only the first 256 bytes are compared.
    ComparesAPrefix,
    /// All names are one.
    OneName,
    /// Names are compared without case.
    NamesWithoutCase,
    /// What is between braces is the name.
    OnlyHashTag,
    /// Whatever is expected is there.
    AlwaysWrites,
    /// `None` expects anything.
    NoneExpectsAnything,
    /// A compare-and-set that fails prolongs the entry.
    FailurePutsTime,
    /// A compare-and-set that succeeds keeps the time.
    KeepsTime,
    /// Removes whatever is there.
    AlwaysRemoves,
    /// Says that it removed, and has not.
    NeverRemoves,
    /// Loads, and then writes.
    TwoSteps,
    /// Loads, and then replaces.
    ReplacesInTwoSteps,
    /// Loads, and then removes.
    RemovesInTwoSteps,
    /// Nothing expires.
    NeverExpires,
    /// What has expired is gone for those that load, and for nobody else.
    ExpiresForLoads,
    /// Everything lives half as long.
    HalfTheTime,
    /// Does not say for how long.
    SaysNoTime,
    /// Says the time that was asked for, for ever.
    TimeStandsStill,
    /// Counts in seconds, and says so in milliseconds.
    WrongUnit,
    /// A time of less than a millisecond is none.
    RefusesNoTime,
    /// Fails.
    Fails,
    /// Does not answer.
    Hangs,
}

/// A store with a fault.
pub(super) struct Broken {
    inner: MemoryStore,
    fault: Fault,
    written: Mutex<HashMap<String, (Instant, Duration)>>,
}

impl Broken {
    pub(super) fn new(fault: Fault) -> Self {
        let inner = MemoryStore::new();
        inner.refuse(fault == Fault::Fails);
        inner.hang(fault == Fault::Hangs);
        Self { inner, fault, written: Mutex::default() }
    }

    fn name(&self, name: &str) -> String {
        match self.fault {
            Fault::OneName => "name".to_owned(),
            Fault::NamesWithoutCase => name.to_lowercase(),
            Fault::OnlyHashTag => name.split('}').next().unwrap().to_owned(),
            _ => name.to_owned(),
        }
    }

    fn written(&self, value: &[u8]) -> Vec<u8> {
        match self.fault {
            Fault::EndsAtNul => value.split(|byte| *byte == 0).next().unwrap().to_vec(),
            Fault::IsText => String::from_utf8_lossy(value).into_owned().into_bytes(),
            Fault::Truncates => value[..value.len().min(4096)].to_vec(),
            _ => value.to_vec(),
        }
    }

    /// What is compared of a value.
    fn compared(&self, value: &[u8]) -> Vec<u8> {
        match self.fault {
            Fault::ComparesWithoutCase => value.to_ascii_lowercase(),
            Fault::ComparesAPrefix => value[..value.len().min(256)].to_vec(),
            _ => self.written(value),
        }
    }

    /// What has to be expected of the inner store, which is exact.
    async fn expected(&self, name: &str, expected: Option<&[u8]>) -> Result<Option<Vec<u8>>, BoxError> {
        let stored = self.inner.load(name).await?.map(|stored| stored.value.to_vec());
        Ok(match (expected, stored) {
            (_, stored) if self.fault == Fault::AlwaysWrites => stored,
            (None, stored) if self.fault == Fault::NoneExpectsAnything => stored,
            (Some(b""), None) if self.fault == Fault::AbsentIsEmpty => None,
            (Some(expected), Some(stored)) if self.compared(expected) == self.compared(&stored) => {
                Some(stored)
            }
            (expected, _) => expected.map(<[u8]>::to_vec),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "reads the paused clock, to say how old an entry is")]
fn now() -> Instant {
    Instant::now()
}

impl TokenStore for Broken {
    async fn load(&self, name: &str) -> Result<Option<Stored>, BoxError> {
        let name = self.name(name);
        let stored = self.inner.load(&name).await?;
        let written = self.written.lock().unwrap().get(&name).copied();
        let ttl = written.map(|(_, ttl)| ttl);
        let left = written.map(|(at, ttl)| ttl.saturating_sub(at.elapsed()));
        Ok(match self.fault {
            Fault::AbsentIsEmpty => Some(stored.unwrap_or(Stored { value: Bytes::new(), expires_in: None })),
            Fault::NeverExpires => stored.map(|stored| Stored { expires_in: left, ..stored }),
            Fault::ExpiresForLoads => stored
                .filter(|_| left > Some(Duration::ZERO))
                .map(|stored| Stored { expires_in: left, ..stored }),
            Fault::SaysNoTime => stored.map(|stored| Stored { expires_in: None, ..stored }),
            Fault::TimeStandsStill => stored.map(|stored| Stored { expires_in: ttl, ..stored }),
            Fault::WrongUnit => stored
                .map(|stored| Stored { expires_in: stored.expires_in.map(|left| left / 1000), ..stored }),
            _ => stored,
        })
    }

    async fn compare_and_set(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, BoxError> {
        let name = &self.name(name);
        let value = &*self.written(value);
        let inner = self.expected(name, expected).await?;
        let inner = inner.as_deref();
        let written_for = match self.fault {
            Fault::RefusesNoTime if ttl.as_millis() == 0 => return Ok(false),
            Fault::TwoSteps | Fault::ReplacesInTwoSteps
                if self.fault == Fault::TwoSteps || expected.is_some() =>
            {
                let stored = self.inner.load(name).await?.map(|stored| stored.value);
                yield_now().await;
                if stored.as_deref() != expected {
                    return Ok(false);
                }
                let now = self.inner.load(name).await?.map(|stored| stored.value);
                return self.inner.compare_and_set(name, now.as_deref(), value, ttl).await;
            }
            Fault::KeepsTime => {
                self.inner.load(name).await?.and_then(|stored| stored.expires_in).unwrap_or(ttl)
            }
            Fault::NeverExpires | Fault::ExpiresForLoads => Duration::MAX,
            Fault::HalfTheTime => ttl / 2,
            _ => ttl,
        };
        let is_written = self.inner.compare_and_set(name, inner, value, written_for).await?;
        if is_written {
            self.written.lock().unwrap().insert(name.clone(), (now(), ttl));
        } else if self.fault == Fault::FailurePutsTime
            && let Some(stored) = self.inner.load(name).await?
        {
            self.inner.compare_and_set(name, Some(&stored.value), &stored.value, ttl).await?;
        }
        Ok(is_written)
    }

    async fn compare_and_remove(&self, name: &str, expected: &[u8]) -> Result<bool, BoxError> {
        let name = &self.name(name);
        let stored = self.inner.load(name).await?.map(|stored| stored.value);
        match (self.fault, stored) {
            (Fault::AlwaysRemoves, Some(stored)) => self.inner.compare_and_remove(name, &stored).await,
            (Fault::NeverRemoves, stored) => Ok(stored.is_some_and(|stored| stored == expected)),
            (Fault::RemovesInTwoSteps, stored) => {
                yield_now().await;
                self.inner.compare_and_remove(name, expected).await?;
                Ok(stored.is_some_and(|stored| stored == expected))
            }
            (_, stored) => {
                let compared = stored.filter(|stored| self.compared(stored) == self.compared(expected));
                self.inner.compare_and_remove(name, compared.as_deref().unwrap_or(expected)).await
            }
        }
    }
}
