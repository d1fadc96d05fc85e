//! The command line: how long, how fast, and which course.

use std::{fmt, str::FromStr, time::Duration};

/// What the user asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How long calls are made under chaos; healing and clearing up come on top.
    pub(crate) length: Duration,
    /// Draws the phases and the calls. Real time does the rest, so that a run can be repeated in kind, not in detail.
    pub(crate) seed: u64,
    /// The most calls that are started a second.
    pub(crate) rate: u32,
    /// With any, the course of many accounts, with so many at a time; else the one over sockets, with one.
    pub(crate) tenants: u32,
    /// The most calls of the course of many accounts.
    pub(crate) calls: u64,
}

/// Why the command line is not understood.
#[derive(Debug)]
pub(crate) struct Usage(String);

// === impl Options ===

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Usage> {
        let mut options = Self {
            length: Duration::from_secs(180),
            seed: fastrand::u64(..),
            rate: 2_000,
            tenants: 0,
            calls: u64::MAX,
        };
        while let Some(name) = args.next() {
            let value = args.next();
            match name.as_str() {
                "--minutes" => {
                    let minutes: f64 = number(&name, value)?;
                    options.length = Duration::try_from_secs_f64(minutes * 60.0)
                        .map_err(|error| Usage(format!("{name}: {error}")))?;
                }
                "--seed" => options.seed = number(&name, value)?,
                "--rate" => options.rate = number(&name, value)?,
                "--tenants" => options.tenants = number(&name, value)?,
                "--calls" => options.calls = number(&name, value)?,
                _ => return Err(Usage(format!("{name} is unknown"))),
            }
        }
        Ok(options)
    }
}

fn number<T: FromStr>(name: &str, value: Option<String>) -> Result<T, Usage> {
    value.and_then(|value| value.parse().ok()).ok_or_else(|| Usage(format!("{name} takes a number")))
}

// === impl Usage ===

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; usage: soak [--minutes N] [--seed N] [--rate N] [--tenants N [--calls N]]", self.0)
    }
}
