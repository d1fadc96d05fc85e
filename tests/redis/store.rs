//! What a store in Redis does while Redis is well.

use std::{fs, time::Duration};

use redis::{
    Client,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tower_sinch_auth::{RedisStore, TokenStore, testing::check_store};

use super::server::RedisServer;

const MINUTE: Duration = Duration::from_secs(60);
const NAME: &str = "{0123456789abcdef0123456789abcdef}:token";

#[tokio::test]
async fn it_keeps_the_rules_of_a_store() {
    let server = RedisServer::start().await;
    check_store(&RedisStore::new(server.connect().await)).await;
    let resp3 = Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    check_store(&RedisStore::new(resp3.get_multiplexed_async_connection().await.unwrap())).await;
    check_store(&RedisStore::new(ConnectionManager::new(server.client()).await.unwrap())).await;
}

#[tokio::test]
async fn each_command_is_one_that_a_cluster_takes() {
    let server = RedisServer::with(&["--cluster-enabled", "yes"]).await;
    server.run::<()>("CLUSTER ADDSLOTSRANGE 0 16383").await;
    while !server.run::<String>("CLUSTER INFO").await.contains("cluster_state:ok") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    check_store(&RedisStore::new(server.connect().await)).await;
}

/// Returns the line of the documentation that makes a user.
fn documented_user() -> String {
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/fleet/redis_store.rs")).unwrap();
    let line = docs.lines().find_map(|line| line.strip_prefix("/// ACL SETUSER")).unwrap();
    format!("ACL SETUSER{line}")
}

#[tokio::test]
async fn the_documented_user_has_all_rights_that_it_needs_and_no_other() {
    let server = RedisServer::start().await;
    server.run::<()>(&documented_user()).await;
    server.run::<()>("SET another 1").await;
    let url = format!("redis://sinch-auth:password@127.0.0.1:{}/", server.port());
    let connection = Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let store = RedisStore::new(connection.clone());
    check_store(&store).await;

    let foreign = store.name_prefix("another");
    let error = foreign.load(NAME).await.unwrap_err().to_string();
    assert!(error.contains("keys"), "{error}");
    for denied in ["KEYS *", "GET another", "FLUSHALL", "CONFIG GET *", "SCRIPT FLUSH", "EVALSHA 00 0"] {
        let mut words = denied.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| _ = command.arg(word));
        let answer = command.query_async::<()>(&mut connection.clone()).await;
        let error = answer.expect_err(denied).to_string();
        assert!(error.to_lowercase().contains("permission"), "{denied}: {error}");
    }
}

#[tokio::test]
async fn a_key_is_the_prefix_a_colon_and_the_name() {
    let server = RedisServer::start().await;
    let store = RedisStore::new(server.connect().await);
    assert!(store.compare_and_set(NAME, None, b"1", MINUTE).await.unwrap());
    assert!(store.clone().name_prefix("mine").compare_and_set(NAME, None, b"2", MINUTE).await.unwrap());
    for (key, value) in [(format!("sinch-auth:{NAME}"), "1"), (format!("mine:{NAME}"), "2")] {
        assert_eq!(server.run::<String>(&format!("GET {key}")).await, value);
    }
    assert_eq!(server.run::<u32>("DBSIZE").await, 2);
}

#[tokio::test]
async fn an_entry_without_end_says_so() {
    let server = RedisServer::start().await;
    let store = RedisStore::new(server.connect().await);
    server.run::<()>(&format!("SET sinch-auth:{NAME} 1")).await;
    assert_eq!(store.load(NAME).await.unwrap().unwrap().expires_in, None);
    assert!(store.compare_and_set(NAME, Some(b"1"), b"2", MINUTE).await.unwrap());
    assert!(store.load(NAME).await.unwrap().unwrap().expires_in <= Some(MINUTE));
}

#[tokio::test]
async fn any_time_is_one_that_redis_takes() {
    let server = RedisServer::start().await;
    let store = RedisStore::new(server.connect().await);
    assert!(store.compare_and_set(NAME, None, b"1", Duration::MAX).await.unwrap());
    assert!(store.load(NAME).await.unwrap().unwrap().expires_in > Some(MINUTE));
    assert!(store.compare_and_set(NAME, Some(b"1"), b"2", Duration::MAX).await.unwrap());
    assert!(store.compare_and_set(NAME, Some(b"2"), b"3", Duration::ZERO).await.unwrap());
}

#[tokio::test]
async fn processes_with_connections_of_their_own_see_the_same_entries() {
    let server = RedisServer::start().await;
    let [first, second] = [server.connect().await, server.connect().await].map(RedisStore::new);
    assert!(first.compare_and_set(NAME, None, b"\0\xff", MINUTE).await.unwrap());
    assert_eq!(&*second.load(NAME).await.unwrap().unwrap().value, b"\0\xff");
    assert!(!second.compare_and_set(NAME, None, b"2", MINUTE).await.unwrap());
    assert!(second.compare_and_remove(NAME, b"\0\xff").await.unwrap());
    assert_eq!(first.load(NAME).await.unwrap(), None);
}

#[tokio::test]
async fn debug_shows_neither_connection_nor_password() {
    let client = Client::open("redis://user:canary@127.0.0.1:1/").unwrap();
    let connection = ConnectionManager::new_lazy_with_config(client, ConnectionManagerConfig::new()).unwrap();
    let shown = format!("{:?}", RedisStore::new(connection));
    assert_eq!(shown, r#"RedisStore { name_prefix: "sinch-auth", .. }"#);
}
