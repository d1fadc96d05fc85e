//! One token for a fleet: what it promises and costs, how to set it up, and what an operator sees.
//!
//! A thousand processes with one access key make a thousand token requests where one would do, against a rate limit of 30
//! at once and 10 a second. With [`ClientCredentials::shared_in`](crate::ClientCredentials::shared_in) they share one token
//! in a store: whoever needs it first asks, the others take what that one got.
//!
//! ```
//! # #[cfg(all(feature = "client", feature = "test-util"))] {
//! use tower_sinch_auth::{AccessKey, ClientCredentials, SinchAuthLayer, testing::MemoryStore};
//!
//! let key = AccessKey::new("6f3c6c9e-3d4a-4d39-b0a5-0d8a3c9d1f2e", "a key secret")?;
//! let store = MemoryStore::new(); // In production: RedisStore, or one of your own.
//! let layer = SinchAuthLayer::new(ClientCredentials::new(key).shared_in(store));
//! # }
//! # Ok::<(), tower_sinch_auth::CredentialsError>(())
//! ```
//!
//! # What it promises
//!
//! - **The store never fails a call.** Whatever it does, the process asks the issuer for itself, as without a store: if it
//!   refuses, hangs, panics, is slow, full, flushed or read-only, lacks rights, or has garbage in it. An operation that takes
//!   more than 500 ms has failed. A store that failed is left alone for 1 s, then 2 s, at most 30 s.
//! - **A call with a fresh token does not touch the store.** Nothing runs without calls.
//! - **Who can read the store gets no token.** Entries are sealed by AES-256-GCM, with a key that is derived from the KEY
//!   SECRET. Names say nothing: they are derived, too.
//! - **Who can write to the store cannot make a token of theirs be sent.** What does not open is replaced. At worst a token
//!   takes longer, a third to two thirds of `flight_timeout`, or is asked for once more.
//! - **One `401` anywhere heals all.** A process whose token was rejected takes the one that another process got since.
//!
//! # Redis in five minutes
//!
//! 1. Take a Redis from 2.6.12 on, or a Valkey, that all processes reach within some milliseconds. It needs no memory worth
//!    the name: less than 4 KiB for each access key. Persistence, replicas and a policy of eviction are not needed, and do
//!    no harm: what is lost is asked for once more. `timeout`, which closes idle connections, may be set.
//! 2. Give the processes a user. It needs five commands on one prefix:
//!
//!    ```text
//!    ACL SETUSER sinch-auth on >password resetkeys ~sinch-auth:* -@all +eval +set +get +pttl +del
//!    ```
//!
//! 3. Give the store to the credentials, with the features `redis` of this crate, and `tokio-comp` and
//!    `connection-manager` of the crate `redis`, for `rediss://` also `tokio-rustls-comp`:
//!
#![cfg_attr(all(feature = "__redis-tests", feature = "client"), doc = "   ```")]
#![cfg_attr(not(all(feature = "__redis-tests", feature = "client")), doc = "   ```ignore")]
//!    use std::time::Duration;
//!    use redis::{Client, aio::{ConnectionManager, ConnectionManagerConfig}};
//!    use tower_sinch_auth::{AccessKey, BoxError, ClientCredentials, RedisStore, SinchAuthLayer};
//!
//!    fn layer(key: AccessKey, redis: &str) -> Result<SinchAuthLayer, BoxError> {
//!        // Longer limits gain nothing: after 500 ms the process asks Sinch itself.
//!        let settings = ConnectionManagerConfig::new()
//!            .set_connection_timeout(Some(Duration::from_millis(500)))
//!            .set_response_timeout(Some(Duration::from_millis(500)))
//!            .set_number_of_retries(1)
//!            .set_max_delay(Duration::from_millis(500));
//!        // Connects when it is needed: the process starts without Redis.
//!        let connection = ConnectionManager::new_lazy_with_config(Client::open(redis)?, settings)?;
//!        Ok(SinchAuthLayer::new(ClientCredentials::new(key).shared_in(RedisStore::new(connection))))
//!    }
//!    ```
//!
//! 4. Deploy. Processes that share and processes that do not may run side by side.
//! 5. Look whether it works: `redis-cli --scan --pattern "sinch-auth:*"` shows one `…:token`. The metrics below show it, too.
//!
//! The connection is yours, and with it TLS, cluster, sentinel and passwords: `RedisStore` takes any that the crate `redis`
//! has. Send it to the primary: a replica takes no writes. `cargo run --example fleet --features redis` shows a fleet at
//! work, while a process is killed and Redis stops.
//!
//! # What it costs
//!
//! A token request of the fleet: five operations of the process that asks (look, take the lease, look again, publish,
//! release). One operation of each other process, and some polls if it comes while the request is under way.
//!
//! A thousand processes make some 50 token requests a day, and each makes some two operations of the store an hour
//! (`cargo bench --bench scenarios -- fleet`). A common start costs one token request, and a common `401` costs one.
//!
//! The limits:
//!
//! - A process that asked alone uses a token of its own. If two tokens are in use and both are revoked at once, processes
//!   with the older one take the newer one. Their calls end with a `401`, for about a second: then the layer asks again.
//! - One false `invalid_client` reaches the whole fleet: all take it for the issuer's answer, for as long as it holds.
//! - A lease lasts for 5 s. If its holder is killed, the others wait for as long. If the issuer takes longer than that, a
//!   second process asks, too.
//! - A process whose clock is ahead believes that tokens are older than they are. Processes with clocks a day apart share
//!   one token for each clock.
//!
//! # Rotation
//!
//! Another KEY SECRET is another fleet: names and seals differ. Deploy the new key process by process; old and new ones
//! share a token among themselves each.
//!
//! # When the store is down
//!
//! Calls go on. Each process asks for itself, when its token is due, which is spread over the lead. A fleet that starts
//! without the store meets the rate limit, as it does without sharing. When the store is back, so is the fleet, with the
//! next token that each process needs.
//!
//! `tests/fleet/run` measures it with real processes and a real Redis. Twelve processes with two refreshers each need a
//! token at once, the token endpoint takes 0.3 s, and two busy cores run all of it. No call fails.
//!
//! | Redis | token requests | slowest call |
//! | --- | --- | --- |
//! | is well | 1 | 0.5 s |
//! | is killed: connections are refused | 24 | 0.7 s |
//! | is stopped: it hangs | 24 | 0.8 s |
//! | takes 1 s or 10 s for an operation | 24 | 0.8 s |
//! | takes 0.1 s for an operation | 1 | 1.2 s |
//! | is full, is a replica, or gives no right to run scripts, while the processes start | 24 | 1.1 s |
//! | has values of another type under our names | 24 | 0.3 s |
//! | has garbage under our names | 1 | 0.7 s |
//! | was flushed or restarted, or has closed idle connections | 1 | 0.6 s |
//! | is flushed while a process asks for all | 2 | 0.6 s |
//! | is well, and the process that asks for all is killed | 2 | 6.3 s |
//!
//! # What an operator sees
//!
//! - [`TokenStatus::origin`](crate::TokenStatus::origin) says whether the token came from the issuer or the store, and
//!   [`TokenStatus::store`](crate::TokenStatus::store) whether the store answers.
//! - `token store unavailable` is a `WARN` event, once for each outage. Its field `error` says what is wrong: `NOPERM` (the
//!   user's rights), `READONLY` (a replica), `OOM` (no memory), `WRONGTYPE` (somebody else's values), or no connection.
//! - The name of the entry is logged once, at `DEBUG`, so that an operator can look at it.
//!
//! Two of the [alerts](super::prometheus) are about a fleet. None of them is worth waking somebody: calls go on.
//! [`SinchAuthFleetDoesNotShare`](super::prometheus#sinchauthfleetdoesnotshare) sees a share of `alone` in
//! `sinch_auth_shared_attempts_total` that stays above a tenth, and
//! [`SinchAuthStoreFails`](super::prometheus#sinchauthstorefails) a store that fails. A third query is for a dashboard: more
//! than the two token requests an hour that a fleet needs mean that something revokes tokens, or does not share.
//!
//! ```text
//! sum by (key_id) (increase(sinch_auth_token_requests_total[1h])) > 10
//! ```
//!
//! # When not to use it
//!
//! With a handful of processes: their refreshes are spread anyway. With another key for each process. Where nobody may see
//! that the processes have something in common: who can watch the store sees when tokens are asked for.
//!
//! # Your own store
//!
//! A [`TokenStore`](crate::TokenStore) is three operations over anything that can compare and set.
//! `testing::check_store`, with the feature `test-util`, says which rule it breaks. The example `postgres_store` is one over
//! Postgres.
