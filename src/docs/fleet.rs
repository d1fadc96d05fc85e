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
//! # What it costs
//!
//! A token request of the fleet: five operations of the process that asks (look, take the lease, look again, publish,
//! release). One operation of each other process, and some polls if it comes while the request is under way.
//!
//! The limits:
//!
//! - A process that asked alone uses a token of its own. While two tokens are in use, the revocation of both costs some
//!   processes a `401` each, which the layer retries.
//! - One false `invalid_client` reaches the whole fleet: all take it for the issuer's answer, for as long as it holds.
//! - A lease lasts for 5 s. If its holder is killed, the others wait for as long. If the issuer takes longer than that, a
//!   second process asks, too.
//!
//! # Redis
//!
//! `RedisStore`, with the feature `redis`, is generic over the connection, so TLS, cluster, sentinel and passwords are the
//! connection's. It needs Redis 2.6.12 or later, or Valkey.
//!
//! Any eviction policy and any persistence will do, none included: what is lost is asked for once more. Entries take less
//! than 4 KiB for each access key.
//!
//! # Rotation
//!
//! Another KEY SECRET is another fleet: names and seals differ. Deploy the new key process by process; old and new ones
//! share a token among themselves each.
//!
//! # When the store is down
//!
//! Calls go on. Each process asks for itself, when its token is due, which is spread over the lead. A fleet that starts
//! without the store meets the rate limit, as it does without sharing.
//!
//! # What an operator sees
//!
//! - [`TokenStatus::origin`](crate::TokenStatus::origin) says whether the token came from the issuer or the store, and
//!   [`TokenStatus::store`](crate::TokenStatus::store) whether the store answers.
//! - `token store unavailable` is a `WARN` event, once for each outage: a ticket.
//! - `sinch_auth_shared_attempts_total` by `outcome`. Alert on a share of `alone` that stays above a tenth for 10 minutes:
//!   the processes are not sharing.
//! - `sinch_auth_token_requests_total` of the whole fleet: about two for each lifetime of a token. More, without `401`s,
//!   means that the processes are not sharing.
//! - The name of the entry is logged once, at `DEBUG`, so that an operator can look at it.
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
