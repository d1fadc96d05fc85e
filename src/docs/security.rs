//! What is protected, against whom, what holds it, and what is not protected.
//!
//! # Threat model
//!
//! Worth protecting are the KEY SECRET, which gets tokens at your cost until the key is deleted; a service plan's API
//! token and the secret of an application key, likewise; access tokens, for the hour that they live; and signed
//! requests, which can be sent again for as long as Sinch takes their timestamp. They are protected against
//!
//! - the network, which reads and changes whatever is not encrypted;
//! - hosts that are not meant: those that an API redirects to, and those that a caller names by mistake;
//! - what the APIs and the token endpoint answer: any status, header or body, at any pace;
//! - whoever reads or writes the store in which a [fleet](crate::docs::fleet) shares a token;
//! - whoever reads logs, traces, metrics, health pages and error messages;
//! - whoever reads memory that was freed, for the secrets and the API token, as far as that is possible.
//!
//! Trusted are the process and all code in it, its environment, whatever listens on loopback, the certificate
//! authorities, and your own HTTP client, inner service and source of keys or tokens: all of these see secrets.
//!
//! # What holds it
//!
//! | promise | tests |
//! | --- | --- |
//! | The KEY SECRET and the API token have no getter and are wiped from memory when dropped, and so are the buffers in which a header is made of the KEY SECRET. | `secrets_are_kept_in_memory_that_is_wiped` `no_buffer_that_holds_the_secret_ever_grows` |
//! | The secret of an application key has no getter, either, and is wiped from memory when dropped. | `application_secrets_are_kept_in_memory_that_is_wiped` |
//! | No `Debug`, and nothing that serializes, shows a secret or a token. | `debug_redacts_secrets_and_shows_ids` `debug_of_an_application_key_shows_the_key_only` `no_debug_output_shows_a_secret_or_a_token` |
//! | No span, event or metric holds one, at any level, nor do those of the HTTP stack below. | `no_log_and_no_metric_holds_a_secret` `no_log_of_http2_holds_a_secret` `a_request_that_is_signed_leaves_no_secret_in_any_log` |
//! | Of what a token endpoint answers only `error` and `error_description` get into an error: short, without control characters, and not if they repeat the KEY SECRET. | `what_the_endpoint_says_is_kept_short_and_clean` `a_secret_that_the_endpoint_repeats_stays_out_of_the_error` `an_echoed_request_gets_nothing_secret_into_the_error` |
//! | The key travels over `https` only, or to loopback. | `a_cleartext_endpoint_off_loopback_is_refused_before_any_io` |
//! | The default client takes certificates that Mozilla's authorities vouch for, and no others. TLS is that of the provider that the process has installed, else its own, and it installs none. | `the_default_client_uses_the_provider_of_the_process_and_installs_none` |
//! | No redirect of the token endpoint is followed, unless your own client does. | `a_redirect_is_not_followed` |
//! | A Sinch token goes to Sinch's OAuth APIs over `https`, and to loopback; an API token to the SMS API likewise. Names that look alike, other schemes and a differing `Host` header are refused before anything is sent. | `sinch_apis_are_the_suffix_less_what_takes_another_credential` `sms_service_plans_are_the_regions_of_sms_without_zt` `every_host_header_is_looked_at` `a_request_outside_is_refused_by_name_and_not_sent` `the_api_token_goes_to_no_other_host` |
//! | A signed request goes to Verification and Voice v1 over `https`, and to loopback. Each layer refuses the hosts of the other. | `application_apis_are_verification_and_voice_v1` `what_is_named_like_verification_or_voice_v1_gets_no_token` `a_foreign_host_gets_nothing_and_the_error_says_so` `one_client_serves_both_layers_and_each_refuses_the_hosts_of_the_other` |
//! | A request is sent with a signature of all of it but its query, or not at all. | `everything_that_is_sent_but_the_query_is_signed` `without_room_for_both_headers_nothing_is_sent_half_signed` `several_content_types_are_an_error_and_nothing_is_sent` |
//! | With the redirect layer outside of this one, each hop is checked, and a foreign host gets neither token nor signature. | `over_us_every_hop_gets_what_its_own_host_may_see` `over_us_a_redirect_to_a_foreign_host_is_refused_by_default` `a_redirect_to_a_carrier_gets_no_signature` |
//! | Headers that carry a credential are marked sensitive: HTTP/2 keeps them out of its compression tables. | `the_header_is_sensitive_on_every_attempt` `the_header_that_carries_the_key_is_marked_sensitive` `on_http2_the_header_is_sent_never_indexed_every_time` |
//! | No line break or other control character gets into a header. | `credentials_that_no_server_could_accept_are_refused` `application_keys_that_no_server_could_accept_are_refused` `a_200_that_is_no_token_response_is_told_apart` |
//! | No body makes memory grow: 64 KiB, or what you choose, are collected to sign it, before anything is sent. | `a_body_that_says_it_is_too_long_is_not_read` `a_body_that_turns_out_too_long_is_not_sent` `empty_frames_without_end_leave_the_thread_to_others` |
//! | No answer makes a call hang or memory grow: 64 KiB are read of a token response, 16 KiB of a `401`; attempts and flights end in time; challenges are read with a bound. | `a_body_over_64_kib_is_not_read_to_its_end` `an_endless_body_is_read_up_to_16_kib` `a_hang_before_the_head_or_within_the_body_is_a_timeout` `no_caller_waits_longer_than_the_flight_timeout` `a_hostile_field_is_given_up_soon` `no_more_than_64_authorities_are_remembered` |
//! | An API that always says `401` cannot make us flood the token endpoint. | `an_api_that_always_says_401_costs_few_requests_then_heals` |
//! | Who reads the store that a fleet shares gets no token and no secret. | `who_can_read_the_store_gets_no_token_and_no_secret` `no_command_to_redis_holds_a_secret` |
//! | Who writes to it cannot make a token of theirs be sent. | `what_was_written_by_who_does_not_know_the_secret_is_not_sent` |
//! | A token past its expiry is not sent, whatever happens to the clocks. | `an_expired_token_is_never_served_even_without_another` `the_older_of_both_clocks_wins_at_every_moment` |
//!
//! The crate has no `unsafe` code: the compiler forbids it. Its dependencies have some.
//!
//! # What is not protected
//!
//! - **Memory, in part.** A header value cannot be wiped: the key's, base64-encoded, and the token's stay in freed memory
//!   until it is used again, as do the buffers of the HTTP and TLS stacks. Access tokens are not wiped at all. Copies
//!   that you made, the environment that a key was read from, and memory that is in use (core dumps, swap, a debugger)
//!   are not ours to wipe.
//! - **Errors of your own code.** What your client, your [`TokenSource`](crate::TokenSource) or your
//!   [`AccessKeySource`](crate::AccessKeySource) fails with is logged with all its causes, and may be quoted in the message
//!   that [`TokenStatus`](crate::TokenStatus) serializes; and a panic's message is printed by the panic hook before we
//!   see it. Put no secret there, nor into the address of a token endpoint, which
//!   the `Debug` of [`ClientCredentials`](crate::ClientCredentials) shows.
//! - **Words that hide a secret.** A token endpoint that repeats a part of the KEY SECRET, or all of it in an encoding
//!   of its own, is not caught.
//! - **Other layers.** A middleware that logs headers must respect
//!   [`is_sensitive`](http::HeaderValue::is_sensitive). A redirect policy inside of this layer, or in your own client,
//!   may carry credentials along.
//! - **Tokens for [`Audience::any`](crate::Audience::any)**, which is what custom sources and token endpoints other than
//!   Sinch's have by default, go to any host, in the clear, too. So does an `Authorization` header of your own, and a
//!   request with [`RequestAuth::skip`](crate::RequestAuth::skip) is not looked at.
//! - **Loopback.** A Sinch token goes to any port of it, over `http`, too. If others choose the addresses that you call,
//!   list the hosts: [`Audience::hosts`](crate::Audience::hosts).
//! - **Requests without a host** in their address or `Host` header go where the connection goes: it is not checked.
//! - **Certificates** are neither pinned nor looked up in revocation lists.
//! - **Signatures** are only as fresh as Sinch wants them: one that is intercepted can be sent again until its
//!   timestamp is too old. Neither the query nor headers other than `Content-Type` and `x-timestamp` are signed. The
//!   hash of the body is MD5, because Sinch wants it.
//! - **Request bodies** kept by [`BufferBody`](crate::BufferBody) for the retry are not wiped.
//!
//! Found something? Tell the maintainers in private, not in a public issue.
