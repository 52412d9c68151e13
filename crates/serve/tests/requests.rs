//! A server as others meet it: what it answers, what it refuses, and that nothing leaves its folder.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use onedge_serve::{Explained, Options, Server};
use onedge_spec::Catalogue;
use serde_json::Value;

const SECRET: &str = "what lies outside";

fn record(step: u64, loss: &str) -> String {
    let cost = 3 * (step + 1);
    format!("{{\"step\":{step},\"loss\":{loss},\"learning_rate\":0.5,\"cost\":{cost}.0,\"seconds\":{step}.5}}\n")
}

fn run(root: &Path, folder: &str, settings: &str, steps: u64) {
    let path = root.join(folder);
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("spec.toml"), settings).unwrap();
    let text: String = (0..steps).map(|step| record(step, &format!("{step}.25"))).collect();
    fs::write(path.join("steps.jsonl"), text).unwrap();
}

/// A folder with runs, served, in a folder with something else.
struct Bench {
    outside: tempfile::TempDir,
    address: SocketAddr,
    token: String,
}

fn serve(host: &str) -> Bench {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.toml"), SECRET).unwrap();
    let root = outside.path().join("runs");
    run(&root, "a", "seed = 1\n[tuner]\nname = \"cdat\"\n", 20);
    run(&root, "b", "seed = 2\n[tuner]\nname = \"cdat\"\n", 3);
    run(&root, "grid/<script>", "name = \"<b>bold</b>\"\nseed = 3\n[tuner]\nname = \"greedy\"\n", 2);
    run(&root, "broken", "seed = [", 0);
    run(outside.path(), "elsewhere", &format!("name = \"{SECRET}\"\n"), 5);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outside.path().join("elsewhere"), root.join("link")).unwrap();
        run(&root, "within", "seed = 4\n", 1);
        fs::remove_file(root.join("within/steps.jsonl")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.toml"), root.join("within/steps.jsonl")).unwrap();
    }
    let words = vec![Explained { name: "edge".into(), summary: "a place".into(), text: "where".into() }];
    let options = Options { folder: root, host: host.to_owned(), port: 0, words };
    let server = Server::bind(options, &Catalogue::standard()).unwrap();
    let (address, printed) = (server.socket(), server.address());
    std::thread::spawn(move || server.run());
    let mut bench = Bench { outside, address, token: String::new() };
    bench.token = match printed.split_once("#token=") {
        Some((_, token)) => token.to_owned(),
        None => bench.json("/api/hello")["token"].as_str().unwrap().to_owned(),
    };
    bench
}

impl Bench {
    /// What is answered to these bytes, until the other side closes or says nothing more.
    fn raw(&self, bytes: &[u8]) -> String {
        self.said(bytes, false)
    }

    /// The same of somebody who says that nothing more will come.
    fn cut_off(&self, bytes: &[u8]) -> String {
        self.said(bytes, true)
    }

    fn said(&self, bytes: &[u8], ends: bool) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The other side may have closed already.
        let _ = stream.write_all(bytes);
        if ends {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str, headers: &str) -> (u16, String, String) {
        let answer = self
            .raw(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n").as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, head.to_lowercase(), body.to_owned())
    }

    fn json(&self, path: &str) -> Value {
        let (status, head, body) = self.get(path, "");
        assert_eq!(status, 200, "{path}: {body}");
        assert!(head.contains("content-type: application/json"), "{head}");
        serde_json::from_str(&body).unwrap()
    }

    fn refused(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.get(path, "");
        (status, serde_json::from_str::<Value>(&body).unwrap()["error"].as_str().unwrap().to_owned())
    }
}

#[test]
fn runs_are_listed_filtered_grouped_and_told_of() {
    let bench = serve("127.0.0.1");
    let all = bench.json("/api/runs?columns=folder,tuner,seed,status,problem");
    assert_eq!((&all["all"], &all["fit"], &all["whole"]), (&5.into(), &5.into(), &true.into()));
    let found = bench.json("/api/runs?columns=folder,name&where=tuner%3Dgreedy");
    assert_eq!(found["rows"].to_string(), r#"[["grid/<script>",["grid/<script>","<b>bold</b>"]]]"#);
    let again = bench.json(&format!("/api/runs?columns=folder,name&where=tuner%3Dgreedy&since={}", found["revision"]));
    assert_eq!((&again["whole"], again["rows"].as_array().unwrap().len()), (&false.into(), 0));
    let (status, sentence) = bench.refused("/api/runs?where=tuner%3D");
    assert_eq!((status, &sentence[..43]), (400, "where: column 7: expected a value, got the "));
    assert!(bench.refused("/api/runs?columns=nonsense").1.starts_with("columns: unknown key `nonsense`"));
    let groups = bench.json("/api/groups?by=tuner&columns=seed");
    let cdat =
        &groups["groups"].as_array().unwrap().iter().find(|group| group["keys"][0] == "cdat").unwrap()["columns"][0];
    assert_eq!((&cdat["mean"], &cdat["error"]), (&1.5.into(), &0.5.into()));
    let broken = bench.json("/api/run?run=broken");
    assert!(broken["problem"].as_str().unwrap().starts_with("spec.toml: "), "{broken}");
    let run = bench.json("/api/run?run=a");
    assert_eq!((&run["status"], &run["edge"]), (&"killed".into(), &2.0.into()));
    let rows = bench.json("/api/difference?run=a&other=b")["rows"].to_string();
    assert_eq!(rows, r#"[["seed",1,2]]"#);
    let series = bench.json("/api/series?run=a&run=none&name=loss&name=nothing");
    assert!(series["runs"][1]["problem"].as_str().unwrap().starts_with("run `none`: expected one below"));
    let series = &series["runs"][0];
    assert_eq!((&series["records"], &series["curves"][0]["y"][19]), (&20.into(), &19.25.into()));
    assert_eq!(bench.json("/api/theory?sigma=1&steps=100")["success"], true);
    assert!(bench.refused("/api/theory?steps=1e9").1.starts_with("steps: expected 20000 at most"));
    assert!(bench.refused("/api/theory?sigm=1").1.contains("sigma"));
    assert_eq!(bench.json("/api/words")[0]["name"], "edge");
    assert!(bench.refused("/api/nonsense").0 == 404 && bench.refused("/page/nonsense.js").0 == 404);
}

#[test]
fn nothing_leaves_the_folder() {
    let bench = serve("127.0.0.1");
    let outside = bench.outside.path().join("elsewhere");
    for name in
        ["../elsewhere", "link", "%2e%2e/elsewhere", "a/../../elsewhere", "..%2felsewhere", &outside.to_string_lossy()]
    {
        for question in ["run", "series", "densities"] {
            let (status, sentence) = bench.refused(&format!("/api/{question}?run={name}"));
            assert!(status == 404 && !sentence.contains(SECRET), "{question} {name}: {status} {sentence}");
        }
    }
    #[cfg(unix)]
    for question in ["series", "densities"] {
        let (status, sentence) = bench.refused(&format!("/api/{question}?run=within"));
        assert!(status == 404 && sentence.contains("elsewhere, and"), "{question}: {sentence}");
    }
    for path in [
        "/../secret.toml",
        "/page/../../secret.toml",
        "/page/..%2f..%2fsecret.toml",
        "/%2e%2e/secret.toml",
        "//etc/passwd",
    ] {
        let (status, _, body) = bench.get(path, "");
        assert!(status == 404 && !body.contains(SECRET), "{path}");
    }
}

/// A run each of whose files is a link to somewhere else is broken, and says nothing of what the links lead to: neither in the table nor on its page.
#[cfg(unix)]
#[test]
fn links_of_a_run_show_nothing_of_what_they_lead_to() {
    use std::os::unix::fs::symlink;
    let bench = serve("127.0.0.1");
    let (root, outside) = (bench.outside.path().join("runs"), bench.outside.path().join("elsewhere"));
    let told =
        format!("{{\"name\":\"{SECRET}\",\"steps\":98765,\"final_loss\":0.98765,\"train\":{{\"accuracy\":0.98765}}}}");
    fs::write(outside.join("summary.json"), told).unwrap();
    fs::write(outside.join("spec.toml"), format!("name = \"{SECRET}\"\nseed = 98765\n")).unwrap();
    fs::write(outside.join("tags"), "t98765\n").unwrap();
    fs::create_dir(outside.join("checkpoints")).unwrap();
    fs::write(outside.join("checkpoints/step-98765.ckpt"), SECRET).unwrap();
    fs::write(outside.join("steps.jsonl"), record(98765, "0.98765")).unwrap();
    for (place, file) in ["spec.toml", "summary.json", "steps.jsonl", "tags", "checkpoints"].into_iter().enumerate() {
        let folder = format!("hostile-{place}");
        run(&root, &folder, "seed = 6\n", 2);
        let own = root.join(&folder).join(file);
        let _ = fs::remove_file(&own);
        symlink(if place % 2 == 0 { outside.join(file) } else { Path::new("../../elsewhere").join(file) }, own)
            .unwrap();
    }
    // A run that the index knows becomes a link, in a folder that looks as it did.
    run(&root, "group/known", "seed = 6\n", 2);
    let before = std::time::SystemTime::now() - Duration::from_secs(3600);
    let untouched = || fs::File::open(root.join("group")).unwrap().set_modified(before).unwrap();
    untouched();
    let table = "/api/runs?columns=folder,name,seed,steps,final_loss,train.accuracy,tags,status,problem,files";
    assert_eq!(bench.json(table)["all"], 11);
    fs::remove_dir_all(root.join("group/known")).unwrap();
    symlink(&outside, root.join("group/known")).unwrap();
    untouched();
    let said = bench.json(&table.replace("files", "started")).to_string();
    assert!(!said.contains(SECRET) && !said.contains("98765"), "{said}");
    for place in 0..5 {
        let page = bench.json(&format!("/api/run?run=hostile-{place}"));
        let text = page.to_string();
        assert!(!text.contains(SECRET) && !text.contains("98765"), "{text}");
        if place < 4 {
            let problem = page["problem"].as_str().unwrap();
            assert!(problem.ends_with("got a link that leads elsewhere"), "{problem}");
            assert_eq!(page["status"], "killed");
        }
    }
    for (question, run) in
        [("series", "group/known"), ("run", "group/known"), ("series", "hostile-2"), ("densities", "hostile-2")]
    {
        let (status, sentence) = bench.refused(&format!("/api/{question}?run={run}&name=loss"));
        assert!(status == 404 && !sentence.contains("98765"), "{question} {run}: {sentence}");
    }
    // What is no file is not waited for.
    run(&root, "pipe", "seed = 6\n", 2);
    for file in ["summary.json", "lock"] {
        let made = std::process::Command::new("mkfifo").arg(root.join("pipe").join(file)).status().unwrap();
        assert!(made.success());
    }
    let problem = bench.json("/api/run?run=pipe")["problem"].to_string();
    assert!(problem.contains("got something that is no file"), "{problem}");
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let bench = serve("127.0.0.1");
    for path in ["/", "/page/main.js", "/page/plotly.js", "/api/hello", "/api/nonsense"] {
        let (_, head, _) = bench.get(path, "");
        let policy = head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
        assert!(policy.contains("script-src 'self';") && policy.starts_with("default-src 'none'"), "{policy}");
        assert!(head.contains("x-content-type-options: nosniff") && !head.contains("access-control-allow"), "{head}");
    }
    assert_eq!(bench.get("/api/hello", "origin: http://evil.example\r\n").0, 403);
    assert_eq!(
        bench.raw(b"GET /api/hello HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n").split(' ').nth(1),
        Some("421")
    );
    let page = bench.get("/", "").2;
    assert!(!page.contains("<script>") && !page.contains(" on") && page.contains("src=\"/page/main.js\""));
}

#[test]
fn other_machines_need_the_token() {
    let bench = serve("0.0.0.0");
    assert_eq!(bench.token.len(), 32);
    assert_eq!(bench.get("/api/hello", "").0, 401);
    assert_eq!(bench.get("/api/hello", "x-onedge-token: 0\r\n").0, 401);
    let (status, _, body) = bench.get("/api/hello", &format!("x-onedge-token: {}\r\n", bench.token));
    assert!(status == 200 && !body.contains(&bench.token), "{body}");
    // What anybody may have says nothing of the runs.
    assert_eq!(bench.get("/", "").0, 200);
}

impl Bench {
    fn post(&self, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        let answer = self.raw(format!("{head}{body}").as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

#[test]
fn tags_change_with_the_token_alone() {
    let bench = serve("127.0.0.1");
    let json = "content-type: application/json\r\n";
    let token = format!("{json}x-onedge-token: {}\r\n", bench.token);
    let good = r#"{"run":"a","more":["good","old"]}"#;
    assert_eq!(bench.post("/api/tag", json, good).0, 401);
    assert_eq!(bench.post("/api/tag", &format!("{token}origin: http://evil.example\r\n"), good).0, 403);
    assert_eq!(bench.get("/api/tag?run=a&more=good", "").0, 405);
    let tags = bench.outside.path().join("runs/a/tags");
    assert!(!tags.exists());
    assert_eq!(bench.post("/api/tag", &token, good), (200, serde_json::json!({ "tags": ["good", "old"] })));
    let fewer = r#"{"run":"a","fewer":["old"]}"#;
    assert_eq!(bench.post("/api/tag", &token, fewer), (200, serde_json::json!({ "tags": ["good"] })));
    assert_eq!(fs::read_to_string(&tags).unwrap(), "good\n");
    assert_eq!(bench.json("/api/runs?columns=folder&where=tag%3Dgood")["fit"], 1);
    for (body, status) in [
        (r#"{"run":"a","more":["<b>"]}"#, 400),
        (r#"{"run":"../elsewhere","more":["x"]}"#, 404),
        (r#"{"run":"a","other":1}"#, 422),
        ("{", 400),
        ("", 400),
    ] {
        let (got, answer) = bench.post("/api/tag", &token, body);
        assert!(got == status && answer["error"].is_string(), "{body}: {got} {answer}");
    }
    let large = format!("{{\"run\":\"{}\"}}", "a".repeat(100_000));
    assert_eq!(bench.post("/api/tag", &token, &large).0, 413);
    assert!(!bench.outside.path().join("elsewhere/tags").exists());
}

#[test]
fn figures_are_shown_with_their_claims() {
    let bench = serve("127.0.0.1");
    assert_eq!(bench.json("/api/figures"), serde_json::json!({ "folders": [] }));
    let folder = bench.outside.path().join("runs/figures/tiny");
    fs::create_dir_all(&folder).unwrap();
    let claim = r#"{"of":"net","says":"ends above","verdict":"shown","measured":"2 > 1"}"#;
    let made = format!(
        r#"{{"name":"figure-9","number":9,"title":"a title","about":"x","preset":"tiny","verdict":"shown","claims":[{claim}],"problems":[],"ends":[],"seeds":1,"runs":2,"seconds":3.0,"cost":4.0}}"#
    );
    fs::write(folder.join("figure-9.json"), made).unwrap();
    fs::write(folder.join("figure-9.svg"), "<svg/>").unwrap();
    fs::write(folder.join("figure-5.json"), "{").unwrap();
    let figures = &bench.json("/api/figures")["folders"][0]["figures"];
    assert!(figures[0]["name"] == "figure-5" && figures[0]["problem"].is_string(), "{figures}");
    assert_eq!((&figures[1]["made"]["title"], &figures[1]["seen"][0]), (&"a title".into(), &"2 > 1".into()));
    assert_eq!(bench.json("/api/figure?folder=tiny&figure=figure-9"), serde_json::json!({ "svg": "<svg/>" }));
    for (folder, figure) in [("tiny", "figure-5"), ("tiny", "../../a/spec"), ("..", "figure-9"), ("tiny", "secret")] {
        assert_eq!(bench.refused(&format!("/api/figure?folder={folder}&figure={figure}")).0, 404, "{folder} {figure}");
    }
}

/// Reads events until one is `event`, and returns its data.
fn next(reader: &mut impl BufRead, event: &str) -> Value {
    let (mut line, mut last) = (String::new(), String::new());
    loop {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream ended before `{event}`");
        if let Some(name) = line.trim().strip_prefix("event: ") {
            last = name.to_owned();
        } else if let (Some(data), true) = (line.trim().strip_prefix("data: "), last == event) {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[test]
fn new_records_arrive_once_each_however_often_the_stream_is_cut() {
    let bench = serve("127.0.0.1");
    let steps = bench.outside.path().join("runs/b/steps.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(steps).unwrap();
    let (mut after, mut seen) = ("0.2".to_owned(), Vec::new());
    for part in 0..3 {
        for step in 3 + 4 * part..7 + 4 * part {
            // Cut in the middle of a record.
            let text = record(step, "0.5");
            file.write_all(&text.as_bytes()[..20]).unwrap();
            file.write_all(&text.as_bytes()[20..]).unwrap();
        }
        let mut stream = TcpStream::connect(bench.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let ask =
            format!("GET /api/live?run=b&name=loss HTTP/1.1\r\nhost: localhost\r\nlast-event-id: {after}\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let data = next(&mut reader, "records");
        seen.extend(data["records"]["step"].as_array().unwrap().iter().map(|step| step.as_f64().unwrap() as u64));
        after = format!("0.{}", seen.last().unwrap());
    }
    assert_eq!(seen, (3..15).collect::<Vec<_>>());
}

#[test]
fn what_is_gone_or_taken_is_a_sentence() {
    let bench = serve("127.0.0.1");
    fs::rename(bench.outside.path().join("runs"), bench.outside.path().join("moved")).unwrap();
    for path in ["/api/runs", "/api/run?run=a", "/api/series?run=a"] {
        let (status, sentence) = bench.refused(path);
        assert!(status == 404 && sentence.contains("expected the folder that is served, got none"), "{sentence}");
    }
    let port = bench.address.port();
    let options = |folder: &str, port| Options {
        folder: bench.outside.path().join(folder),
        host: "127.0.0.1".to_owned(),
        port,
        words: Vec::new(),
    };
    let taken = Server::bind(options("moved", port), &Catalogue::standard()).err().unwrap();
    assert!(
        taken.is_misuse() && taken.to_string().starts_with(&format!("port {port}: expected one that is free, ")),
        "{taken}"
    );
    let gone = Server::bind(options("runs", 0), &Catalogue::standard()).err().unwrap();
    assert!(gone.to_string().contains("expected a folder with runs below it, got none"), "{gone}");
}

/// Requests put together at random, as a seed decides, are answered or dropped, and the server stays.
#[test]
fn nonsense_harms_nobody() {
    let bench = serve("127.0.0.1");
    let pieces: [&[u8]; 34] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"/",
        b"/api/run?run=",
        b"/api/series?run=a&name=",
        b"/api/live?run=",
        b"/page/",
        b"..",
        b"%2e%2e",
        b"%00",
        b"\0",
        b" HTTP/1.1\r\n",
        b" HTTP/9.9\r\n",
        b"\r\n",
        b"\n",
        b"host: localhost\r\n",
        b"host: \xff\r\n",
        b"content-length: 99999999999\r\n",
        b"content-length: -1\r\n",
        b"transfer-encoding: chunked\r\n",
        b"fffffffffffffffff\r\n",
        b"x-onedge-token: 0\r\n",
        b"a",
        b"&from=1e999&to=-inf",
        b"&pixels=1e300",
        b"?where=(((((",
        b"%",
        b"\xf0\x9f",
        b"secret.toml",
        b"last-event-id: 1.2,3,,\r\n",
        b"connection: upgrade\r\n",
        b"expect: 100-continue\r\n",
        b"etc/passwd",
    ];
    let mut bits = 11_u64;
    let mut draw = |below: usize| {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (bits >> 33) as usize % below
    };
    for _ in 0..600 {
        let mut bytes = if draw(2) == 0 { b"GET /api/run?run=".to_vec() } else { Vec::new() };
        for _ in 0..draw(14) {
            bytes.extend_from_slice(pieces[draw(pieces.len())]);
        }
        if draw(3) == 0 {
            bytes.extend_from_slice(b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        }
        if bytes.windows(9).any(|part| part == b"/api/live") {
            continue;
        }
        let answer = bench.cut_off(&bytes);
        assert!(!answer.contains(SECRET), "{bytes:?}");
    }
    let long = format!("GET /api/run?run={} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(1 << 20));
    assert!(!bench.cut_off(long.as_bytes()).starts_with("HTTP/1.1 200"));
    assert_eq!(bench.json("/api/series?run=a&name=loss")["runs"][0]["records"], 20);
}

#[test]
fn a_note_is_kept_as_it_was_meant() {
    let bench = serve("127.0.0.1");
    let json = "content-type: application/json\r\n";
    let token = format!("{json}x-onedge-token: {}\r\n", bench.token);
    let good = r#"{"run":"a","note":"<b>look</b>\n at this"}"#;
    assert_eq!(bench.post("/api/note", json, good).0, 401);
    assert_eq!(bench.get("/api/note?run=a&note=x", "").0, 405);
    let file = bench.outside.path().join("runs/a/note");
    assert!(!file.exists());
    assert_eq!(bench.post("/api/note", &token, good), (200, serde_json::json!({ "note": "<b>look</b> at this" })));
    assert_eq!(fs::read_to_string(&file).unwrap(), "<b>look</b> at this\n");
    let rows = bench.json("/api/runs?columns=note&where=note%7Elook")["rows"].to_string();
    assert_eq!(rows, r#"[["a",["<b>look</b> at this"]]]"#);
    for (body, status) in [
        (format!(r#"{{"run":"a","note":"{}"}}"#, "x".repeat(2001)), 400),
        (r#"{"run":"a","note":"\u0007"}"#.to_owned(), 400),
        (r#"{"run":"../elsewhere","note":"x"}"#.to_owned(), 404),
        (r#"{"run":"a"}"#.to_owned(), 422),
    ] {
        let (got, answer) = bench.post("/api/note", &token, &body);
        assert!(got == status && answer["error"].is_string(), "{body}: {got} {answer}");
    }
    assert_eq!(bench.post("/api/note", &token, r#"{"run":"a","note":" "}"#).0, 200);
    assert!(!file.exists() && !bench.outside.path().join("elsewhere/note").exists());
}

#[test]
fn only_a_run_that_goes_on_is_asked_to_stop() {
    use onedge_record::{RunDirectory, RunLock, Taken};
    let bench = serve("127.0.0.1");
    let json = "content-type: application/json\r\n";
    let token = format!("{json}x-onedge-token: {}\r\n", bench.token);
    let (ask, folder) = (r#"{"run":"a"}"#, bench.outside.path().join("runs/a"));
    let directory = RunDirectory::at(&folder);
    let (status, answer) = bench.post("/api/stop", &token, ask);
    assert_eq!(status, 409);
    assert_eq!(answer["error"], "run `a`: expected one that a process is at, got one that has ended");
    assert!(!directory.stop_request().exists());
    let Taken::Held(_lock) = RunLock::take(&folder).unwrap() else { panic!("it is ours") };
    assert_eq!(bench.post("/api/stop", json, ask).0, 401);
    assert_eq!(bench.post("/api/stop", &format!("{token}sec-fetch-site: cross-site\r\n"), ask).0, 403);
    assert_eq!(bench.get("/api/stop?run=a", "").0, 405);
    assert_eq!(bench.post("/api/stop", &token, r#"{"run":"../elsewhere"}"#).0, 404);
    assert_eq!(bench.post("/api/stop", &token, "{}").0, 422);
    assert!(!directory.stop_request().exists());
    assert!(bench.json("/api/run?run=a")["asked_to_stop"].is_null());
    assert_eq!(bench.post("/api/stop", &token, ask), (200, serde_json::json!({ "asked": true })));
    assert!(directory.stop_request().is_file());
    assert!(bench.json("/api/run?run=a")["asked_to_stop"].as_f64().unwrap() >= 0.0);
    #[cfg(unix)]
    {
        fs::remove_file(directory.stop_request()).unwrap();
        std::os::unix::fs::symlink("../../secret.toml", directory.stop_request()).unwrap();
        assert_eq!(bench.post("/api/stop", &token, ask).0, 409);
        assert_eq!(fs::read_to_string(bench.outside.path().join("secret.toml")).unwrap(), SECRET);
    }
}

#[test]
fn a_sweep_tells_how_far_it_is() {
    let bench = serve("127.0.0.1");
    let root = bench.outside.path().join("runs");
    assert_eq!(bench.json("/api/sweeps"), serde_json::json!({ "sweeps": [] }));
    // Two values of sigma, two seeds; one more in another group.
    let digest = |run: usize| format!("{run:012x}");
    let planned = |run: usize, group: &str, sigma: f64, seed: usize| {
        serde_json::json!({ "group": group, "label": format!("sigma={sigma}"), "coordinates": { "tuner.sigma": sigma, "batch": 8 }, "seed": seed,
            "steps": 100, "name": "g", "digest": digest(run) })
    };
    let runs: Vec<Value> = [("x", 1.0, 0), ("x", 2.0, 0), ("x", 1.0, 1), ("x", 2.0, 1), ("y", 1.0, 0), ("y", 2.0, 0)]
        .iter()
        .enumerate()
        .map(|(run, (group, sigma, seed))| planned(run, group, *sigma, *seed))
        .collect();
    let plan = serde_json::json!({ "sweep": "g.toml", "metric": "final_loss", "smaller_is_better": true, "gives_up": false, "runs": runs });
    fs::create_dir(root.join("g.sweep")).unwrap();
    fs::write(root.join("g.sweep/plan.json"), plan.to_string()).unwrap();
    let ended = |number: usize, folder: &str, stop: &str, loss: f64| {
        let folder = format!("g-{}{folder}", digest(number));
        run(&root, &folder, "seed = 7\n", 4);
        let summary = format!(
            r#"{{"stop":{stop},"steps":100,"seconds":50.0,"spectrum_seconds":0.0,"first_loss":8.0,"final_loss":{loss},"cost":300.0}}"#
        );
        fs::write(root.join(folder).join("summary.json"), summary).unwrap();
    };
    let done = r#"{"reason":"steps_done"}"#;
    ended(0, "", done, 1.0);
    ended(2, "", done, 3.0);
    ended(1, "", done, 0.5);
    ended(3, "", r#"{"reason":"diverged","step":9,"loss":1e9,"limit":1e6}"#, 9.0);
    ended(4, ".unfinished-0000", r#"{"reason":"failed","step":3,"error":"disk full"}"#, 9.0);
    run(&root, &format!("g-{}.unfinished-1111", digest(5)), "seed = 8\n", 4);
    fs::create_dir(root.join(".claims")).unwrap();
    let claim = root.join(".claims").join(format!("{}{}", digest(5), "0".repeat(52)));
    fs::write(&claim, r#"{"host":"far","space":"","pid":7,"started":1,"token":"t"}"#).unwrap();

    assert_eq!(bench.json("/api/sweeps")["sweeps"][0]["ended"], 4);
    let told = bench.json("/api/sweep?sweep=g.sweep");
    assert_eq!(told["counts"], serde_json::json!({ "done": 3, "diverged": 1, "failed": 1, "running": 1 }));
    assert_eq!((&told["ended"], &told["working"]), (&4.into(), &1.into()));
    // Point x sigma=1 has the mean 2; sigma=2 has the better loss and a seed that diverged.
    let best = &told["groups"][0]["best"];
    assert_eq!(
        (&best["label"], &best["score"], &best["mean"], &best["error"]),
        (&"sigma=1".into(), &2.0.into(), &2.0.into(), &1.0.into())
    );
    assert_eq!(told["groups"][0]["counts"], serde_json::json!([4, 4, 1, 0]));
    assert!(told["groups"][1]["best"].is_null());
    assert_eq!(told["points"][1]["mean"], 0.5);
    let runs = told["runs"].as_array().unwrap();
    assert!(
        runs[4]["why"].as_str().unwrap().contains("disk full") && runs[3]["why"].as_str().unwrap().contains("diverged"),
        "{told}"
    );
    let worker = &runs[5]["worker"];
    assert_eq!((&worker["machine"], &worker["pid"], &worker["state"]), (&"far".into(), &7.into(), &"working".into()));
    assert!(runs[4]["worker"].is_null());
    // Half a second a step: 96 of the one and 100 of the other are left to one worker.
    assert!((told["left"].as_f64().unwrap() - 98.0).abs() < 3.0, "{}", told["left"]);
    let costs = bench.json("/api/sweep?sweep=g.sweep&value=cost");
    assert_eq!((&costs["points"][0]["mean"], &costs["groups"][0]["best"]["label"]), (&300.0.into(), &"sigma=1".into()));

    // A worker whose run records nothing is stuck; one of this machine that does not exist is gone. Of one elsewhere that takes a minute to be known.
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
    let touch = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    touch(&root.join(format!("g-{}.unfinished-1111/steps.jsonl", digest(5))));
    let state = || bench.json("/api/sweep?sweep=g.sweep")["runs"][5]["worker"]["state"].clone();
    assert_eq!(state(), "stuck");
    touch(&claim);
    assert_eq!(state(), "stuck");
    #[cfg(target_os = "linux")]
    {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let space = fs::read_link("/proc/self/ns/pid").unwrap();
        let owner =
            serde_json::json!({ "host": name.trim(), "space": space, "pid": 999_999_999, "started": 1, "token": "t" });
        fs::write(&claim, owner.to_string()).unwrap();
        assert_eq!(state(), "gone");
        assert!(bench.json("/api/sweep?sweep=g.sweep")["left"].is_null());
    }

    for name in ["nothing.sweep", "../g.sweep", "a", "g.sweep/..", "%2e%2e/g.sweep", "/etc.sweep"] {
        assert_eq!(bench.refused(&format!("/api/sweep?sweep={name}")).0, 404, "{name}");
    }
    fs::write(root.join("g.sweep/plan.json"), "{").unwrap();
    assert!(bench.refused("/api/sweep?sweep=g.sweep").1.contains("plan.json cannot be read"));
    #[cfg(unix)]
    {
        fs::remove_file(root.join("g.sweep/plan.json")).unwrap();
        std::os::unix::fs::symlink("../../secret.toml", root.join("g.sweep/plan.json")).unwrap();
        let (status, sentence) = bench.refused("/api/sweep?sweep=g.sweep");
        assert!(status == 404 && !sentence.contains(SECRET), "{sentence}");
        assert_eq!(bench.json("/api/sweeps"), serde_json::json!({ "sweeps": [] }));
    }
}
