//! The server: where it listens, and how long it waits for whom.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use onedge_spec::Catalogue;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::app::{App, Explained, Shared};
use crate::error::Error;
use crate::guard::{Guard, check};
use crate::{api, assets};

/// Where nobody says otherwise.
const PORT: u16 = 6543;
/// So many connections at a time, open or half open.
const CONNECTIONS: usize = 512;
/// So many pages may follow runs at a time.
const STREAMS: usize = 200;
/// Whoever does not say what is wanted in this time is let go.
const PATIENCE: Duration = Duration::from_secs(10);
/// Headers take so many bytes at most.
const HEADERS: usize = 64 << 10;
/// And so many the body of a request.
const BODY: usize = 64 << 10;

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder below which the runs lie.
    pub folder: PathBuf,
    /// The address to listen at: this machine's own, unless others are to be let in.
    pub host: String,
    /// The port; any that is free if 0.
    pub port: u16,
    /// Every word that pages can explain.
    pub words: Vec<Explained>,
}

impl Options {
    /// Of the runs below `folder`, for this machine alone, at the usual port; no words are explained.
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), host: "127.0.0.1".to_owned(), port: PORT, words: Vec::new() }
    }
}

/// A server that listens, and does not answer yet.
pub struct Server {
    listener: std::net::TcpListener,
    app: Shared,
    address: SocketAddr,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Error::NoFolder`], [`Error::PortInUse`], [`Error::Host`], [`Error::Listen`], [`Error::System`].
    pub fn bind(options: Options, catalogue: &Catalogue) -> Result<Self, Error> {
        let Options { folder, host, port, words } = options;
        let root = folder.canonicalize().ok().filter(|root| root.is_dir()).ok_or(Error::NoFolder(folder.clone()))?;
        let listener = listen(&host, port)?;
        listener.set_nonblocking(true).map_err(Error::System)?;
        let address = listener.local_addr().map_err(Error::System)?;
        let app = App {
            root,
            called: folder,
            catalogue: catalogue.clone(),
            words,
            guard: Guard::new(address, &host, random()?),
            listings: Mutex::default(),
            entries: Mutex::default(),
            records: Arc::default(),
            watch: onedge_sweep::Watch::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            instance: random()?,
        };
        Ok(Self { listener, app: Arc::new(app), address })
    }

    /// The same at the next port that is free where that one is taken.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_near(options: Options, catalogue: &Catalogue) -> Result<Self, Error> {
        match Self::bind(options.clone(), catalogue) {
            Err(Error::PortInUse { next, .. }) if next > 0 => Self::bind(Options { port: next, ..options }, catalogue),
            bound => bound,
        }
    }

    /// What to open in a browser. With a token where other machines can reach it.
    pub fn address(&self) -> String {
        let host = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        let token = self.app.guard.asked_for().map_or(String::new(), |token| format!("#token={token}"));
        format!("http://{host}:{}/{token}", self.address.port())
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process ends.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn run(self) -> Result<(), Error> {
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(2);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            // What reads files, for all pages together.
            .max_blocking_threads(4)
            .enable_all()
            .thread_name("serve")
            .build()
            .map_err(Error::System)?;
        runtime.block_on(async move {
            let listener = TcpListener::from_std(self.listener).map_err(Error::System)?;
            accept(listener, pages(self.app)).await;
            Ok(())
        })
    }
}

/// Everything that can be asked for.
pub(crate) fn pages(app: Shared) -> Router {
    Router::new()
        .route("/", get(assets::index))
        .route("/page/{name}", get(assets::file))
        .merge(api::routes())
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(app.clone(), check))
        .with_state(app)
}

async fn accept(listener: TcpListener, pages: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Too many files are open: some will be closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(pages.clone());
        tokio::spawn(async move {
            let _place = place;
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEADERS);
            // Whoever breaks off, or speaks something else, is not answered.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn listen(host: &str, port: u16) -> Result<std::net::TcpListener, Error> {
    let unknown = || Error::Host(host.to_owned());
    let address = (host, port).to_socket_addrs().map_err(|_| unknown())?.next().ok_or_else(unknown)?;
    let busy = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            let free = |next: &u16| std::net::TcpListener::bind(SocketAddr::new(address.ip(), *next)).is_ok();
            let next = (port.saturating_add(1)..=port.saturating_add(100)).find(free).unwrap_or(0);
            Error::PortInUse { port, next }
        }
        _ => Error::Listen { address, source },
    };
    std::net::TcpListener::bind(address).map_err(busy)
}

/// 128 bits that nobody can guess, in hexadecimal digits.
fn random() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::System(std::io::Error::other(error.to_string())))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
