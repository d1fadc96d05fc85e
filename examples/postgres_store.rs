//! A store in Postgres, for fleets that have no Redis, checked. It has a package of its own, for its client's sake:
//! `DATABASE_URL=postgres://user@host/db cargo run --manifest-path tests/postgres/Cargo.toml`

use std::{env, time::Duration};

use tokio_postgres::{Client, NoTls};
use tower_sinch_auth::{BoxError, Stored, TokenStore, testing::check_store};

/// Over one connection. Where connections break, put a pool in its place: a call never waits for it longer than 500 ms.
struct PostgresStore(Client);

/// What is lost with the database's process is a token request: the table needs no write-ahead log.
const TABLE: &str = r#"CREATE UNLOGGED TABLE IF NOT EXISTS sinch_tokens
    (name text COLLATE "C" PRIMARY KEY, value bytea NOT NULL, ends timestamptz NOT NULL)"#;

/// The time is the database's, and that of the statement rather than of its transaction: it has waited for others.
const LOAD: &str = "SELECT value, extract(epoch FROM ends - clock_timestamp())::float8 FROM sinch_tokens
    WHERE name = $1 AND ends > clock_timestamp()";

/// A row whose time is over counts as none.
const INSERT: &str = "INSERT INTO sinch_tokens AS old VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, ends = excluded.ends WHERE old.ends <= clock_timestamp()";

/// Of two that wait for the row, the second compares with what the first has written: so it is with `READ COMMITTED`.
const REPLACE: &str =
    "UPDATE sinch_tokens SET value = $2, ends = clock_timestamp() + make_interval(secs => $3)
    WHERE name = $1 AND value = $4 AND ends > clock_timestamp()";

const REMOVE: &str = "DELETE FROM sinch_tokens WHERE name = $1 AND value = $2 AND ends > clock_timestamp()";

impl TokenStore for PostgresStore {
    async fn load(&self, name: &str) -> Result<Option<Stored>, BoxError> {
        let Some(row) = self.0.query_opt(LOAD, &[&name]).await? else { return Ok(None) };
        let left = Duration::try_from_secs_f64(row.try_get(1)?).unwrap_or_default();
        Ok(Some(Stored { value: row.try_get::<_, Vec<u8>>(0)?.into(), expires_in: Some(left) }))
    }

    async fn compare_and_set(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, BoxError> {
        let ttl = ttl.as_secs_f64();
        let written = match expected {
            None => self.0.execute(INSERT, &[&name, &value, &ttl]).await?,
            Some(expected) => self.0.execute(REPLACE, &[&name, &value, &ttl, &expected]).await?,
        };
        Ok(written == 1)
    }

    async fn compare_and_remove(&self, name: &str, expected: &[u8]) -> Result<bool, BoxError> {
        Ok(self.0.execute(REMOVE, &[&name, &expected]).await? == 1)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let Ok(address) = env::var("DATABASE_URL") else {
        println!(
            "Set DATABASE_URL to a database in which to make a table, such as postgres://user@localhost/db."
        );
        return Ok(());
    };
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(TABLE).await?;

    let store = PostgresStore(client);
    check_store(&store).await;
    println!("The store keeps the rules.");
    Ok(())
}
