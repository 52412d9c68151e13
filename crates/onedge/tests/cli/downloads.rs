//! Downloads, from a server in this process.
#![cfg(unix)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::bench::Bench;

#[test]
fn ctrl_c_stops_a_download_at_once_and_keeps_what_came() {
    let bench = Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("data.mirror=http://{}", listener.local_addr().unwrap());
    bench.write("m.toml", "steps = 2\n[data]\nname = \"mnist\"\ndownload = true\n");
    let child = bench
        .command(&["train", "m.toml", "--cache", "cache", "--set", &mirror])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first fifth of the file, and then nothing.
    let mut stream = listener.accept().unwrap().0;
    assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    let body = vec![7; 2_000_000];
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9912422\r\n\r\n").unwrap();
    stream.write_all(&body).unwrap();
    let part = bench.path("cache/mnist/train-images-idx3-ubyte.gz.part");
    while std::fs::metadata(&part).map_or(0, |file| file.len()) < 2_000_000 {
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("fetching train-images-idx3-ubyte.gz: 20 % of 9.91 MB\n"), "{stderr}");
    let last = ": interrupted, expected 9912422 bytes, got 2000000; try again, it resumes where it stopped\n";
    assert!(stderr.ends_with(last), "{stderr}");
    assert_eq!(std::fs::read(&part).unwrap(), body);
    assert!(!bench.path("runs").exists());
}
