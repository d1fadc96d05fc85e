//! [`Monitor`]: everything that a Redis was told, by its own command `MONITOR`.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

/// What Redis was told so far.
#[derive(Default)]
pub(crate) struct Monitor {
    heard: Arc<Mutex<Vec<u8>>>,
    listeners: Vec<JoinHandle<()>>,
}

// === impl Monitor ===

impl Monitor {
    /// Listens to the server at `port`, from now until it ends.
    pub(crate) fn listen(&mut self, port: u16) {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        connection.write_all(b"MONITOR\r\n").unwrap();
        let mut agreed = [0; 5];
        connection.read_exact(&mut agreed).unwrap();
        assert_eq!(&agreed, b"+OK\r\n");
        let heard = Arc::clone(&self.heard);
        self.listeners.push(thread::spawn(move || {
            let mut piece = [0; 16 * 1024];
            while let Ok(length @ 1..) = connection.read(&mut piece) {
                heard.lock().unwrap().extend(piece.iter().take(length));
            }
        }));
    }

    /// Waits until all servers have ended, and returns what they were told, as they printed it and as it was.
    pub(crate) fn end(self) -> [Vec<u8>; 2] {
        for listener in self.listeners {
            listener.join().unwrap();
        }
        let printed = std::mem::take(&mut *self.heard.lock().unwrap());
        let plain = unescape(&printed);
        [printed, plain]
    }
}

/// Undoes how `MONITOR` prints what is not printable.
fn unescape(printed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(printed.len());
    let mut rest = printed;
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok();
                (digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(b'\\'), after)
            }
            (b'\\', [escaped, after @ ..]) => (*escaped, after),
            _ => (*first, after),
        };
        plain.push(byte);
        rest = after;
    }
    plain
}
