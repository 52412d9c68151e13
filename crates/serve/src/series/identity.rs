use std::fs::Metadata;

/// Tells a file from another that took its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity(u64, u64);

#[cfg(unix)]
pub fn identity(file: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Identity(file.dev(), file.ino())
}

/// Elsewhere a file that became shorter is seen to be another, and nothing else is.
#[cfg(not(unix))]
pub fn identity(_: &Metadata) -> Identity {
    Identity::default()
}
