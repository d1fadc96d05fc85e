//! A day of many processes, two hours in a minute, for a real Prometheus: each KEY ID is a story, and says which alerts
//! belong to it. `tests/prometheus/run` starts this, and compares.

#![expect(clippy::disallowed_methods, reason = "the day has a clock of its own, made of the real one")]

mod clock;
mod process;
mod scrape;
mod stories;
mod world;

use std::{error::Error, io::Write, time::Duration};

/// Minutes that are played.
const DAY: u64 = 120;

fn main() -> Result<(), Box<dyn Error>> {
    let address = scrape::serve()?;
    println!("address\t{address}");
    for (key_id, alert, from, to, until) in stories::EXPECTED {
        println!("expect\t{key_id}\t{alert}\t{from}\t{to}\t{until}");
    }
    std::io::stdout().flush()?;
    // Prometheus counts what a process starts with only if it knew the process before: the day begins when we are told.
    std::io::stdin().read_line(&mut String::new())?;
    println!("day\t{}\t{}\t{DAY}", clock::began(), clock::SPEED);
    std::io::stdout().flush()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        stories::begin()?;
        let lag = clock::play(DAY * 60).await;
        println!("lag\t{}", lag.as_secs_f64());
        Ok::<_, Box<dyn Error>>(())
    })?;
    println!("over");
    std::io::stdout().flush()?;
    std::thread::sleep(Duration::from_secs(30));
    Ok(())
}
