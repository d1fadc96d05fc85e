//! [`RedisStore`]: a store in Redis or Valkey.

use std::{fmt, time::Duration};

use bytes::Bytes;
use redis::{Cmd, FromRedisValue, RedisResult, aio::ConnectionLike};

use super::store::{Stored, TokenStore};
use crate::error::BoxError;

/// A [`TokenStore`] in Redis 2.6.12 or later, or in Valkey.
///
/// The connection is yours, and with it TLS, the password, cluster or sentinel, and how it connects again: any that is
/// cheap to clone will do, such as `ConnectionManager`, `MultiplexedConnection` or `ClusterConnection` of the crate `redis`.
/// What loads an entry is sent once more if the connection was gone: it may have been closed while it was idle.
///
/// # What it sends
///
/// `EVAL` with the text of a script, and `SET` with `NX` and `PX`. Each command has one key, so each runs in a cluster.
/// Keys are the [prefix](Self::name_prefix), a colon and the name of the entry. Scripts call `GET`, `PTTL`, `SET` and
/// `DEL`. A user of Redis' access control lists needs no more than this:
///
/// ```text
/// ACL SETUSER sinch-auth on >password resetkeys ~sinch-auth:* -@all +eval +set +get +pttl +del
/// ```
///
/// With a prefix of your own, put it in the place of `sinch-auth` after the tilde. The crate `redis` says its name when
/// it connects, and goes on if it may not.
///
/// # Settings
///
/// A process asks the issuer itself when an operation takes more than 500 ms: longer time limits of the connection gain
/// nothing, and few retries of it suffice. When a host or a network dies without a word, redis-rs goes on with the dead
/// connection until the system gives it up, on Linux after a quarter of an hour. `TcpSettings::set_user_timeout` makes
/// that seconds.
///
/// Redis needs neither persistence nor replicas for this. With `maxmemory`, `noeviction` refuses writes when memory is
/// full, and the other policies may evict a token, which costs a token request.
///
/// # Errors
///
/// Each operation fails with a `redis::RedisError`: no connection, a timeout of the connection, no right to the command or
/// key, a replica that takes no writes, no memory, a key that holds something else than a string.
///
/// # Cancel safety
///
/// An operation whose future is dropped may take effect nevertheless, if the command was sent.
///
/// # Examples
///
/// It starts without Redis, and connects when it is needed:
///
#[cfg_attr(feature = "__redis-tests", doc = "```")]
#[cfg_attr(not(feature = "__redis-tests"), doc = "```ignore")]
/// use std::time::Duration;
/// use redis::{Client, aio::{ConnectionManager, ConnectionManagerConfig}};
/// use tower_sinch_auth::RedisStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tower_sinch_auth::BoxError> {
/// let settings = ConnectionManagerConfig::new()
///     .set_connection_timeout(Some(Duration::from_millis(500)))
///     .set_response_timeout(Some(Duration::from_millis(500)))
///     .set_number_of_retries(1)
///     .set_max_delay(Duration::from_millis(500));
/// let client = Client::open("redis://127.0.0.1/")?;
/// let store = RedisStore::new(ConnectionManager::new_lazy_with_config(client, settings)?);
/// # drop(store); Ok(()) }
/// ```
///
/// `redis` needs its features `tokio-comp` and `connection-manager` for it, and `tokio-rustls-comp` for `rediss://`.
#[derive(Clone)]
pub struct RedisStore<C> {
    connection: C,
    name_prefix: String,
}

/// Answers the value and its time left, in ms, or nothing.
const LOAD: &str = "\
local value = redis.call('GET', KEYS[1])
if not value then return false end
return {value, redis.call('PTTL', KEYS[1])}";

/// Writes ARGV[2] for ARGV[3] ms in the place of ARGV[1].
const REPLACE: &str = "\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";

const REMOVE: &str = "\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])";

/// What `PTTL` says of a key that is not there, and of one that has no end.
const GONE: i64 = -2;
const NO_END: i64 = -1;

// === impl RedisStore ===

impl<C> RedisStore<C> {
    /// Makes a store over `connection`. It sends nothing yet.
    #[must_use]
    pub fn new(connection: C) -> Self {
        Self { connection, name_prefix: "sinch-auth".to_owned() }
    }

    /// Sets what the keys begin with, before a colon. Default: `sinch-auth`.
    ///
    /// Processes with different prefixes share no token. It is of use where rights are given by prefix. For fleets to
    /// stay apart it is not needed: names differ by access key.
    #[must_use]
    pub fn name_prefix(mut self, name_prefix: impl Into<String>) -> Self {
        self.name_prefix = name_prefix.into();
        self
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.name_prefix)
    }

    /// Returns the command that runs `script` on the one key of an entry.
    fn eval(&self, script: &str, name: &str) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(1).arg(self.key(name));
        command
    }
}

impl<C: ConnectionLike + Clone> RedisStore<C> {
    async fn send<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        command.query_async(&mut self.connection.clone()).await
    }

    /// Sends a command that changes nothing, and once more if the connection was gone. An idle one that was closed is found
    /// out by the next command only, and a connection that connects again does so after that.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        match self.send(command).await {
            Err(error) if error.is_io_error() && !error.is_timeout() => self.send(command).await,
            answer => answer,
        }
    }
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> TokenStore for RedisStore<C> {
    async fn load(&self, name: &str) -> Result<Option<Stored>, BoxError> {
        let stored: Option<(Bytes, i64)> = self.ask(&self.eval(LOAD, name)).await?;
        Ok(stored.and_then(|(value, left)| match left {
            GONE => None,
            NO_END => Some(Stored { value, expires_in: None }),
            left => Some(Stored { value, expires_in: Some(from_millis(left)) }),
        }))
    }

    async fn compare_and_set(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, BoxError> {
        let Some(expected) = expected else {
            let mut command = redis::cmd("SET");
            command.arg(self.key(name)).arg(value).arg("PX").arg(millis(ttl)).arg("NX");
            // `OK`, or nothing if there is an entry.
            return Ok(self.send::<Option<String>>(&command).await?.is_some());
        };
        let mut command = self.eval(REPLACE, name);
        command.arg(expected).arg(value).arg(millis(ttl));
        Ok(self.send(&command).await?)
    }

    async fn compare_and_remove(&self, name: &str, expected: &[u8]) -> Result<bool, BoxError> {
        let mut command = self.eval(REMOVE, name);
        command.arg(expected);
        Ok(self.send(&command).await?)
    }
}

impl<C> fmt::Debug for RedisStore<C> {
    /// Shows the prefix. What a connection shows may have a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("name_prefix", &self.name_prefix).finish_non_exhaustive()
    }
}

/// Redis takes no time of zero, and adds the time of day to the one it takes, in 64 bits.
fn millis(ttl: Duration) -> i64 {
    const LONGEST: i64 = i64::MAX / 2;
    i64::try_from(ttl.as_millis()).unwrap_or(LONGEST).clamp(1, LONGEST)
}

fn from_millis(left: i64) -> Duration {
    Duration::from_millis(u64::try_from(left).unwrap_or_default())
}
