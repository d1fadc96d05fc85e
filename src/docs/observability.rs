//! What operators see: logs, traces and metrics, with the alert that one would put on each. The page
//! [`prometheus`](super::prometheus) has those on metrics as rules, and a dashboard.
//!
//! Spans and events come through [`tracing`](https://docs.rs/tracing), target `tower_sinch_auth`, always. Metrics come
//! through the [`metrics`](https://docs.rs/metrics) facade, with the feature `metrics`. Health endpoints ask
//! [`TokenRefresher::status`](crate::TokenRefresher::status).
//!
//! While a token is fresh and answers are no `401`s, nothing is recorded and nothing is counted. Nor is anything of a request
//! that is signed and sent. Times are seconds, in spans and events to the millisecond. Nothing holds a secret: no key secret,
//! no token, no signature, no address beyond its host.
//!
//! # Levels
//!
//! At `INFO` normal life is silent but for a line for each new token, and for each that is forgotten. `WARN`: someone may want to look, calls succeed or
//! wait. `ERROR`: calls fail. What happens to each single call that met a `401` is at `DEBUG`.
//!
//! # Span
//!
//! `token_flight`, at `INFO`: one token request with all its attempts, of which there is at most one at a time. It is
//! a root, because it belongs to no call; it *follows from* the span of the call that happened to start it. What the
//! HTTP client records of the exchange is inside.
//!
//! | field | unit or values | meaning |
//! | --- | --- | --- |
//! | `otel.kind` | `client` | the kind of span, for OpenTelemetry |
//! | `key_id` | text | the KEY ID, or Service Plan ID, that asks; absent if the source is a custom one |
//! | `server.address` | host name | the token endpoint; absent if the source is a custom one |
//! | `reason` | `first`, `due`, `expired`, `unauthorized` | why: no token (none yet, or it was forgotten), refresh due, token expired, token rejected |
//! | `attempts` | count | token requests made; none, if the token was got from a store |
//! | `outcome` | `refreshed`, `failed`, `cancelled` | how it ended; cancelled: the last handle was dropped, the refresher was told to forget, or the runtime shut down |
//! | `latency_seconds` | seconds | how long it took, pauses between attempts included |
//! | `generation` | count | the number of the token that it brought |
//! | `lifetime_seconds` | seconds | how long that token lives, from when it was asked for; absent if for ever |
//! | `error.type` | as the metrics' `outcome` | what it failed with: [`TokenErrorKind`](crate::TokenErrorKind) |
//! | `otel.status_code` | `ERROR` | present if it failed |
//!
//! # Events
//!
//! | event | level | fields | when | alert |
//! | --- | --- | --- | --- | --- |
//! | `token refreshed` | `INFO` | `key_id` `reason` `origin` `attempts` `latency_seconds` `generation` `lifetime_seconds` `refresh_in_seconds` `failures` | a flight brought a token; after an outage `failures` is not 0 | none; more often than its lifetime explains: revocations, see `reason` |
//! | `token request failed` | `INFO` `WARN` | `key_id` `server.address` `attempt` `latency_seconds` `error.type` `http.response.status_code` `error` `error.causes` `retry_in_seconds` | one attempt failed; `INFO` with a usable token at hand, `WARN` without one, because calls wait | `WARN` for a minute: calls run into the timeouts of their callers before the flight has failed |
//! | `shared token request failed` | `INFO` `WARN` | `key_id` `server.address` `attempt` `latency_seconds` `error.type` `http.response.status_code` `error` `error.causes` `retry_in_seconds` | the same, of a token request that another process of the fleet made | as of `token request failed` |
//! | `token refresh failed` | `WARN` `ERROR` | `key_id` `reason` `attempts` `latency_seconds` `error.type` `error` `error.causes` `failures` `retry_in_seconds` `expires_in_seconds` | a flight failed with all its attempts; `WARN` with a token at hand that is valid and was not rejected, else `ERROR` | `ERROR`: page. `error.type` of `rejected` or `credentials`: the key is wrong, and time will not heal it |
//! | `serving the token until it expires` | `WARN` | `key_id` `generation` `expires_in_seconds` | the first of the failures in a row, once; calls still succeed | ticket: calls fail in `expires_in_seconds`, less the margin |
//! | `token rejected` | `DEBUG` | `key_id` `server.address` `generation` | an API answered `401` to our token, once a call | none |
//! | `rejected call settled` | `DEBUG` | `key_id` `server.address` `generation` `verdict` | what became of that call | none: use the metric |
//! | `fresh tokens rejected, refreshes back off` | `WARN` | `key_id` `server.address` `backoff_seconds` | an API answered `401` to a new token, too: its `401`s come back as they are for a while | ticket: the key has no access to this API |
//! | `token forgotten` | `INFO` | `key_id` `generation` `retry_in_seconds` | the refresher was told to [forget](crate::TokenRefresher::forget); `generation` is that of the last token it had | none |
//! | `no host in an entry of the audience` | `WARN` | `key_id` `entry` | a layer, or the refresher of a source, is built with an entry of [`Audience::hosts`](crate::Audience::hosts) that names no host, and so matches nothing | ticket: a mistyped entry |
//! | `token store unavailable` | `WARN` | `key_id` `operation` `error` `retry_in_seconds` | the [store](crate::docs::fleet) failed that answered before; once an outage | ticket: the processes do not share their token |
//! | `token store answers again` | `INFO` | `key_id` | it did all that it was asked in an attempt | none |
//! | `token shared` | `DEBUG` | `key_id` `store.entry` | the token is looked for in a store; once for each name | none |
//! | `request sent as it came` | `DEBUG` | `key_id` `cause` | a request has an `Authorization` already, or says `skip()` | none |
//! | `requests have HTTP Basic, which is sent as it is` | `WARN` | `key_id` | the first such request of a refresher, or of a layer without one | ticket: code that still adds HTTP Basic, which Sinch allows for tests only |
//! | `request refused` | `ERROR` | `key_id` `server.address` `error` | a request was not sent, because its host is outside of the audience | ticket: a bug, or a wrong address |
//!
//! # Fields of events
//!
//! As in the span, and:
//!
//! | field | unit or values | meaning |
//! | --- | --- | --- |
//! | `key_id` | text | as in the span; of a layer that signs, the application key |
//! | `server.address` | host name | the token endpoint; of a `401` or a refused request, the API |
//! | `generation` | count | the number of the token in question; of a settled call, the one it was sent with last |
//! | `refresh_in_seconds` | seconds | until calls start the next refresh; absent if never |
//! | `expires_in_seconds` | seconds | until the token at hand expires; absent if there is none, or if it never does |
//! | `retry_in_seconds` | seconds | until a token request is made again, if there are calls; absent of an attempt that was the last, and of a refresher that has forgotten and may ask at once |
//! | `backoff_seconds` | seconds | until a `401` of this API forces a refresh again |
//! | `failures` | count | flights that failed in a row |
//! | `attempt` | count | which attempt of the flight it was |
//! | `http.response.status_code` | HTTP status | what the token endpoint answered; absent if it did not |
//! | `error` | text | what happened and what to do |
//! | `error.causes` | text | the causes of the error, nearest first; absent if there are none |
//! | `verdict` | as the metrics' `verdict` | what became of the call |
//! | `cause` | as the metrics' `cause` of requests | why no token was put on it |
//! | `entry` | text | the entry as it was given, quoted, its userinfo hidden |
//! | `origin` | `issuer`, `store` | where the token was got from |
//! | `operation` | as the metrics' `operation` | what the store was asked |
//! | `store.entry` | text | the name of the token in the store, to which a store may add a prefix |
//!
//! # Metrics
//!
//! All have the label `key_id`, empty if the source is a custom one. Of a layer that signs it is the application key.
//! No label holds an address.
//!
//! | metric | type | labels | meaning | alert |
//! | --- | --- | --- | --- | --- |
//! | `sinch_auth_token_requests_total` | counter | `key_id` `reason` `outcome` | token requests, each attempt | `SinchAuthTokenRequestsFail`, for 10 minutes: more of other outcomes than of `issued`, `cancelled` left out; `SinchAuthKeyRejected`, at once: `rejected` or `credentials` |
//! | `sinch_auth_token_request_duration_seconds` | histogram | `key_id` `reason` `outcome` | seconds that one took | `SinchAuthTokenRequestsSlow`: 99th percentile near `attempt_timeout` |
//! | `sinch_auth_token_waits_total` | counter | `key_id` | waits for a token: of calls without a usable one, and of calls to an API that rejected the one in use; counted when the wait is over | `SinchAuthCallsWaitForRenewals`: some because tokens expired, again and again: refreshes come too late |
//! | `sinch_auth_token_wait_duration_seconds` | histogram | `key_id` `outcome` | seconds that they waited | `SinchAuthCallsWithoutToken`: any with `outcome="failed"`; `SinchAuthCallersGiveUp`: a rate of `outcome="abandoned"` for 5 minutes: callers give up before there is a token |
//! | `sinch_auth_unauthorized_total` | counter | `key_id` | `401`s to our token | `SinchAuthUnauthorized`: a rate that stays above that of new tokens |
//! | `sinch_auth_retries_total` | counter | `key_id` `verdict` | what became of the calls that met them | `SinchAuthRetriesDoNotHelp`: share of `helped` below a half, `inconclusive` left out |
//! | `sinch_auth_store_operations_total` | counter | `key_id` `operation` `outcome` | operations of a store | `SinchAuthStoreFails`: more of other outcomes than of `answered`, for 10 minutes |
//! | `sinch_auth_shared_attempts_total` | counter | `key_id` `outcome` | attempts that looked into a store | `SinchAuthFleetDoesNotShare`: share of `alone` above a tenth for 10 minutes: the processes do not share |
//! | `sinch_auth_untouched_requests_total` | counter | `key_id` `cause` | requests sent as they came | `SinchAuthBasicLeft`: any with `cause="basic"`, for 10 minutes |
//! | `sinch_auth_audience_refusals_total` | counter | `key_id` | requests refused, because their host is outside of the audience | `SinchAuthAudienceRefused`: any |
//! | `sinch_auth_token_expiry_timestamp_seconds` | gauge | `key_id` | when the token expires, seconds since 1970; `+Inf` if never, or if there is none any more | `SinchAuthTokenExpires`: `- time()` below 5 minutes, and token requests fail |
//! | `sinch_auth_token_generation` | gauge | `key_id` | the number of the token | `SinchAuthTokensChange`: grows faster than renewals explain |
//! | `sinch_auth_backoff_timestamp_seconds` | gauge | `key_id` `cause` | until when none is asked for, seconds since 1970; past or 0: it may be | `SinchAuthBacksOff`: `- time()` above 0 for 5 minutes, a minute now and then left out |
//!
//! Gauges are points in time rather than time left, because nothing runs without calls that could update them: the
//! seconds to expiry are `sinch_auth_token_expiry_timestamp_seconds - time()`.
//!
//! With many accounts, build their refreshers by
//! [`key_id_label(false)`](crate::TokenRefresherBuilder::key_id_label): then the label of counters and histograms is empty,
//! so that the accounts add up, and there are no gauges, which would overwrite each other. Spans and events always say
//! whose they are, and so does [`TokenStatus::key_id`](crate::TokenStatus::key_id).
//!
//! # What a dropped refresher leaves behind
//!
//! The facade has no way to remove a series. So what a refresher counted stands still when it is dropped, which no rate
//! shows, and its gauges go to rest: the expiry to `+Inf`, the back-offs to 0, and the generation stays. None of the alerts
//! above fires for an account that is gone. A gauge that another refresher of the same key has set since is that one's, and stays as it is. A key that
//! its source has replaced by another is gone in the same way.
//!
//! A refresher that is told to [forget](crate::TokenRefresher::forget) has no token: its gauges go to rest,
//! too, but for the back-off of a running `Retry-After`.
//!
//! A refresher is dropped with its last handle, and after the calls that were sent with it. A pool that never evicts
//! keeps an account that nobody calls for any more, and its gauge with it: that is why the alert wants token requests that
//! fail, of which there are none without calls. If series of accounts that are gone are too many, choose
//! `key_id_label(false)`, or an idle timeout in the recorder (`idle_timeout` of `metrics-exporter-prometheus`), longer than
//! a token lives.
//!
//! # Labels
//!
//! | label | values |
//! | --- | --- |
//! | `reason` | as in the span |
//! | `outcome` of requests | `issued`, `cancelled`, or a [`TokenErrorKind`](crate::TokenErrorKind): `rejected`, `throttled`, `unavailable`, `timed_out`, `invalid_response`, `credentials`, `panicked`, `no_runtime` |
//! | `outcome` of operations | `answered`, `failed`, `timed_out` (after 500 ms), `panicked` |
//! | `outcome` of shared attempts | `adopted` (another process' token), `published` (its own token, which the others can take), `alone` (its own token, of which the store does not know), `relayed` (another process' error), `failed` (its own error) |
//! | `operation` | `look` (the token), `take` (the lease), `poll` (the lease), `publish`, `record` (a refusal), `release` (the lease) |
//! | `outcome` of waits | `served` (with a token, be it the one that an API rejected), `failed` (with an error, `max_wait` included), `abandoned` (the caller went away, most likely by a timeout of its own) |
//! | `verdict` | `helped` (the retry was answered, and with neither `401`, `5xx` nor `429`), `useless` (it was a `401` again), `inconclusive` (it was a `5xx` or `429`, which says nothing about the token), `failed` (it ended in an error), `not_sent` (the inner service was not ready), `not_replayable` (the body is gone, or the request forbids a retry), `suppressed` (another token would not help, refreshes back off, or their budget is spent), `no_token` (the refresh failed) |
//! | `cause` of requests | `skipped` (by [`RequestAuth::skip`](crate::RequestAuth::skip)), `basic` (it has HTTP Basic), `authorization` (it has another `Authorization`) |
//! | `cause` of back-offs | `failure` (after a failed flight), `unauthorized` (of refreshes for `401`s, of the last API whose refreshes back off) |
//!
//! # Health
//!
//! Liveness does not depend on tokens. Readiness is down when calls would fail, not when a refresh failed with a valid
//! token at hand, and not for want of calls. Whoever is not ready gets no calls, and without calls nothing asks for a
//! token: so the check has to ask, which costs a token request no more often than calls would.
//!
//! ```
//! # use std::time::Duration;
//! # use tower_sinch_auth::TokenRefresher;
//! async fn is_ready(tokens: &TokenRefresher) -> bool {
//!     tokens.cached().is_some()
//!         || tokens.status().last_error.is_none() // no one has asked yet, or not since the token expired
//!         || matches!(tokio::time::timeout(Duration::from_secs(1), tokens.token()).await, Ok(Ok(_)))
//! }
//! ```
//!
//! # Start and timeouts
//!
//! Warm up before you listen: call [`TokenRefresher::token`](crate::TokenRefresher::token) at start, and wait for its
//! result. With it, a wrong key shows before the first call.
//!
//! A caller with a timeout of its own sees that timeout, not what the token endpoint answers. The flight tries on for
//! `flight_timeout`, 30 s by default, and the waits of such callers end as `abandoned`. Three things show the outage
//! nevertheless: `token request failed` at `WARN`, the alert on `abandoned`, and
//! [`TokenStatus::last_error`](crate::TokenStatus::last_error), which is that of the last attempt. Give
//! [`SinchAuthLayer::max_wait`](crate::SinchAuthLayer::max_wait) less than the callers' timeout: then calls fail with the
//! error itself, and their waits as `failed`.
