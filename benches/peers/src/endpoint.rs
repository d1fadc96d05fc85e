//! The token endpoint over HTTP, for the peers that fetch their tokens themselves.

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::TcpStream,
    process::ExitCode,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_sinch_auth::TokenErrorKind;

use crate::issuer::Issuer;

/// The command that makes this program the helper which kube-client runs to get a token.
pub(crate) const PRINT_TOKEN: &str = "print-token";

/// Serves `issuer` on loopback, at the URL returned: whoever asks for a token gets one.
pub(crate) async fn serve(issuer: Issuer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let issuer = issuer.clone();
            let answer = service_fn(move |_: Request<Incoming>| answer(issuer.clone()));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    format!("http://{address}/token")
}

async fn answer(issuer: Issuer) -> Result<Response<Full<Bytes>>, Infallible> {
    let token = match issuer.issue().await {
        Ok(token) => token,
        Err(error) => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = match error.kind() {
                TokenErrorKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            return Ok(response);
        }
    };
    let expires_in = issuer.lifetime().as_secs();
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in });
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    Ok(response.body(Full::from(body.to_string())).expect("a response"))
}

/// Fetches a token from `url`, and prints it as kube-client's adapter tells kube-client to expect it.
pub(crate) fn print_token(url: &str) -> ExitCode {
    let Some(token) = fetch(url) else {
        return ExitCode::FAILURE;
    };
    let lifetime = token.get("expires_in").and_then(Value::as_i64).unwrap_or_default();
    let expiry = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(lifetime);
    println!("{}", json!({ "token": token.get("access_token"), "expiry": expiry.to_string() }));
    ExitCode::SUCCESS
}

fn fetch(url: &str) -> Option<Value> {
    let uri: Uri = url.parse().ok()?;
    let mut stream = TcpStream::connect(uri.authority()?.as_str()).ok()?;
    write!(stream, "POST {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", uri.path(), uri.authority()?)
        .ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    let (_, body) = response.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}
