//! [`Api`]: a server that is no part of the crate, for HTTP/1.1 or for HTTP/2. What it answers is
//! [`arrival`](crate::arrival)'s.

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::Uri;
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

use crate::{arrival::answer, book::Book, misbehaviour::Mood, tokens::Tokens};

/// One server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Api {
    port: u16,
    server: AbortHandle,
}

/// What the servers go by, and where they enter what they see.
#[derive(Debug)]
pub(crate) struct Court {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) book: Arc<Book>,
    pub(crate) mood: Mood,
    pub(crate) seed: u64,
    /// Open right now.
    pub(crate) connections: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// With prior knowledge.
    Http2,
}

/// Counts a connection as open until dropped.
struct Open<'a>(&'a AtomicU64);

/// How many servers there are; each is an authority of its own, known by its index.
pub(crate) const APIS: usize = 4;
/// What each speaks.
pub(crate) const PROTOCOLS: [Protocol; APIS] =
    [Protocol::Http1, Protocol::Http1, Protocol::Http2, Protocol::Http2];
/// Streams that callers reset before the server has seen them, far beyond what abandoned calls come to.
const MANY_RESETS: usize = 100_000;

// === impl Api ===

impl Api {
    /// Starts the server with this index.
    pub(crate) async fn start(court: Arc<Court>, index: usize) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                        connections.spawn(serve(stream, Arc::clone(&court), index));
                    },
                    // At once, lest what has ended counts as growth.
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self { port, server: server.abort_handle() })
    }

    pub(crate) fn uri(&self, call: u64) -> Uri {
        let uri = format!("http://127.0.0.1:{}/v1/calls/{call}?soak=yes", self.port);
        uri.parse().expect("a URI")
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        // The connections are the server task's, and end with it.
        self.server.abort();
    }
}

async fn serve(stream: TcpStream, court: Arc<Court>, index: usize) {
    let _open = Open::new(&court.connections);
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(stream);
    match PROTOCOLS[index] {
        Protocol::Http1 => {
            let service = service_fn(|request| answer(request, &court, index));
            let _ = http1::Builder::new().serve_connection(io, service).await;
        }
        Protocol::Http2 => {
            let court = Arc::clone(&court);
            let service = service_fn(move |request| {
                let court = Arc::clone(&court);
                async move { answer(request, &court, index).await }
            });
            let _ = http2::Builder::new(TokioExecutor::new())
                .max_pending_accept_reset_streams(MANY_RESETS)
                .serve_connection(io, service)
                .await;
        }
    }
}

// === impl Open ===

impl<'a> Open<'a> {
    fn new(connections: &'a AtomicU64) -> Self {
        connections.fetch_add(1, Ordering::Relaxed);
        Self(connections)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
