//! A Redis of the example's own, and processes that are the example again.

use std::{
    env, fmt,
    io::{self, Write},
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use redis::Client;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::sleep,
};
use tower_sinch_auth::{BoxError, RedisStore, testing::FakeSinch};

use super::fleet::{Fleet, Process, Seen, api, lock, work};

/// Tells a process that it is one of the fleet: the addresses of token endpoint, API and Redis.
const ROLE: &str = "FLEET_EXAMPLE_PROCESS";

/// A Redis on loopback, which ends with this.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

/// A process that is one of the fleet.
pub(crate) struct Member([String; 3]);

pub(crate) fn told_to_be_a_process() -> Option<Member> {
    let told = env::var(ROLE).ok()?;
    let addresses: Vec<_> = told.split(' ').map(str::to_owned).collect();
    addresses.try_into().ok().map(Member)
}

// === impl Member ===

impl Member {
    pub(crate) async fn run(self) -> Result<(), BoxError> {
        let Self([endpoint, api, redis]) = self;
        // It does not connect again. In production take a `ConnectionManager`: see the docs of `RedisStore`.
        let connection = Client::open(redis)?.get_multiplexed_async_connection().await?;
        let say = |seen: Seen| writeln!(io::stdout(), "{}", seen.to_line());
        work(endpoint.parse()?, api.parse()?, RedisStore::new(connection), say).await
    }
}

// === impl Server ===

impl Server {
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let named = env::var("REDIS_SERVER").ok();
        let binaries = named.as_deref().map_or(vec!["redis-server", "valkey-server"], |named| vec![named]);
        let spawned = binaries.iter().find_map(|binary| spawn(binary, port).ok());
        let child = spawned.ok_or_else(|| format!("cannot start {}", binaries.join(" or ")))?;
        let server = Self { child, port };
        for _ in 0..100 {
            if Client::open(server.url())?.get_multiplexed_async_connection().await.is_ok() {
                return Ok(server);
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err("it does not answer".into())
    }

    /// Starts the processes of a fleet over this.
    pub(crate) fn fleet(self, sinch: &FakeSinch, count: usize) -> Result<Fleet, BoxError> {
        let role = format!("{} {} {}", sinch.token_endpoint(), api(sinch), self.url());
        let processes: Result<Vec<_>, _> = (0..count).map(|_| member(&role)).collect();
        // `kill` is the one way to stop a process that the standard library does not have.
        let stop = move |stop| {
            let signal = if stop { "-STOP" } else { "-CONT" };
            let _ = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        };
        Ok(Fleet::new(sinch, processes?, stop))
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(binary: &str, port: u16) -> io::Result<Child> {
    Command::new(binary)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()])
        .current_dir(env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
}

/// Starts a process. It ends when nobody reads what it says.
fn member(role: &str) -> io::Result<Process> {
    let mut child = tokio::process::Command::new(env::current_exe()?)
        .env(ROLE, role)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let told = Arc::clone(&seen);
    if let Some(said) = child.stdout.take() {
        tokio::spawn(async move {
            let mut lines = BufReader::new(said).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(now) = Seen::from_line(&line) {
                    lock(&told).update(now);
                }
            }
        });
    }
    Ok(Process::new(seen, move || {
        // SIGKILL: it has no time to release what it holds.
        let _ = child.start_kill();
    }))
}
