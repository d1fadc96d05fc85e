//! A scripted day of one token, live in the terminal, at 1 s = 1 min: `cargo run --example observe`. Tokens live for an
//! hour. `SPEED=10` makes it ten times faster, back-offs apart. The day happens; what is printed is what the library logs and says.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fmt, time::Duration};

use http::{Request, StatusCode};
use tokio::time::{interval, sleep};
use tower::{ServiceBuilder, ServiceExt};
use tower_sinch_auth::{
    AccessKey, BoxError, CloneBody, SinchAuth, SinchAuthLayer, TokenError, TokenRefresher, TokenStatus,
    testing::{Answer, FakeSinch, HttpClient},
};
use tracing::Level;
use tracing_subscriber::{
    filter::filter_fn,
    fmt::{format::Writer, time::FormatTime},
    prelude::*,
};

/// Minutes since midnight.
static CLOCK: AtomicU64 = AtomicU64::new(8 * 60);

/// The time of the day that is played.
struct Daytime;

#[derive(Default)]
struct Calls {
    ok: u64,
    unauthorized: u64,
    without_token: u64,
}

/// Someone who makes a call every minute.
struct Caller {
    sinch: FakeSinch,
    client: SinchAuth<HttpClient, CloneBody>,
    tokens: TokenRefresher,
    calls: Calls,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let ours =
        filter_fn(|of| of.is_event() && *of.level() <= Level::INFO && of.target() == "tower_sinch_auth");
    let lines =
        tracing_subscriber::fmt::layer().with_timer(Daytime).with_writer(over_status).with_target(false);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
    let speed: f64 = env::var("SPEED").map_or(Ok(1.0), |speed| speed.parse())?;
    let minute = Duration::from_secs(1).div_f64(speed);

    let sinch = FakeSinch::start().await?;
    sinch.set_token_lifetime(minute * 60);
    let key = sinch.access_key();
    let tokens = TokenRefresher::builder(sinch.credentials()).max_attempts(1).build();
    let client = ServiceBuilder::new().layer(SinchAuthLayer::new(tokens.clone())).service(sinch.client());
    let mut caller = Caller { sinch: sinch.clone(), client, tokens, calls: Calls::default() };

    story("A normal morning: the first call waits for a token; it is renewed at half its life.");
    caller.work(33, minute).await?;
    story("The token endpoint is down. Calls go on with the token there is.");
    sinch.on_token().always(Answer::status(StatusCode::SERVICE_UNAVAILABLE));
    caller.work(30, minute).await?;
    story("The token endpoint is back.");
    sinch.on_token().always(Answer::AsSinch);
    caller.work(8, minute).await?;
    story("Someone revokes all tokens. Callers do not notice.");
    sinch.revoke_tokens();
    caller.work(3, minute).await?;
    story("Someone replaces the key: its tokens are revoked, and it gets no more.");
    sinch.set_access_key(AccessKey::new(key.key_id(), "another secret")?);
    sinch.revoke_tokens();
    caller.work(9, minute).await?;
    story("The key is put right. No restart.");
    sinch.set_access_key(key);
    caller.work(7, minute).await?;

    let (Calls { ok, unauthorized, without_token }, counts) = (caller.calls, sinch.counts());
    println!("\nCallers saw {ok} answers, {unauthorized} 401s, and {without_token} calls without a token.");
    println!("Sinch saw {} token requests and sent {} 401s.", counts.token_requests, counts.api_unauthorized);
    Ok(())
}

impl Caller {
    async fn work(&mut self, minutes: u64, minute: Duration) -> Result<(), BoxError> {
        let mut clock = interval(minute);
        clock.tick().await;
        for _ in 0..minutes {
            let call = Request::get(self.sinch.api("/v1/numbers")).body(Default::default())?;
            match self.client.clone().oneshot(call).await {
                Ok(answer) if answer.status() == StatusCode::OK => self.calls.ok += 1,
                Ok(_) => self.calls.unauthorized += 1,
                Err(error) if error.is::<TokenError>() => self.calls.without_token += 1,
                Err(error) => return Err(error),
            }
            sleep(minute / 20).await; // until a refresh in the background is through
            self.show(minute);
            clock.tick().await;
            CLOCK.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The status line: in a terminal it stays the last line, else it is printed every five minutes.
    fn show(&self, minute: Duration) {
        let TokenStatus { state, generation, expires_in, refresh_in, retry_in, .. } = self.tokens.status();
        let minutes = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64() / minute.as_secs_f64();
        let mut line = format!("{} {state:?}, token {generation}, ", Daytime);
        line +=
            &format!("expires in {:.0} min, refresh in {:.0} min", minutes(expires_in), minutes(refresh_in));
        if let Some(wait) = retry_in {
            line += &format!(", next try in {:.0} min", minutes(Some(wait)));
        }
        let Calls { ok, unauthorized, without_token } = &self.calls;
        line += &format!(" | calls: {ok} ok, {unauthorized} 401, {without_token} without token");
        if io::stdout().is_terminal() {
            print!("\r\x1b[2K{line}");
            io::stdout().flush().unwrap_or_default();
        } else if CLOCK.load(Ordering::Relaxed) % 5 == 0 {
            println!("{line}");
        }
    }
}

impl fmt::Display for Daytime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = CLOCK.load(Ordering::Relaxed);
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl FormatTime for Daytime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{self}")
    }
}

fn story(line: &str) {
    writeln!(over_status(), "\n{Daytime} {line}").unwrap_or_default();
}

/// Standard output, the status line wiped away.
fn over_status() -> io::Stdout {
    if io::stdout().is_terminal() {
        print!("\r\x1b[2K");
    }
    io::stdout()
}
