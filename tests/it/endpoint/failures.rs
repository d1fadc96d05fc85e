//! Whatever an endpoint does is a typed error, says nothing secret, and the next call can succeed.

use std::{
    error::Error,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::stream;
use http::{Request, Response, Uri};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, time::sleep};
use tower_sinch_auth::{
    BoxError, ClientCredentials, TokenError, TokenErrorKind, TokenRefresher, TokenSource,
};

use super::{BASIC, SECRET, TOKEN, credentials, fetch, fetch_from, key};
use crate::support::raw::{RawServer, Reply};

#[track_caller]
fn assert_error(error: &TokenError, kind: TokenErrorKind, transient: bool) {
    assert_eq!((error.kind(), error.is_transient()), (kind, transient), "{error}");
    let message = error.to_string();
    let mut shown = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        assert!(
            !message.contains(&error.to_string()),
            "a cause is in the source or in the message: {message}"
        );
        shown = format!("{shown} {error} {error:?}");
        cause = error.source();
    }
    for secret in [SECRET, "s3cret", BASIC, "dGhl"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let server = RawServer::start(Reply::Stall(b"")).await;
    let error = credentials(&server).endpoint(uri).fetch().await.unwrap_err();
    assert_error(&error, TokenErrorKind::Unavailable, true);
    assert!(error.to_string().contains("refused the connection"), "{error}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_host_name_that_does_not_resolve_is_told_as_such() {
    let resolver = tower::service_fn(|_: Name| async {
        Err::<std::iter::Empty<SocketAddr>, _>(io::Error::other("nobody knows"))
    });
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new_with_resolver(resolver));
    let credentials = ClientCredentials::with_client(client, key())
        .endpoint(Uri::from_static("http://localhost/oauth2/token"));
    let error = credentials.fetch().await.unwrap_err();
    assert_error(&error, TokenErrorKind::Unavailable, true);
    assert!(error.to_string().contains("host name of the token endpoint could not be resolved"), "{error}");
}

#[tokio::test]
async fn an_answer_cut_off_too_long_or_not_http_is_reported_as_such() {
    const CLOSED: &str = "closed the connection before it answered";
    let long_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    for (reply, what) in [
        (Reply::Reset, CLOSED),
        (Reply::Bytes(Vec::new()), CLOSED),
        (Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()), CLOSED),
        (Reply::Bytes(long_head.into_bytes()), "head of the token response is too large"),
        (Reply::Bytes(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), "is not HTTP"),
    ] {
        let error = fetch_from(reply.clone()).await.unwrap_err();
        assert_error(&error, TokenErrorKind::Unavailable, true);
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn an_error_that_only_the_client_understands_is_quoted() {
    let client = tower::service_fn(|_: Request<Full<Bytes>>| async {
        Err::<Response<Full<Bytes>>, BoxError>("the proxy wants a fee".into())
    });
    let error = ClientCredentials::with_client(client, key()).fetch().await.unwrap_err();
    assert_error(&error, TokenErrorKind::Unavailable, true);
    assert!(error.to_string().contains("the token request failed: the proxy wants a fee;"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_compressed_unasked_is_a_terminal_error() {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let client = tower::service_fn(move |_: Request<Full<Bytes>>| {
        counter.fetch_add(1, Ordering::SeqCst);
        let gzip = Full::<Bytes>::from(&b"\x1f\x8b\x08\x00"[..]);
        async { Response::builder().header("content-encoding", "gzip").body(gzip) }
    });
    let tokens = TokenRefresher::new(ClientCredentials::with_client(client, key()));
    let error = tokens.token().await.unwrap_err();
    assert_error(&error, TokenErrorKind::InvalidResponse, false);
    assert!(error.to_string().contains("compressed"), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_decompressed_on_the_way_is_a_token() {
    for encoding in ["gzip", "identity"] {
        let header = format!("content-encoding: {encoding}\r\n");
        fetch(&RawServer::answering("200 OK", &header, TOKEN).await).await.unwrap();
    }
    let server = RawServer::answering("200 OK", "content-encoding: Identity\r\n", "<html>").await;
    assert_error(&fetch(&server).await.unwrap_err(), TokenErrorKind::InvalidResponse, true);
}

#[tokio::test]
async fn a_reset_or_closed_connection_is_unavailable() {
    for reply in [Reply::Reset, Reply::Bytes(Vec::new()), Reply::Bytes(b"HTTP/1.1 200".to_vec())] {
        assert_error(&fetch_from(reply).await.unwrap_err(), TokenErrorKind::Unavailable, true);
    }
}

#[tokio::test]
async fn a_connection_cut_mid_body_is_a_transient_invalid_response() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"access_token\":\"abc".to_vec();
    assert_error(&fetch_from(Reply::Bytes(cut)).await.unwrap_err(), TokenErrorKind::InvalidResponse, true);
}

#[tokio::test]
async fn a_hang_before_the_head_or_within_the_body_is_a_timeout() {
    for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"] {
        let server = RawServer::start(Reply::Stall(bytes)).await;
        let credentials = credentials(&server).attempt_timeout(Duration::from_millis(50));
        assert_error(&credentials.fetch().await.unwrap_err(), TokenErrorKind::TimedOut, true);
    }
}

#[tokio::test]
async fn a_failure_whose_body_stalls_is_known_by_its_head() {
    let reply =
        Reply::Stall(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 9\r\n\r\n{");
    let server = RawServer::start(reply).await;
    let error = credentials(&server).attempt_timeout(Duration::from_secs(2)).fetch().await.unwrap_err();
    assert_error(&error, TokenErrorKind::Unavailable, true);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn the_attempt_timeout_includes_the_key_source() {
    let server = RawServer::answering("200 OK", "", TOKEN).await;
    let never = || std::future::pending();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let credentials = ClientCredentials::with_client(client, never)
        .endpoint(server.uri())
        .attempt_timeout(Duration::from_millis(20));
    let error = credentials.fetch().await.unwrap_err();
    assert_error(&error, TokenErrorKind::TimedOut, true);
    assert!(error.to_string().contains("the access key was not read in time"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn key_source_head_and_body_share_one_attempt_timeout() {
    const EACH: Duration = Duration::from_secs(4);
    let client = tower::service_fn(|_: Request<Full<Bytes>>| async {
        sleep(EACH).await;
        let body = stream::once(async {
            sleep(EACH).await;
            Ok::<_, BoxError>(Frame::data(Bytes::from_static(TOKEN.as_bytes())))
        });
        Ok::<_, BoxError>(Response::new(StreamBody::new(body)))
    });
    let slow_key = || async {
        sleep(EACH).await;
        Ok(key())
    };
    let credentials = ClientCredentials::with_client(client, slow_key);
    let error = credentials.clone().fetch().await.unwrap_err();
    assert_error(&error, TokenErrorKind::TimedOut, true);
    credentials.attempt_timeout(4 * EACH).fetch().await.unwrap();
}

#[tokio::test]
async fn a_body_over_64_kib_is_not_read_to_its_end() {
    let padding = " ".repeat(64 * 1024 + 1 - TOKEN.len());
    let server = RawServer::answering("200 OK", "", &format!("{TOKEN}{padding}")).await;
    assert_error(&fetch(&server).await.unwrap_err(), TokenErrorKind::InvalidResponse, false);
    let padding = " ".repeat(64 * 1024 - TOKEN.len());
    let server = RawServer::answering("200 OK", "", &format!("{TOKEN}{padding}")).await;
    fetch(&server).await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = RawServer::answering("200 OK", "", TOKEN).await;
    for status in ["302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}\r\n", target.uri());
        let server = RawServer::answering(status, &location, "").await;
        assert_error(&fetch(&server).await.unwrap_err(), TokenErrorKind::InvalidResponse, false);
    }
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn a_wrong_key_is_told_with_what_to_do() {
    let body =
        r#"{"error":"invalid_client","error_description":"Client authentication failed","status_code":401}"#;
    let server = RawServer::answering("401 Unauthorized", "", body).await;
    let error = fetch(&server).await.unwrap_err();
    assert_error(&error, TokenErrorKind::Rejected, false);
    assert_eq!(error.oauth_error(), Some("invalid_client"));
    let message = error.to_string();
    for words in ["KEY ID", "KEY SECRET", "create a new access key", "Client authentication failed", "401"] {
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn retry_after_comes_with_the_error() {
    let server = RawServer::answering("429 Too Many Requests", "retry-after: 7\r\n", "").await;
    let error = fetch(&server).await.unwrap_err();
    assert_error(&error, TokenErrorKind::Throttled, true);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn an_echoed_request_gets_nothing_secret_into_the_error() {
    let body = format!(r#"{{"error":"{BASIC}","error_description":"bad: {SECRET}"}}"#);
    let server = RawServer::answering("400 Bad Request", "", &body).await;
    assert_error(&fetch(&server).await.unwrap_err(), TokenErrorKind::Rejected, false);
}

#[tokio::test]
async fn no_debug_output_shows_a_secret_or_a_token() {
    let server = RawServer::answering("200 OK", "", TOKEN).await;
    let credentials = credentials(&server);
    let issued = credentials.fetch().await.unwrap();
    let builder = TokenRefresher::builder(credentials.clone());
    let built = format!("{builder:?}");
    let tokens = builder.build();
    let token = tokens.token().await.unwrap();
    let layer = tower_sinch_auth::SinchAuthLayer::new(tokens.clone());
    let service = tower::Layer::layer(&layer, ());
    for (name, shown) in [
        ("AccessKey", format!("{:?}", key())),
        ("ClientCredentials", format!("{credentials:?}")),
        #[cfg(feature = "client")]
        ("HttpsClient", format!("{:?}", tower_sinch_auth::HttpsClient::shared())),
        ("IssuedToken", format!("{issued:?}")),
        ("TokenRefresherBuilder", built),
        ("TokenRefresher", format!("{tokens:?}")),
        ("AccessToken", format!("{token:?}")),
        ("TokenStatus", format!("{:?}", tokens.status())),
        ("SinchAuthLayer", format!("{layer:?}")),
        ("SinchAuth", format!("{service:?}")),
        ("{", serde_json::to_string(&tokens.status()).unwrap()),
    ] {
        assert!(shown.starts_with(name), "{name}: {shown}");
        for secret in ["abc", "s3cret", BASIC] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
