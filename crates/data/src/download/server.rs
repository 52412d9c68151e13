//! A server for tests: std only, one answer per connection, on a port of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// How the server answers one request.
pub enum Answer {
    /// Honours Range: 206 with the rest, or 200 with everything if none was asked.
    Ranged(Vec<u8>),
    /// 200 with everything, whatever was asked.
    Whole(Vec<u8>),
    /// Announces everything, sends so many bytes of what was asked, and hangs up.
    Cut(Vec<u8>, usize),
    /// The same without hanging up.
    Stall(Vec<u8>, usize),
    /// This status line, and no body.
    Status(&'static str),
}

/// Serves `answers` in turn, one per connection. Returns the base address and the requests as they came.
pub fn serve(answers: Vec<Answer>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (seen, requests) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = String::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap().to_lowercase();
                if line.is_empty() {
                    break;
                }
                head += &format!("{line}\n");
            }
            let asked =
                head.lines().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
            let stalls = matches!(answer, Answer::Stall(..));
            let reply = reply(answer, asked);
            seen.send(head).ok();
            // The client may have hung up already, having seen enough in the head.
            stream.write_all(&reply).ok();
            if stalls {
                // Open until the process ends.
                std::mem::forget(stream);
            }
        }
    });
    (base, requests)
}

fn reply(answer: Answer, asked: Option<usize>) -> Vec<u8> {
    let head = |status: &str, length: usize, more: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n").into_bytes()
    };
    let ranged = |bytes: &[u8], sent: Option<usize>| {
        let from = asked.unwrap_or(0);
        let (status, last) = (if asked.is_some() { "206 Partial Content" } else { "200 OK" }, bytes.len() - 1);
        let range = format!("Content-Range: bytes {from}-{last}/{}\r\n", bytes.len());
        let body = &bytes[from..];
        let more = if asked.is_some() { range.as_str() } else { "" };
        [head(status, body.len(), more), body[..sent.unwrap_or(body.len())].to_vec()].concat()
    };
    match answer {
        Answer::Ranged(bytes) => ranged(&bytes, None),
        Answer::Cut(bytes, sent) | Answer::Stall(bytes, sent) => ranged(&bytes, Some(sent)),
        Answer::Whole(bytes) => [head("200 OK", bytes.len(), ""), bytes].concat(),
        Answer::Status(status) => head(status, 0, ""),
    }
}
