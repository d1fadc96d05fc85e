//! How the crate is built, for those who carry it on.
//!
//! # The house
//!
//! Arrows point down. A wing imports from the floors below its own, from no wing beside it, and never through the crate
//! root. A name is imported from the module that owns it. A test reads all imports and holds this:
//! `cargo test --test it architecture -- --nocapture` also prints the numbers.
//!
//! ```text
//! lib.rs        the docs of the crate, and its exports
//!   testing/    FakeSinch            request/  what happens to a request: layer service future state transitions
//!      |                                |      retained options challenge drain replay/
//!      v                                v
//! sinch/        where Sinch's tokens come from: access_key service_plan client_credentials token_response
//!               exchange https
//! refresher/    one token for all: token_refresher builder acquire flight channel shared; state/ = every
//!               decision, pure
//! telemetry/    what operators see: observer flight_span metrics
//! token/        access_token issued_token source status reason
//! audience/     where a token may travel: host listed sinch
//! origin        schedule/ = pure time: clock validity backoff budget settings timer        error/        docs/
//! ```
//!
//! A wing has a `mod.rs` that is its face: it says what the wing decides or owns, hands on what others may use, and
//! defines nothing. What it keeps private cannot be named outside. Pure modules (`schedule`, `refresher/state`) take
//! readings of the clocks and random numbers as arguments, and answer with a value. Shells lock, spawn, log and wait,
//! and decide nothing.
//!
//! # Where a change belongs
//!
//! | change | module |
//! | --- | --- |
//! | how long to wait after a `429` of the token endpoint | the number in `schedule/backoff`; when it applies in `refresher/state/failure` |
//! | what a `401` may cause: verdict, evidence, budget, back-off, waiting | `refresher/state/rejections` |
//! | when a token is due, or expired | `schedule/validity` |
//! | when a new token is put to use | `refresher/state/tokens` |
//! | attempts within a token request | `refresher/flight` |
//! | how long a call waits, and what for | `refresher/acquire` |
//! | which hosts may see a token | `audience`; how a host is read in `audience/host`, Sinch's table in `audience/sinch` |
//! | what is kept of an upload, and whether it is sent again | `request/replay`; when in `request/transitions` |
//! | which answers reject a token | `request/challenge` |
//! | what a token response means | `sinch/token_response` |
//! | the wording of an error | `error` |
//! | a metric, a span or an event | `telemetry`, and the page [`observability`](super::observability), which a test compares |
//!
//! # The way of a request
//!
//! 1. `SinchAuth::call` reads the request's switches once. With `skip()`, or an `Authorization` to keep, it goes on as
//!    it is.
//! 2. `TokenRefresher::authorize` loads the mirror, checks the audience, compares the clocks with the token's two
//!    moments, and inserts the header. It takes no lock, no box and no allocation.
//! 3. If the token is due, `refresh_in_background` tries the lock, and launches a flight that nobody waits for.
//! 4. If the mirror is empty or the token has expired, `acquire_for_call` locks and asks the state.
//! 5. If the answer is a token, the request goes out on the readied inner service, as in step 2.
//! 6. Else the readied service is given back, and the request is queued in a box: *Authorizing*.
//! 7. `Retained::of` keeps what the answer may call for: the whole request, or who answers it.
//! 8. The inner future is polled in place. Any answer but a `401` to our token goes through untouched.
//! 9. While something is open about the token, that answer is reported as evidence.
//!
//! # The way of a `401`
//!
//! 1. `challenge::rejects_token` decides whether the `401` is about the token.
//! 2. `Rejection::replace_token` reports the generation and the authority, whether or not the request can be sent
//!    again.
//! 3. The state answers: a newer token, the flight that is up, a new flight, or the same token.
//! 4. The same token means that a retry would not help, or that the authority backs off: the `401` is the answer.
//! 5. Otherwise the response waits in a box, *Refreshing*; its body is not touched, because it may yet be the answer.
//! 6. With another token, readiness is asked for on a clone, *Retrying*. After 1 s the `401` is drained and dropped.
//! 7. The request is sent with the new header in the place of the old one. The first body is drained, 16 KiB at most.
//! 8. What the retry is answered is returned as it came, and `settle` reports it as the verdict.
//! 9. Meanwhile other calls to that authority wait for the replacement, for 2 s at most. Calls to others do not.
//!
//! # The way of a token request
//!
//! 1. `acquire` locks; the state answers with `Start`. The runtime is probed for timers before anything is spawned.
//! 2. The state records the flight under its number, and the lock is given back.
//! 3. `Flight` is made; from here on its drop reports it as abandoned. Then its span is opened, and the task is
//!    spawned.
//! 4. Each attempt is counted where it is made, and calls `TokenSource::fetch`, with panics caught.
//! 5. `ClientCredentials::fetch` reads the key, checks the endpoint, and makes one exchange, within `attempt_timeout`.
//! 6. A failed attempt is entered, logged, and repeated after full jitter, while it is transient and time is left.
//! 7. A token that had expired when it came counts as a failed attempt.
//! 8. `on_success` or `on_failure` enters the result under the lock; the mirror follows when the lock is given back.
//! 9. Span, event and metrics are told. Then the waiters are, all at once, success or failure alike.
//! 10. Dropping the state's handle, with the last `TokenRefresher` or by giving the flight up, cancels the task.
//!
//! # Invariants
//!
//! - At most one flight is up in a refresher. A late result of another one is dropped, by its number.
//! - The mirror is empty while something is open that calls have to ask about: no token, a successor that is not in
//!   use yet, a question that an authority has not answered. So calls pay nothing for all this while nothing is open.
//! - The lock is never held across an await, and no code of others runs under it.
//! - No token is handed out past its expiry by either clock, to a waiter that wakes late either.
//! - A rejected generation is not handed out once its replacement is known.
//! - A call is sent twice at most, and the second time only after a `401` to our token.
//! - An inner service is called only on the instance that was readied.
//!
//! `refresher/shared` states those of the lock, `refresher/state` and `request` draw their tables of states, and tests
//! hold the tables to the code.
//!
//! # Decisions
//!
//! - **A task, not baton passing.** The flight is a task of its own, so no caller's patience or cancellation touches
//!   it. A design in which callers drive the flight in turn needs hundreds of lines of waker bookkeeping, and stops
//!   when nobody polls.
//! - **No standing task.** Nothing runs without calls: calls find out that a refresh is due. A timer for each
//!   refresher would ask for tokens that nobody uses.
//! - **Two clocks.** The monotonic clock stands still while a machine is suspended, and the wall clock can be set
//!   back. An age is what the older says. Budgets and the life of a flight go by the monotonic clock alone, because
//!   there a jump ahead must not count.
//! - **Verdicts by authority.** One API that refuses the key says nothing about the others. A back-off for all would
//!   let it keep the others from healing.
//! - **A budget beside the verdicts.** An API that rejects at random makes each retry help, and each help resets the
//!   back-off. Only a budget bounds that.
//! - **The mirror is emptied, rather than flagged.** A flag would cost each call a load. An empty mirror sends calls
//!   to the lock exactly while there is something to ask.
//! - **A new token waits up to 2 s**, if the old one is good: issuers were seen a little ahead of their APIs.
//! - **Un-boxed futures.** The future of the inner service is polled in place; only a request without a token, and one
//!   whose token was rejected, are boxed, so that the future of the others is one cache line larger than the inner
//!   one.
//! - **A task-local tells who asks.** A source knows its key and endpoint, the flight's span wants both, and
//!   `TokenSource::fetch` takes no argument. So `telemetry::record_key_id` finds the span of the flight that it runs
//!   in.
//! - **`BoxError`.** The layer joins stacks that exist: an enum of its own would break each downcast downstream.
//!
//! Tried and dropped:
//!
//! - **Striped handles**, a count of holders for each of eight threads. Two threads that call in a tight loop gain
//!   from it; over a loopback socket with eight threads no difference was measured.
//! - **A second way through the host check**, which looked at the whole authority first. It saved 10 to 20 ns, and
//!   three of seven findings of the fuzzers were there.
//! - **A coarse wall clock** saves 20 ns a call, for three crates on Linux.
