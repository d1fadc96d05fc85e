//! A network that a test can make slow, cut, and stop.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::sleep,
};

/// Carries connections to a server. It ends when it is dropped.
pub(crate) struct TcpProxy {
    address: SocketAddr,
    weather: Arc<watch::Sender<Weather>>,
    task: AbortHandle,
}

#[derive(Clone, Copy, Default)]
struct Weather {
    latency: Duration,
    is_stopped: bool,
    /// Grows with each cut.
    cuts: u64,
}

// === impl TcpProxy ===

impl TcpProxy {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let weather = Arc::<watch::Sender<Weather>>::default();
        let task = tokio::spawn(accept(listener, server, Arc::clone(&weather))).abort_handle();
        Self { address, weather, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Holds back each piece for as long, in both directions. Default: not at all.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.weather.send_modify(|weather| weather.latency = latency);
    }

    /// Carries nothing any more, as if the cable were pulled, or goes on. Connections stay open.
    pub(crate) fn set_stopped(&self, is_stopped: bool) {
        self.weather.send_modify(|weather| weather.is_stopped = is_stopped);
    }

    /// Closes the connections that there are. New ones work.
    pub(crate) fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, weather: Arc<watch::Sender<Weather>>) {
    // Dropped with this task, it ends the connections.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let mut watched = weather.subscribe();
        connections.spawn(async move {
            let Ok(server) = TcpStream::connect(server).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let cuts = watched.borrow().cuts;
            let (there, back) = (watched.clone(), watched.clone());
            tokio::select! {
                () = carry(from_client, to_server, there) => {}
                () = carry(from_server, to_client, back) => {}
                _ = watched.wait_for(|weather| weather.cuts != cuts) => {}
            }
        });
    }
}

/// Carries bytes until one side closes.
async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut weather: watch::Receiver<Weather>,
) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let latency = weather.borrow().latency;
        sleep(latency).await;
        let is_up = weather.wait_for(|weather| !weather.is_stopped).await.is_ok();
        if !is_up || to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
