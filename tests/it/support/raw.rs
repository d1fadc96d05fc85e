//! A listener that records requests byte for byte and answers with whatever bytes it is told to.

use std::sync::{Arc, Mutex};

use http::Uri;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What a [`RawServer`] does with a connection once it has read a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Writes these bytes and closes.
    Bytes(Vec<u8>),
    /// Closes at once, with what was sent unread, which resets the connection.
    Reset,
    /// Writes these bytes, which may be none, and keeps the connection open.
    Stall(&'static [u8]),
}

/// One connection, one request, one reply.
#[derive(Debug)]
pub(crate) struct RawServer {
    uri: Uri,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl RawServer {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/oauth2/token", listener.local_addr().unwrap()).parse().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, reply.clone(), Arc::clone(&seen)));
            }
        });
        Self { uri, requests, task }
    }

    /// Answers with this status line, these headers and this body.
    pub(crate) async fn answering(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
        Self::start(Reply::Bytes([head.as_bytes(), body.as_bytes()].concat())).await
    }

    pub(crate) fn uri(&self) -> Uri {
        self.uri.clone()
    }

    /// The requests seen so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, reply: Reply, seen: Arc<Mutex<Vec<String>>>) {
    if matches!(reply, Reply::Reset) {
        seen.lock().unwrap().push(String::new());
        stream.readable().await.unwrap();
        return;
    }
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    seen.lock().unwrap().push(String::from_utf8(request).unwrap());
    match reply {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Reply::Stall(bytes) => {
            let _ = stream.write_all(bytes).await;
            std::future::pending::<()>().await;
        }
        Reply::Reset => {}
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}
