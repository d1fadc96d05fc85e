//! What a counter of calls would cost each call: a handle that is kept, with no recorder and with an exporter's.
//!
//! `cargo run --release --manifest-path tests/prometheus/Cargo.toml --bin counter`

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::{hint::black_box, thread, time::Instant};

use metrics::Counter;
use metrics_exporter_prometheus::PrometheusBuilder;

const CALLS: u32 = 20_000_000;

/// Nanoseconds a call, the least of five rounds, while `threads` do the same.
fn measure(threads: usize, work: impl Fn() + Sync) -> f64 {
    let round = |_| {
        thread::scope(|scope| {
            let run = || {
                let started = Instant::now();
                for _ in 0..CALLS {
                    work();
                }
                started.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
            };
            let rounds: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            let times: Vec<_> = rounds.into_iter().filter_map(|round| round.join().ok()).collect();
            times.iter().sum::<f64>() / times.len() as f64
        })
    };
    (0..5).map(round).fold(f64::INFINITY, f64::min)
}

fn main() {
    let none = Counter::noop();
    let recorder = PrometheusBuilder::new().build_recorder();
    let real =
        metrics::with_local_recorder(&recorder, || metrics::counter!("calls_total", "key_id" => "key"));
    println!("ns a call                    1 thread  2 threads");
    for (name, counter) in [("loop", None), ("no recorder", Some(&none)), ("an exporter's", Some(&real))] {
        let work = || match counter {
            Some(counter) => black_box(counter).increment(1),
            None => black_box(()),
        };
        println!("{name:28} {:8.1} {:10.1}", measure(1, work), measure(2, work));
    }
}
