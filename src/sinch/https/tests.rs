use std::{io, net::SocketAddr, sync::Arc, time::Duration, vec};

use http::Uri;
use hyper_util::{
    client::legacy::{Client, connect::dns::Name},
    rt::TokioExecutor,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tower::service_fn;

use super::{connector, provider};
use crate::{
    sinch::{access_key::AccessKey, client_credentials::ClientCredentials},
    token::TokenSource,
};

const LOOPBACK: &str = "127.0.0.1:0";

/// Connections that fill the backlog of the listener among them: it answers no other.
struct BlackHole {
    address: SocketAddr,
    _listener: TcpListener,
    _connections: Vec<TcpStream>,
}

async fn black_hole() -> BlackHole {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(LOOPBACK.parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut connections = Vec::new();
    while let Ok(connection) = timeout(Duration::from_millis(250), TcpStream::connect(address)).await {
        connections.push(connection.unwrap());
        assert!(connections.len() < 64, "the backlog has no end");
    }
    BlackHole { address, _listener: listener, _connections: connections }
}

/// Issues a token to whoever asks.
async fn living() -> SocketAddr {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"grant_type=client_credentials") {
                if stream.read_buf(&mut request).await.unwrap() == 0 {
                    break;
                }
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"access_token\":\"t\"}";
            stream.write_all(answer).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn one_attempt_tries_every_address_of_the_token_endpoint() {
    let (dead, alive) = (black_hole().await, living().await);
    let addresses = vec![dead.address, alive];
    let resolver = service_fn(move |_: Name| {
        let addresses: vec::IntoIter<SocketAddr> = addresses.clone().into_iter();
        async { Ok::<_, io::Error>(addresses) }
    });
    let client =
        Client::builder(TokioExecutor::new()).build(connector(resolver, Arc::new(provider())).unwrap());
    let key = AccessKey::new("id", "secret").unwrap();
    // Without a port, so that those of the addresses count.
    let endpoint = Uri::from_static("http://localhost/oauth2/token");
    let token = ClientCredentials::with_client(client, key).endpoint(endpoint).fetch().await.unwrap();
    assert_eq!(token.authorization(), "Bearer t");
}
