//! The metrics as a Prometheus scrapes them, with the buckets that the page of the library recommends.

use std::{
    error::Error,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::clock;

/// As `docs::prometheus` has them; a test compares them.
const TOKEN_REQUEST: [f64; 10] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 8.0, 10.0];
const TOKEN_WAIT: [f64; 11] = [0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 2.0, 5.0, 10.0, 20.0, 32.0];

/// Records from here on, and answers scrapes on a free port.
pub(crate) fn serve() -> Result<SocketAddr, Box<dyn Error>> {
    let metric = |name: &str| Matcher::Full(name.to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(metric("sinch_auth_token_request_duration_seconds"), &TOKEN_REQUEST)?
        .set_buckets_for_metric(metric("sinch_auth_token_wait_duration_seconds"), &TOKEN_WAIT)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handle = handle.clone();
            thread::spawn(move || answer(stream, &handle));
        }
    });
    Ok(address)
}

fn answer(mut stream: std::net::TcpStream, handle: &PrometheusHandle) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    handle.run_upkeep();
    let body: String = handle.render().lines().map(|line| format!("{}\n", in_time_of_scrape(line))).collect();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
}

/// The gauges that are points in time are points of the day.
fn in_time_of_scrape(line: &str) -> String {
    match line.rsplit_once(' ') {
        Some((series, value)) if series.contains("_timestamp_seconds{") => match value.parse() {
            Ok(value) => format!("{series} {}", clock::for_scrape(value)),
            Err(_) => line.to_owned(),
        },
        _ => line.to_owned(),
    }
}
