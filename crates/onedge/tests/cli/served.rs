//! `--serve`: the runs of a command, shown live by the command itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use serde_json::Value;

use crate::bench::Bench;

fn ask(port: &str, request: &str, headers: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A run without an end is found on the page of its own command, and ended from there, as by Ctrl-C.
#[test]
fn a_run_is_served_and_stopped_from_its_page() {
    let bench = Bench::new();
    let mut command =
        bench.command(&["train", "a.toml", "-q", "--serve", "--set", "steps=1000000000", "--set", "name=long"]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("is served at http://127.0.0.1:") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the address is printed");
    }
    let port = line.split("http://127.0.0.1:").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let token = ask(&port, "GET /api/hello", "", "")["token"].as_str().unwrap().to_owned();
    // Its folder may not be there yet.
    let begun = |answer: Value| {
        assert!(answer["runs"][0]["there"].is_array() || answer["error"].is_string(), "{answer}");
        answer["runs"][0]["last"].is_number()
    };
    while !begun(ask(&port, "GET /api/series?run=long&name=loss", "", "")) {}
    let headers = format!("content-type: application/json\r\nx-onedge-token: {token}\r\n");
    // One that is asked before it heeds is not asked; then the next one is.
    let mut rest = String::new();
    let reader = std::thread::spawn(move || said.read_to_string(&mut rest).map(|_| rest));
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        let stream = TcpStream::connect(format!("127.0.0.1:{port}"));
        if let Ok(mut stream) = stream {
            let body = r#"{"run":"long"}"#;
            let text = format!(
                "POST /api/stop HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
                body.len()
            );
            // It may be gone by now.
            let _ = stream.write_all(text.as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
        }
    };
    let rest = reader.join().unwrap().unwrap();
    assert_eq!(status.code(), Some(130), "{rest}");
    assert!(!bench.path("runs/long/stop").exists());
    let shown: Value = serde_json::from_str(&bench.done(&["runs", "show", "long", "--json"]).stdout).unwrap();
    assert_eq!(shown["status"], "interrupted");
    assert!(bench.names("runs/long/checkpoints").iter().any(|name| name.ends_with(".safetensors")));
}

#[test]
fn a_busy_port_keeps_nobody_from_training() {
    let bench = Bench::new();
    // If this fails, somebody else has it, which is as well.
    let _held = TcpListener::bind("127.0.0.1:6543");
    let output = bench.done(&["train", "a.toml", "-q", "--serve"]);
    assert!(output.stderr.contains("runs is served at http://127.0.0.1:"), "{}", output.stderr);
    assert!(output.stderr.contains("(port 6543 is in use) until this command ends"), "{}", output.stderr);
    // Where nothing can be served the run is done all the same.
    bench.write("file", "");
    let out = bench.run(&["compare", "a.toml", "-q", "--serve", "--out", "own"]);
    assert_eq!(out.code, Some(0), "{}", out.stderr);
    assert!(out.stderr.contains("own is served at http://127.0.0.1:"), "{}", out.stderr);
}
