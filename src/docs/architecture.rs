//! How the crate is built, for those who carry it on.
//!
//! # Words
//!
//! - A **flight** is the one task that gets a token, with all its attempts. Callers without a token wait for it.
//! - A **generation** is the number of a token. It grows with each token that differs from the last.
//! - The **mirror** is the token in use, as calls read it without a lock.
//! - A **successor** is a token that came while the old one was good. It is held back for up to 2 s.
//! - An **authority**, or origin, is who answers a request: host and port.
//! - A **verdict** says whether a new generation helped: it is what the retry was answered. **Evidence** is any other
//!   answer that shows that an authority accepts a generation.
//! - A **forced** refresh answers a `401`; any other is due by time.
//!
//! CONTRIBUTING has the whole glossary.
//!
//! # The house
//!
//! Each row is a floor. A wing imports from the rows below its own, from no wing beside it, and never through the crate
//! root. A name is imported from the module that owns it. `tests/it/architecture.rs` enforces this;
//! `cargo test --test it architecture -- --nocapture` also prints circles, arrows that point up, lines and `pub(crate)`.
//!
//! ```text
//! lib.rs       the docs of the crate, and its exports
//! testing/     FakeSinch, a server that behaves as Sinch does; MemoryStore; check_store
//! request/     what happens to a request (beside testing/): layer options service future; state transitions
//!              retained account; challenge drain; replay/ = policy buffer_body, what is kept (recording buffer), and
//!              what is sent (head body frame)
//! signing/     what happens to a request that is signed (beside both): layer options service future state; unsigned
//!              collector; signature timestamp, pure
//! sinch/       Sinch's credentials: access_key service_plan application_key (field: the checks of their values); where
//!              its tokens come from: client_credentials token_response exchange https
//! fleet/       one token for processes that share a store: store (the trait) redis_store; protocol breaker entries,
//!              pure; seal; shared run memory, their shells
//! refresher/   one token for all. Shells: token_refresher builder acquire flight channel shared
//!              state/, pure: machine (forget verdicts) want tokens failure; rejections/ = policy authority
//! telemetry/   what operators see: observer (of calls) flight_span (of flights) store (of a fleet's), over metrics
//!              (described, to recorders) and gauges
//! token/       access_token issued_token source attempt status reason
//! audience     where a token or a signed request may travel: host listed sinch
//! origin       who answers a request. Beside it schedule/, pure time: validity backoff budget settings, and the only
//!              readings of clocks and timers: clock timer; error/, every message; switches, what callers decide;
//!              readiness, given back; docs/, these pages
//! ```
//!
//! The face of a wing is its `mod.rs`: it says what the wing decides or owns, re-exports what other wings may use, and
//! contains no definitions. What it does not re-export cannot be named outside.
//!
//! **Pure** modules take readings of the clocks and random numbers as arguments, and answer with a value: they decide.
//! **Shells** lock, spawn, log and wait. A shell tells telemetry what a pure module answered, after the lock is given
//! back: `shared` what flights bring, `token_refresher` what becomes of calls, and that all was forgotten, `acquire` that
//! a back-off began, `fleet/run` how a store did. Limits are constants beside what they limit, in shells, too.
//!
//! # Where a change belongs
//!
//! | change | module |
//! | --- | --- |
//! | the length of any back-off: attempts, flights, after a `429` of the token endpoint without `Retry-After`, terminal errors, useless refreshes | `schedule/backoff` |
//! | which back-off applies after a failed flight | `refresher/state/failure` |
//! | what makes a flight try again, and its time limit | `refresher/flight`; its defaults in `schedule/settings`, set by `refresher/builder` |
//! | what a `401` may cause: verdict, evidence, budget, **whether** calls wait for the replacement | `refresher/state/rejections`: one authority in `authority`, all together in `policy` |
//! | **for how long** a call waits: for a token, or for a replacement (2 s) | `refresher/acquire` |
//! | when a token is due, or expired | `schedule/validity` |
//! | when a successor is put to use (2 s, another limit than the last) | `refresher/state/tokens` |
//! | what is left when a refresher is told to forget | `refresher/state/machine/forget` |
//! | what counts as a host's name or address, and when two are the same | `audience/host` |
//! | what an entry of `Audience::hosts` may be, and what it matches | `audience/listed` |
//! | which of Sinch's hosts take which credential | `audience/sinch` |
//! | which bodies can be sent again at all | `request/replay/policy` |
//! | how much of an upload `BufferBody` keeps | `request/replay/buffer_body` |
//! | what the second attempt sends, when the first has read a part | `request/replay/recording` |
//! | what a request's switches and its account do, and which comes first | `request/service`; what they are, `switches` and `request/account` |
//! | what is signed of a request, and how | `signing/signature`; of its body, and how much, `signing/collector`; the timestamp, `signing/timestamp` |
//! | when a signed request is sent, and what the caller sees otherwise | `signing/state`; which requests are signed, `signing/service` |
//! | what both layers let callers decide | `switches` |
//! | when a request is sent again, and what the caller sees otherwise | `request/transitions` |
//! | which answers reject a token | `request/challenge` |
//! | the token endpoint: its address, the request, variables of the environment | `sinch/client_credentials`; the keys' in `sinch/access_key` and `sinch/application_key` |
//! | what a token response means; what a failed exchange means | `sinch/token_response`; `sinch/exchange` |
//! | who asks the issuer, of processes that share a store, and how long the others wait | `fleet/protocol` |
//! | which entries of a store are believed; what is shared, and for how long | `fleet/entries`; how it is sealed and named, `fleet/seal` |
//! | when a store is left alone | `fleet/breaker`; how long an operation may take, `fleet/run` |
//! | the wording of a token error; which kinds there are, and which are transient | `error/token/message`; `error/token/kind`. Of any other error: its file in `error` |
//! | a metric or event of calls; of flights; of a store | `telemetry/observer`; `telemetry/flight_span`; `telemetry/store`; and the page [`observability`](super::observability), which a test compares. The words of `reason` and `verdict` are in `token/reason` |
//! | what is protected, and by which test | the page [`security`](super::security) |
//!
//! # The way of a request
//!
//! 1. `SinchAuth::call` (`request/service`) reads the request's switches once. A request with `skip()`, or with an
//!    `Authorization` that is kept, is sent as it is: its account is not looked at. Of any other it reads the account
//!    once. That refresher, else the layer's, is asked for the token, and travels with the request: its answer is reported to no other.
//! 2. `TokenRefresher::authorize` loads the mirror, checks the audience, compares the clocks with the moments at which the
//!    token is due and expires, and inserts the header. It takes no lock, no box and no allocation.
//! 3. If the token is due, `refresh_in_background` (`refresher/acquire`) tries the lock, and launches a flight that nobody
//!    waits for.
//! 4. If the mirror is empty, or the token has expired, `acquire_for_call` locks and asks `refresher/state`.
//! 5. Without a token at once, the readied inner service is dropped for an unready clone, so that no permit waits for a
//!    token. The request is boxed: *Authorizing*. With the token, readiness is asked for again.
//! 6. Before a request is sent, `Retained::of` (`request/retained`) keeps a copy of it to send again; or only its
//!    authority, if it will not be.
//! 7. The inner future is polled in place. Any answer but a `401` to our token goes through untouched.
//! 8. If a question about the token was open when the request was sent, its answer is reported as evidence.
//!
//! # The way of a signed request
//!
//! 1. `SignedRequest::call` (`signing/service`) reads the same switches, and checks the audience. A head that the
//!    server could read in two ways is refused.
//! 2. The body is polled once, for whoever comes later. If all of it is there, the request is signed and sent at once.
//! 3. Otherwise the readied inner service is dropped for an unready clone: *Collecting*. The future polls the body
//!    again, up to the limit.
//! 4. With the body, readiness is asked for again: *Collected*.
//! 5. `Unsigned::sign` reads the clock last, signs, and inserts both headers or fails. The answer goes through
//!    untouched.
//!
//! # The way of a `401`
//!
//! 1. `rejects_token` (`request/challenge`) decides whether the `401` is about the token.
//! 2. `Rejection::replace_token` (`request/retained`) reports the generation and the authority, even for a request that
//!    cannot be sent again.
//! 3. The state answers with a newer token, the flight that is up, a new flight, or the same token.
//! 4. The same token means that a retry would not help, or that we back off from this authority. The `401` is the answer.
//! 5. Otherwise the request waits, *Refreshing*, with the `401` at hand: if the refresh fails, that is the answer, its body
//!    untouched.
//! 6. With another token, readiness is asked for on a clone: *Retrying*. If that takes more than 1 s, the `401` is given up,
//!    because it may hold what the inner service waits for.
//! 7. Before the request is sent again, up to 16 KiB of the body of the `401` are read, so that its connection can be used.
//! 8. The answer to the retry is returned whatever it is, and `settle` (`refresher/token_refresher`) reports the verdict.
//! 9. Meanwhile other calls to that authority wait for the replacement, for 2 s at most. Calls to others do not.
//!
//! # The way of a token request
//!
//! 1. `acquire` locks, and the state answers with `Start`. The runtime is probed for timers before anything is spawned.
//! 2. The state records the flight under its number, and the lock is given back.
//! 3. A `Flight` is made. Dropped unfinished from here on, it reports itself as abandoned. Then its span is opened, and the
//!    task is spawned.
//! 4. Each attempt is counted where it is made, and calls `TokenSource::fetch`. Panics are caught.
//! 5. `ClientCredentials::fetch` checks the endpoint, reads the key, and makes one exchange, within `attempt_timeout`. With a
//!    store, `Fleet::attempt` (`fleet/shared`) does what `fleet/protocol` says first, and may find another process' token.
//! 6. A failed attempt is recorded and logged. If it is transient and time is left, another one follows after a random delay.
//! 7. A token that had expired when it came is a failed attempt.
//! 8. `on_success` or `on_failure` (`refresher/shared`) enters the result under the lock. The mirror follows when the lock
//!    is given back.
//! 9. Span, events and metrics are told. Then all waiters are woken at once, on success and on failure alike.
//! 10. The task is cancelled when the state drops its handle: with the last `TokenRefresher`, by `forget`, or with a flight
//!     that no one believes in any more.
//!
//! # Invariants
//!
//! - At most one flight is up in a refresher. A late result of another one is dropped, by its number.
//! - What a forgotten flight brought serves nobody: a waiter asks, by the flight's number, before it uses it.
//! - The mirror is empty while something is open that calls have to ask about: no token yet, a successor, or an authority
//!   that asked for a generation and has not answered a call with it. So calls pay nothing while nothing is open.
//! - The lock is never held across an await, and no code of others runs under it.
//! - No token is handed out past its expiry by either clock, not even to a waiter that wakes late.
//! - A rejected generation is not handed out once its replacement is known.
//! - A call is sent twice at most, and the second time only after a `401` to our token.
//! - An inner service is called only on the instance that was readied.
//!
//! `refresher/shared` states the invariants of the lock. `refresher/state`, `refresher/state/rejections`, `request` and
//! `signing` draw their tables of states, and tests compare the tables with what happens.
//!
//! # Decisions
//!
//! - **A task, not baton passing.** The flight is a task of its own, so no caller's patience or cancellation touches it. A
//!   design in which callers drive the flight in turn needs hundreds of lines about wakers, and stops when nobody polls.
//! - **No standing task.** Nothing runs without calls: calls find out that a refresh is due. A timer for each refresher
//!   would ask for tokens that nobody uses.
//! - **Two clocks.** The monotonic clock stands still while a machine is suspended, and the wall clock can be set back. The
//!   age of a token is the larger of both readings. Budgets and the life of a flight go by the monotonic clock alone,
//!   because a wall clock that is set ahead must not use them up.
//! - **Verdicts by authority.** One API that refuses the key says nothing about the others. A back-off for all would let it
//!   keep the others from healing.
//! - **A budget beside the verdicts.** If an API rejects at random, each retry helps, and each help resets the back-off.
//!   Only a budget bounds that. Its price: revocations that are more frequent than the budget are not all healed.
//! - **The mirror is emptied, rather than flagged.** A flag would cost each call a load. An empty mirror sends calls to the
//!   lock exactly while there is something to ask.
//! - **A successor is held back**, because issuers were seen a little ahead of their APIs.
//! - **Un-boxed futures.** The future of the inner service is polled in place. Only requests that wait for a token are
//!   boxed. The future of all others is one cache line larger than the inner one.
//! - **A task-local carries the flight's span to the source.** A source knows its key and its endpoint, the span wants
//!   both, and `TokenSource::fetch` takes no argument. Another one tells it which token is to be replaced, so that a source
//!   that wraps another one need not hand that on.
//! - **A store is a cache, not a lock.** Two token requests at once are harmless. So the lease of a fleet saves requests and
//!   guards nothing: there is no fencing, no heartbeat and no subscription, and a store that fails costs no call.
//! - **A layer of its own for signatures**, rather than a mode of the other: it keeps no request, refreshes nothing,
//!   and belongs elsewhere in a stack. What both share is below them.
//! - **`call` polls the body.** A signature over a body that is in memory, as nearly all are, then waits for nothing,
//!   and no permit is held until someone polls the future. It takes a box, because a body that was polled cannot move.
//! - **The test kit has a canonical form of its own.** If it called the signer, both would agree on any mistake.
//! - **A timestamp of our own**, in 40 lines that a test walks through day by day: a crate would bring time zones, and
//!   parsing.
//! - **`BoxError`.** The layer joins stacks that exist: an enum of its own would break each downcast downstream.
//!
//! Tried and dropped:
//!
//! - **A reference count for each of eight threads**, rather than one. Two threads that call in a tight loop gain from it;
//!   over a loopback socket with eight threads no difference was measured.
//! - **A second way through the host check**, which looked at the whole authority first. It saved some 20 ns, and three of
//!   seven findings of the fuzzers were there.
//! - **A coarse wall clock** saves 20 ns a call, at the cost of three more crates on Linux.
