use std::thread::available_parallelism;

use onedge_registry::Value;

/// Where something is run: version, system, processor, threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Of this library.
    pub version: String,
    /// `linux x86_64`
    pub system: String,
    /// As the system names it; `unknown` where it does not.
    pub processor: String,
    /// That it runs at once.
    pub threads: usize,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor().unwrap_or_else(|| "unknown".to_owned()),
            threads: available_parallelism().map_or(1, usize::from),
        }
    }

    /// As a section of a spec states it, with the name of the host.
    pub fn provenance(self) -> [(&'static str, Value); 5] {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        [
            ("version", Value::Text(self.version)),
            ("host", Value::Text(host)),
            ("system", Value::Text(self.system)),
            ("processor", Value::Text(self.processor)),
            ("threads", Value::Integer(self.threads as i64)),
        ]
    }
}

/// As Linux names it; other systems have no file to ask.
fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
