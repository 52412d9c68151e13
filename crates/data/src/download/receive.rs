use std::io::Read;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::watch::Watch;
use crate::excerpt::excerpt;

/// What comes from a server, in this order: a head and then bytes, or a failure.
pub enum Piece {
    /// The server answers.
    Head(Head),
    /// Some of the body.
    Bytes(Vec<u8>),
    /// There is no answer, for this reason.
    Failed(String),
    /// The body ends or the connection breaks.
    End,
}

/// The head of an answer.
pub struct Head {
    pub status: u16,
    /// The length of the body.
    pub length: Option<u64>,
    /// The range of the file that the body is.
    pub range: Option<String>,
}

/// Why waiting for a piece ended without one.
pub enum Quit {
    /// It was asked to.
    Interrupted,
    /// Nothing came for this long.
    Stalled(Duration),
}

/// How often a wait looks whether it is asked to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Asks for `url` from the byte `from` on, in a thread of its own: the caller can stop waiting at any moment, in a look-up
/// or a connection too. A thread that nobody waits for ends with its next piece, or once its timeouts are over.
pub fn request(url: &str, from: u64, patience: Duration) -> Receiver<Piece> {
    let (sender, pieces) = sync_channel(4);
    let (url, failed) = (url.to_owned(), sender.clone());
    if let Err(e) = thread::Builder::new().name("download".to_owned()).spawn(move || run(&url, from, patience, &sender))
    {
        failed.try_send(Piece::Failed(e.to_string())).ok();
    }
    pieces
}

/// The next piece. A stall counts from now.
pub fn next(pieces: &Receiver<Piece>, watch: &Watch<'_>, patience: Option<Duration>) -> Result<Piece, Quit> {
    let began = Instant::now();
    loop {
        if watch.interrupt.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(Quit::Interrupted);
        }
        let left = patience.map_or(LOOK_EVERY, |patience| patience.saturating_sub(began.elapsed()));
        match pieces.recv_timeout(left.min(LOOK_EVERY)) {
            Ok(piece) => return Ok(piece),
            Err(RecvTimeoutError::Disconnected) => return Ok(Piece::End),
            Err(RecvTimeoutError::Timeout) => match patience {
                Some(patience) if began.elapsed() >= patience => return Err(Quit::Stalled(patience)),
                _ => {}
            },
        }
    }
}

fn run(url: &str, from: u64, patience: Duration, sender: &SyncSender<Piece>) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(Duration::from_secs(30)))
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        // Only ends this thread if it was left alone; whoever waits has given up before.
        .timeout_per_read(Some(patience.saturating_mul(2).max(Duration::from_secs(60))))
        .build()
        .into();
    let mut request = agent.get(url);
    if from > 0 {
        request = request.header("range", format!("bytes={from}-"));
    }
    let answer = match request.call() {
        Ok(answer) => answer,
        Err(e) => {
            sender.send(Piece::Failed(excerpt(&e.to_string()))).ok();
            return;
        }
    };
    let range = answer.headers().get("content-range").and_then(|range| range.to_str().ok()).map(str::to_owned);
    let head = Head { status: answer.status().as_u16(), length: answer.body().content_length(), range };
    if sender.send(Piece::Head(head)).is_err() {
        return;
    }
    let (mut body, mut buffer) = (answer.into_body().into_reader(), vec![0; 1 << 16]);
    while let Ok(count @ 1..) = body.read(&mut buffer) {
        if sender.send(Piece::Bytes(buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}
