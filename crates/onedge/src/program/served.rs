//! Runs that are shown live while the command goes that does them.

#[cfg(feature = "serve")]
use std::fs;
use std::path::Path;

#[cfg(feature = "serve")]
use onedge_serve::{Explained, Options, Server};
use onedge_spec::Catalogue;

#[cfg(feature = "serve")]
use crate::program::console;
#[cfg(feature = "serve")]
use crate::program::named::kinds;
#[cfg(feature = "serve")]
use crate::program::root::ROOT;

/// What every command that trains shares.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Show the runs live in a browser until the command ends
    #[cfg(feature = "serve")]
    #[arg(long)]
    serve: bool,
}

#[cfg(feature = "serve")]
impl Serve {
    /// Serves the runs below `folder`, or all of [`ROOT`] if that is in it, and says where, if that was asked for. Whatever goes wrong with it is told, and no
    /// reason not to train.
    pub fn begin(&self, folder: &Path, catalogue: &Catalogue) {
        if !self.serve {
            return;
        }
        let folder = if folder.starts_with(ROOT) { Path::new(ROOT) } else { folder };
        let failed = |error: &dyn std::error::Error| {
            console::note(&format!("note: the runs are not served: {error}; they are done all the same"))
        };
        if let Err(error) = fs::create_dir_all(folder) {
            return failed(&onedge_record::Error::write(folder)(error));
        }
        let options = Options { words: words(catalogue), ..Options::of(folder) };
        let usual = options.port;
        let server = match Server::bind_near(options, catalogue) {
            Ok(server) => server,
            Err(error) => return failed(&error),
        };
        let (address, port) = (server.address(), server.socket().port());
        let other = if port == usual { String::new() } else { format!(" (port {usual} is in use)") };
        let ended = |server: Server| {
            if let Err(error) = server.run() {
                console::note(&format!("note: the runs are not served any more: {error}"));
            }
        };
        match std::thread::Builder::new().name("serve".to_owned()).spawn(move || ended(server)) {
            Ok(_) => {
                console::note(&format!("{} is served at {address}{other} until this command ends", folder.display()))
            }
            Err(error) => failed(&error),
        }
    }
}

#[cfg(not(feature = "serve"))]
impl Serve {
    /// This program has no server.
    pub fn begin(&self, _: &Path, _: &Catalogue) {}
}

/// Everything that has a name, as `onedge explain` has it.
#[cfg(feature = "serve")]
pub fn words(catalogue: &Catalogue) -> Vec<Explained> {
    let rows = kinds(catalogue).into_iter().flat_map(|kind| kind.rows);
    rows.map(|row| row.explained()).map(|[name, summary, text]| Explained { name, summary, text }).collect()
}
