//! Prometheus and Grafana: rules, a dashboard and buckets, to take as they are.
//!
//! The package has them as files in `examples/prometheus`: `rules.yml` for Prometheus, `rules_test.yml` with its tests
//! for promtool, and `dashboard.json` for Grafana. They need the feature `metrics` and a recorder such as
//! [`metrics-exporter-prometheus`](https://docs.rs/metrics-exporter-prometheus). The page
//! [`observability`](super::observability) says what each metric means.
//!
//! # Buckets
//!
//! That recorder makes summaries of histograms, unless it is told their buckets. Summaries of several processes do not
//! add up, and the rule and the panels on durations want buckets, in seconds:
//!
//! ```
//! let token_request = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 8.0, 10.0];
//! let token_wait = [0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 2.0, 5.0, 10.0, 20.0, 32.0];
//! # /*
//! use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
//!
//! PrometheusBuilder::new()
//!     .set_buckets_for_metric(Matcher::Full("sinch_auth_token_request_duration_seconds".into()), &token_request)?
//!     .set_buckets_for_metric(Matcher::Full("sinch_auth_token_wait_duration_seconds".into()), &token_wait)?
//!     .install()?;
//! # */
//! # assert!(token_request.is_sorted() && token_wait.is_sorted());
//! ```
//!
//! - A token request is one exchange over TLS: 0.05 to 0.4 s tell a good day from a slow one. `attempt_timeout` is 10
//!   s, and 8 s is where the alert is. 5 s lies above the 4 s that the default client takes to try all addresses.
//! - A wait is at best a token request. 2 s is how long calls wait for the replacement of a rejected token. 32 s is
//!   `flight_timeout` and the 2 s that a wait may take longer. Whoever sets `max_wait` puts a bucket there.
//! - Each bucket is a time series for each combination of labels. A process has some five combinations of each
//!   histogram.
//!
//! Help texts and units come with each token request, so the recorder may be installed at any time.
//!
//! # Traffic
//!
//! No metric counts the calls: that would cost each call an atomic that all threads share, 8 ns for one thread and 14
//! for each of two. Nothing is counted while a token is fresh. The rules do without. Nothing asks for a token without
//! calls, so a token request that fails shows that there are calls. For a rate of calls use the metrics of your own
//! client, or of a layer around this one.
//!
//! # Recorded
//!
//! A counter appears with its first count, which `increase` does not see. So the rules count a series as a whole that
//! the window began without, if Prometheus scraped its process then. A series of a process that is new to Prometheus
//! may hold old counts: of it only increases count. The rules want the labels `job` and `instance`, and the metric `up`,
//! which a Prometheus that scrapes adds.
//!
//! ```promql
//! # sinch_auth:token_requests:increase5m
//! sum by (job, key_id, reason, outcome) (
//!   (
//!     (sinch_auth_token_requests_total unless sinch_auth_token_requests_total offset 5m)
//!     and on (job, instance) up offset 5m
//!   )
//!   or increase(sinch_auth_token_requests_total[5m])
//! )
//!
//! # sinch_auth:token_waits:increase5m
//! sum by (job, key_id, outcome) (
//!   (
//!     (sinch_auth_token_wait_duration_seconds_count unless sinch_auth_token_wait_duration_seconds_count offset 5m)
//!     and on (job, instance) up offset 5m
//!   )
//!   or increase(sinch_auth_token_wait_duration_seconds_count[5m])
//! )
//!
//! # sinch_auth:token_waits:increase2m
//! sum by (job, key_id, outcome) (
//!   (
//!     (sinch_auth_token_wait_duration_seconds_count unless sinch_auth_token_wait_duration_seconds_count offset 2m)
//!     and on (job, instance) up offset 2m
//!   )
//!   or increase(sinch_auth_token_wait_duration_seconds_count[2m])
//! )
//!
//! # sinch_auth:unauthorized:increase5m
//! sum by (job, key_id) (
//!   (
//!     (sinch_auth_unauthorized_total unless sinch_auth_unauthorized_total offset 5m)
//!     and on (job, instance) up offset 5m
//!   )
//!   or increase(sinch_auth_unauthorized_total[5m])
//! )
//!
//! # sinch_auth:retries:increase5m
//! sum by (job, key_id, verdict) (
//!   (
//!     (sinch_auth_retries_total unless sinch_auth_retries_total offset 5m)
//!     and on (job, instance) up offset 5m
//!   )
//!   or increase(sinch_auth_retries_total[5m])
//! )
//!
//! # sinch_auth:store_operations:increase15m
//! sum by (job, key_id, operation, outcome) (
//!   (
//!     (sinch_auth_store_operations_total unless sinch_auth_store_operations_total offset 15m)
//!     and on (job, instance) up offset 15m
//!   )
//!   or increase(sinch_auth_store_operations_total[15m])
//! )
//!
//! # sinch_auth:shared_attempts:increase15m
//! sum by (job, key_id, outcome) (
//!   (
//!     (sinch_auth_shared_attempts_total unless sinch_auth_shared_attempts_total offset 15m)
//!     and on (job, instance) up offset 15m
//!   )
//!   or increase(sinch_auth_shared_attempts_total[15m])
//! )
//!
//! # sinch_auth:audience_refusals:increase5m
//! sum by (job, key_id) (
//!   (
//!     (sinch_auth_audience_refusals_total unless sinch_auth_audience_refusals_total offset 5m)
//!     and on (job, instance) up offset 5m
//!   )
//!   or increase(sinch_auth_audience_refusals_total[5m])
//! )
//!
//! # sinch_auth:token_request_duration_bucket:increase30m
//! sum by (job, key_id, le) (
//!   (
//!     (
//!       sinch_auth_token_request_duration_seconds_bucket{outcome="issued"}
//!       unless sinch_auth_token_request_duration_seconds_bucket offset 30m
//!     )
//!     and on (job, instance) up offset 30m
//!   )
//!   or increase(sinch_auth_token_request_duration_seconds_bucket{outcome="issued"}[30m])
//! )
//! ```
//!
//! # Alerts
//!
//! One for each row of the metrics with an alert. `page`: calls fail, or soon will. `ticket`: someone has to look at
//! it. Those of events have the same cause as one here, but for `no host in an entry of the audience`, which is in the
//! log alone.
//!
//! ## `SinchAuthKeyRejected`
//!
//! `page`, at once. The key is wrong, and time will not heal it. Calls go on while a token is valid.
//!
//! ```promql
//! sum by (job, key_id) (
//!   sinch_auth:token_requests:increase5m{outcome=~"rejected|credentials"}
//! ) > 0
//! ```
//!
//! ## `SinchAuthTokenRequestsFail`
//!
//! `ticket`, for `10m`. The endpoint is down, slow or out of reach. `cancelled` counts as neither: accounts that are
//! dropped cancel.
//!
//! ```promql
//! sum by (job, key_id) (sinch_auth:token_requests:increase5m{outcome!~"issued|cancelled"})
//! > (
//!   sum by (job, key_id) (sinch_auth:token_requests:increase5m{outcome="issued"})
//!   or 0 * sum by (job, key_id) (sinch_auth:token_requests:increase5m)
//! )
//! ```
//!
//! ## `SinchAuthTokenRequestsSlow`
//!
//! `ticket`, for `10m`. The 8 is four fifths of `attempt_timeout`: change both together. It needs buckets.
//!
//! ```promql
//! histogram_quantile(0.99, sinch_auth:token_request_duration_bucket:increase30m) > 8
//! ```
//!
//! ## `SinchAuthCallsWaitForRenewals`
//!
//! `ticket`, at once. Refreshes come too late, again and again: once is what an outage or a pause of the callers
//! leaves. Leave it out where callers pause for longer than a token lives.
//!
//! ```promql
//! max by (job, key_id) (
//!   increase(sinch_auth_token_requests_total{reason="expired", outcome="issued"}[3h]) > 1.5
//!   and ignoring (reason, outcome) increase(sinch_auth_token_waits_total[3h]) > 5
//! )
//! ```
//!
//! ## `SinchAuthCallsWithoutToken`
//!
//! `page`, at once. Calls fail with a [`TokenError`](crate::TokenError), or return the `401` they met. A call that
//! fails at once, because the refresher backs off, has not waited: `SinchAuthTokenExpires` sees those.
//!
//! ```promql
//! sum by (job, key_id) (sinch_auth:token_waits:increase5m{outcome="failed"}) > 0
//! ```
//!
//! ## `SinchAuthCallersGiveUp`
//!
//! `page`, for `5m`. Calls run into the timeouts of their callers before a flight has failed.
//!
//! ```promql
//! sum by (job, key_id) (sinch_auth:token_waits:increase2m{outcome="abandoned"}) > 0
//! ```
//!
//! ## `SinchAuthUnauthorized`
//!
//! `ticket`, for `15m`. One revocation is one burst, and no reason to come.
//!
//! ```promql
//! sinch_auth:unauthorized:increase5m
//! > (
//!   sum by (job, key_id) (sinch_auth:token_requests:increase5m{outcome="issued"})
//!   or 0 * sinch_auth:unauthorized:increase5m
//! ) + (
//!   sum by (job, key_id) (sinch_auth:shared_attempts:increase15m{outcome="adopted"})
//!   or 0 * sinch_auth:unauthorized:increase5m
//! )
//! ```
//!
//! ## `SinchAuthRetriesDoNotHelp`
//!
//! `ticket`, for `10m`. Callers see `401`s.
//!
//! ```promql
//! (
//!   sum by (job, key_id) (sinch_auth:retries:increase5m{verdict="helped"})
//!   or 0 * sum by (job, key_id) (sinch_auth:retries:increase5m)
//! )
//! / sum by (job, key_id) (sinch_auth:retries:increase5m{verdict!="inconclusive"})
//! < 0.5
//! ```
//!
//! ## `SinchAuthStoreFails`
//!
//! `ticket`, for `10m`. The window is as long as it is because a store is asked only when a token is due.
//!
//! ```promql
//! sum by (job, key_id) (sinch_auth:store_operations:increase15m{outcome!="answered"})
//! > (
//!   sum by (job, key_id) (sinch_auth:store_operations:increase15m{outcome="answered"})
//!   or 0 * sum by (job, key_id) (sinch_auth:store_operations:increase15m)
//! )
//! ```
//!
//! ## `SinchAuthFleetDoesNotShare`
//!
//! `ticket`, for `10m`. Each process asks for itself, against a rate limit that all share.
//!
//! ```promql
//! sum by (job, key_id) (sinch_auth:shared_attempts:increase15m{outcome="alone"})
//! / sum by (job, key_id) (sinch_auth:shared_attempts:increase15m)
//! > 0.1
//! ```
//!
//! ## `SinchAuthAudienceRefused`
//!
//! `ticket`, at once. A bug, or a wrong address.
//!
//! ```promql
//! sinch_auth:audience_refusals:increase5m > 0
//! ```
//!
//! ## `SinchAuthBasicLeft`
//!
//! `ticket`, for `10m`. Code that adds HTTP Basic is left somewhere, and its requests carry no token.
//!
//! ```promql
//! sum by (job, key_id) (increase(sinch_auth_untouched_requests_total{cause="basic"}[15m])) > 0
//! ```
//!
//! ## `SinchAuthTokenExpires`
//!
//! `page`, at once. That token requests fail, or that the refresher backs off after one, says that there are calls:
//! nothing is asked for without. An account that nobody calls for, and one that is gone, pages nobody.
//!
//! ```promql
//! min by (job, key_id) (
//!   sinch_auth_token_expiry_timestamp_seconds - time() < 5 * 60
//!   and on (job, instance, key_id) (
//!     sum by (job, instance, key_id) (
//!       increase(sinch_auth_token_requests_total{outcome!~"issued|cancelled"}[5m])
//!     ) > 0
//!     or sinch_auth_backoff_timestamp_seconds{cause="failure"} > time()
//!   )
//! )
//! ```
//!
//! ## `SinchAuthTokensChange`
//!
//! `ticket`, at once. What was due or expired is left out. Tokens that come from a store count: change the 6 if a fleet
//! has tokens that live for less than half an hour.
//!
//! ```promql
//! max by (job, key_id) (
//!   changes(sinch_auth_token_generation[1h])
//!   - on (job, instance, key_id) (
//!     sum by (job, instance, key_id) (
//!       increase(sinch_auth_token_requests_total{reason!="unauthorized", outcome="issued"}[1h])
//!     )
//!     or 0 * sum by (job, instance, key_id) (sinch_auth_token_generation)
//!   )
//! ) > 6
//! ```
//!
//! ## `SinchAuthBacksOff`
//!
//! `ticket`, for `5m`. The minute bridges the time from the end of one back-off to the failure of the next flight.
//!
//! ```promql
//! max by (job, key_id, cause) (sinch_auth_backoff_timestamp_seconds - time()) > -1 * 60
//! ```
