/// A published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote<'a> {
    /// Its name on disk.
    pub name: &'a str,
    /// Where it is published.
    pub url: &'a str,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 sum, as 64 lower-case hexadecimal digits.
    pub sha256: &'a str,
}
