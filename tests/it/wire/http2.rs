//! What HTTP/2 does with the header, read off the wire.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{IssuedToken, SinchAuthLayer};

use super::Issuer;

/// Length of the client's connection preface (RFC 9113 §3.4), and of a frame's head (§4.1).
const PREFACE: usize = 24;
const FRAME_HEAD: usize = 9;
/// The type of a HEADERS frame (RFC 9113 §6.2).
const HEADERS: u8 = 1;
/// `authorization` is entry 23 of HPACK's static table (RFC 7541 appendix A), here as a literal that is never indexed
/// (§6.2.3): `0001` and a 4-bit prefix, which 23 overflows by 8.
const NEVER_INDEXED_AUTHORIZATION: [u8; 2] = [0x1f, 0x08];

/// Forwards one connection to `port`, keeping what the client sends.
async fn tap(port: u16) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tapped = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            kept.lock().unwrap().extend_from_slice(&buffer[..read]);
            to_server.write_all(&buffer[..read]).await.unwrap();
        }
    });
    (tapped, seen)
}

/// The payloads of all HEADERS frames.
fn header_blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut rest = &bytes[PREFACE..];
    while rest.len() >= FRAME_HEAD {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        let end = (FRAME_HEAD + length).min(rest.len());
        if rest[3] == HEADERS {
            blocks.push(&rest[FRAME_HEAD..end]);
        }
        rest = &rest[end..];
    }
    blocks
}

#[tokio::test]
async fn on_http2_the_header_is_sent_never_indexed_every_time() {
    let issuer = Issuer::default();
    // From now on it takes `token-1`, which comes from elsewhere.
    issuer.revoke();
    let (port, seen) = tap(issuer.serve(None).await).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let tokens = || async { IssuedToken::bearer("token-1", None) };
    let service = SinchAuthLayer::new(tokens).layer(client);
    for _ in 0..3 {
        let request = Request::get(format!("http://127.0.0.1:{port}/v1/x")).body(Full::default()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "HTTP/2");
    }
    let seen = seen.lock().unwrap();
    let blocks = header_blocks(&seen);
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        assert!(block.windows(2).any(|bytes| bytes == NEVER_INDEXED_AUTHORIZATION), "{block:02x?}");
    }
}
