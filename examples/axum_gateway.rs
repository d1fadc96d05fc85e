//! An axum server that passes `/sinch/*` on to Sinch, bodies streaming, with our token instead of the caller's.
//! `cargo run --example axum_gateway`: with credentials in the environment it serves until Ctrl-C, else it visits itself.

mod support;
#[path = "support/visit.rs"]
mod visit;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{StatusCode, header::HOST},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{net::TcpListener, time::timeout};
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use tower_sinch_auth::{BoxError, BufferBody, ExistingAuthorization, SinchAuthLayer, TokenRefresher};

#[derive(Clone)]
struct Gateway {
    sinch: BoxCloneSyncService<Request, Response, BoxError>,
    tokens: TokenRefresher,
    project: String,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let target = support::target().await?;
    let https = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build(https);
    let layer = SinchAuthLayer::new(target.tokens.clone())
        .existing_authorization(ExistingAuthorization::Replace)
        .replay(BufferBody::up_to(64 * 1024)); // larger uploads are streamed, and not sent again after a 401
    let sinch = ServiceBuilder::new().map_response(IntoResponse::into_response).layer(layer).service(client);

    let state = Gateway {
        sinch: BoxCloneSyncService::new(sinch),
        tokens: target.tokens.clone(),
        project: target.project.clone(),
    };
    let router =
        Router::new().route("/sinch/{*path}", any(forward)).route("/healthz", get(healthz)).with_state(state);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let gateway = format!("http://{}", listener.local_addr()?);
    println!("serving {gateway}/sinch/* and {gateway}/healthz");
    let fake = target.fake.clone();
    let stop = async move {
        match fake {
            Some(fake) => {
                visit::visit(&fake, &gateway).await.unwrap_or_else(|error| println!("failed: {error}"));
            }
            None => tokio::signal::ctrl_c().await.unwrap_or_default(),
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    target.report();
    Ok(())
}

async fn forward(
    State(gateway): State<Gateway>,
    Path(path): Path<String>,
    mut request: Request,
) -> Result<Response, (StatusCode, String)> {
    let uri = format!("{}/{path}", gateway.project).parse();
    *request.uri_mut() = uri.map_err(|_| (StatusCode::BAD_REQUEST, "not a path".to_owned()))?;
    request.headers_mut().remove(HOST);
    gateway.sinch.oneshot(request).await.map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))
}

/// Down when calls would fail; not when a refresh failed with a valid token at hand, and not for want of calls. While
/// down it asks for a token itself, no more often than calls would: without any, it would never be up again.
async fn healthz(State(Gateway { tokens, .. }): State<Gateway>) -> impl IntoResponse {
    let failing = tokens.cached().is_none() && tokens.status().last_error.is_some();
    let down = failing && !matches!(timeout(Duration::from_secs(1), tokens.token()).await, Ok(Ok(_)));
    (if down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, Json(tokens.status()))
}
