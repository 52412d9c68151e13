use std::thread::available_parallelism;

use onedge_registry::Value;

/// Where a run was made: version, host, system, processor, threads.
pub(crate) fn provenance() -> Vec<(&'static str, Value)> {
    let threads = available_parallelism().map_or(1, usize::from);
    vec![
        ("version", Value::Text(env!("CARGO_PKG_VERSION").to_owned())),
        ("host", Value::Text(gethostname::gethostname().to_string_lossy().into_owned())),
        ("system", Value::Text(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH))),
        ("processor", Value::Text(processor().unwrap_or_else(|| "unknown".to_owned()))),
        ("threads", Value::Integer(threads as i64)),
    ]
}

/// As Linux names it; other systems have no file to ask.
fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
