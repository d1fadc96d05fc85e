//! What a store in Redis does while Redis is not well: it fails, and works again afterwards.

use std::{net::Ipv4Addr, time::Duration};

use redis::{
    Client,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::time::{sleep, timeout};
use tower_sinch_auth::{RedisStore, Stored, TokenStore};

use super::{
    proxy::TcpProxy,
    server::{RedisServer, free_port},
};

const MINUTE: Duration = Duration::from_secs(60);
const A_MOMENT: Duration = Duration::from_millis(300);
const NAME: &str = "{0123456789abcdef0123456789abcdef}:token";

type Managed = RedisStore<ConnectionManager>;

fn settings() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new().set_number_of_retries(1).set_max_delay(A_MOMENT)
}

fn managed(port: u16, settings: ConnectionManagerConfig) -> Managed {
    let client = Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
    RedisStore::new(ConnectionManager::new_lazy_with_config(client, settings).unwrap())
}

async fn value(store: &impl TokenStore) -> Option<Vec<u8>> {
    store.load(NAME).await.unwrap().map(|stored| stored.value.to_vec())
}

/// Loads until it works, with ever more patience.
async fn load_at_last(store: &impl TokenStore) -> Option<Stored> {
    let mut patience = A_MOMENT;
    loop {
        match timeout(patience, store.load(NAME)).await {
            Ok(Ok(stored)) => return stored,
            Ok(Err(_)) => sleep(Duration::from_millis(20)).await,
            Err(_) => patience *= 2,
        }
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_an_error() {
    let server = RedisServer::start().await;
    let store = RedisStore::new(server.connect().await);
    server.run::<()>(&format!("RPUSH sinch-auth:{NAME} 1")).await;
    let error = store.load(NAME).await.unwrap_err().to_string();
    assert!(error.contains("WRONGTYPE"), "{error}");
    assert!(store.compare_and_set(NAME, Some(b"1"), b"2", MINUTE).await.is_err());
    assert!(store.compare_and_remove(NAME, b"1").await.is_err());
    // There is something, which is all that this asks.
    assert!(!store.compare_and_set(NAME, None, b"2", MINUTE).await.unwrap());
}

#[tokio::test]
async fn a_replica_loads_and_refuses_the_rest() {
    let primary = RedisServer::start().await;
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]).await;
    let [written, store] = [primary.connect().await, replica.connect().await].map(RedisStore::new);
    assert!(written.compare_and_set(NAME, None, b"1", MINUTE).await.unwrap());
    while load_at_last(&store).await.is_none() {
        sleep(Duration::from_millis(50)).await;
    }
    for operation in [
        store.compare_and_set(NAME, None, b"2", MINUTE).await,
        store.compare_and_set(NAME, Some(b"1"), b"2", MINUTE).await,
        store.compare_and_remove(NAME, b"1").await,
    ] {
        let error = operation.unwrap_err().to_string();
        assert!(error.contains("READONLY") || error.contains("read only"), "{error}");
    }
    assert_eq!(value(&store).await.as_deref(), Some(&b"1"[..]));
}

#[tokio::test]
async fn a_full_server_loads_and_removes_and_refuses_to_write() {
    let server = RedisServer::with(&["--maxmemory-policy", "noeviction"]).await;
    let store = RedisStore::new(server.connect().await);
    assert!(store.compare_and_set(NAME, None, b"1", MINUTE).await.unwrap());
    server.run::<()>("CONFIG SET maxmemory 1").await;
    for operation in [
        store.compare_and_set("other", None, b"2", MINUTE).await,
        store.compare_and_set(NAME, Some(b"1"), b"2", MINUTE).await,
    ] {
        let error = operation.unwrap_err().to_string();
        assert!(error.contains("OOM") || error.contains("memory"), "{error}");
    }
    assert_eq!(value(&store).await.as_deref(), Some(&b"1"[..]));
    assert!(store.compare_and_remove(NAME, b"1").await.unwrap());
    server.run::<()>("CONFIG SET maxmemory 0").await;
    assert!(store.compare_and_set(NAME, None, b"2", MINUTE).await.unwrap());
}

#[tokio::test]
async fn a_server_that_is_stopped_keeps_its_callers_waiting_and_works_when_it_goes_on() {
    let server = RedisServer::start().await;
    let store = managed(server.port(), settings().set_response_timeout(None));
    assert!(store.compare_and_set(NAME, None, b"1", MINUTE).await.unwrap());
    server.stop();
    assert!(timeout(A_MOMENT, store.load(NAME)).await.is_err(), "it answered");
    server.resume();
    assert!(load_at_last(&store).await.is_some());
}

#[tokio::test]
async fn a_server_that_is_stopped_is_an_error_after_the_time_limit_of_the_connection() {
    let server = RedisServer::start().await;
    let store = managed(server.port(), settings().set_response_timeout(Some(A_MOMENT)));
    assert!(store.compare_and_set(NAME, None, b"1", MINUTE).await.unwrap());
    server.stop();
    assert!(store.load(NAME).await.is_err());
    server.resume();
    assert!(load_at_last(&store).await.is_some());
}

#[tokio::test]
async fn a_server_that_is_killed_is_an_error_until_there_is_one_again() {
    let mut server = RedisServer::start().await;
    let store = managed(server.port(), settings());
    assert!(store.compare_and_set(NAME, None, b"1", MINUTE).await.unwrap());
    server.kill();
    for _ in 0..3 {
        assert!(store.load(NAME).await.is_err());
        assert!(store.compare_and_set(NAME, None, b"2", MINUTE).await.is_err());
        assert!(store.compare_and_remove(NAME, b"1").await.is_err());
    }
    server.restart().await;
    assert_eq!(load_at_last(&store).await, None);
    assert!(store.compare_and_set(NAME, None, b"2", MINUTE).await.unwrap());
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_was_idle_costs_no_load() {
    let mut server = RedisServer::start().await;
    let store = managed(server.port(), settings());
    assert!(store.compare_and_set(NAME, None, b"1", MINUTE).await.unwrap());
    for _ in 0..3 {
        server.run::<()>("CLIENT KILL TYPE normal").await;
        assert_eq!(value(&store).await.as_deref(), Some(&b"1"[..]));
    }
    server.kill();
    assert!(store.load(NAME).await.is_err());
    server.restart().await;
    assert_eq!(store.load(NAME).await.unwrap(), None);
}

#[tokio::test]
async fn a_process_may_start_before_its_server() {
    let store = managed(free_port(), settings());
    assert!(store.load(NAME).await.is_err());

    let mut server = RedisServer::start().await;
    server.kill();
    let store = managed(server.port(), settings());
    assert!(store.load(NAME).await.is_err());
    server.restart().await;
    assert_eq!(load_at_last(&store).await, None);
}

#[tokio::test]
async fn a_network_that_is_slow_cut_or_down_is_survived() {
    let server = RedisServer::start().await;
    let network = TcpProxy::start((Ipv4Addr::LOCALHOST, server.port()).into()).await;
    let store = managed(network.address().port(), settings().set_response_timeout(None));
    assert!(store.compare_and_set(NAME, None, b"1", MINUTE).await.unwrap());

    network.set_latency(A_MOMENT);
    assert!(timeout(A_MOMENT, store.load(NAME)).await.is_err(), "it was not slow");
    assert!(store.load(NAME).await.unwrap().is_some());
    network.set_latency(Duration::ZERO);

    network.cut();
    assert!(load_at_last(&store).await.is_some());

    network.set_stopped(true);
    assert!(timeout(A_MOMENT, store.load(NAME)).await.is_err(), "it answered");
    network.set_stopped(false);
    assert!(load_at_last(&store).await.is_some());
}

#[tokio::test]
async fn an_operation_that_is_given_up_may_take_effect() {
    let server = RedisServer::start().await;
    let store = managed(server.port(), settings().set_response_timeout(None));
    assert_eq!(value(&store).await, None);
    server.stop();
    let set = store.compare_and_set(NAME, None, b"1", MINUTE);
    assert!(timeout(A_MOMENT, set).await.is_err());
    server.resume();
    assert!(load_at_last(&store).await.is_some());
}
