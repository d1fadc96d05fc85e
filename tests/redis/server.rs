//! Redis servers on loopback, each of its own, ended by the id of its process.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use redis::{Client, FromRedisValue, aio::MultiplexedConnection};
use tokio::time::sleep;

/// A server that keeps nothing on disk. It is killed when dropped.
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    folder: PathBuf,
    options: Vec<String>,
}

// === impl RedisServer ===

impl RedisServer {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a server with these options of its command line.
    pub(crate) async fn with(options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        // Somebody may take the free port before the server does.
        for _ in 0..10 {
            let port = free_port();
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let folder = format!("sinch-auth-redis-{}-{number}", std::process::id());
            let folder = env::temp_dir().join(folder);
            fs::create_dir_all(&folder).unwrap();
            let child = spawn(port, &folder, &options);
            let mut server = Self { child, port, folder, options: options.clone() };
            if server.answers().await {
                return server;
            }
        }
        panic!("no Redis server started with {options:?}");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn client(&self) -> Client {
        Client::open(self.url()).unwrap()
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        self.client().get_multiplexed_async_connection().await.unwrap()
    }

    /// Runs a command, its words parted by spaces.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split_ascii_whitespace();
        let mut command = redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        command.query_async(&mut self.connect().await).await.unwrap()
    }

    /// Stops the process, connections and all, until it is [resumed](Self::resume).
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts a killed server again, at the same port.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder, &self.options);
        assert!(self.answers().await, "somebody has taken the port");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until the server answers. Returns whether it does, rather than ends.
    async fn answers(&mut self) -> bool {
        while self.child.try_wait().unwrap().is_none() {
            let connection = self.client().get_multiplexed_async_connection().await;
            if let Ok(mut connection) = connection
                && self.is_this_process(&mut connection).await
            {
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Another server may answer at this port.
    async fn is_this_process(&self, connection: &mut MultiplexedConnection) -> bool {
        let info = redis::cmd("INFO").arg("server").query_async::<String>(connection).await;
        info.is_ok_and(|info| info.contains(&format!("process_id:{}\r\n", self.child.id())))
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Returns a port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn spawn(port: u16, folder: &PathBuf, options: &[String]) -> Child {
    let binary = env::var("REDIS_SERVER").expect("REDIS_SERVER is not set: `tests/redis/run` sets it");
    Command::new(binary)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()])
        .arg("--dir")
        .arg(folder)
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("REDIS_SERVER is no program")
}
