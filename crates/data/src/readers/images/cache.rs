//! Decoded images on disk: a header of 40 bytes (name of the format, key), a byte for each level, a CRC-32 of those.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use flate2::Crc;
use sha2::{Digest, Sha256};

use crate::Error;

/// Changes whenever the same files would be decoded to other levels.
const FORMAT: &[u8; 8] = b"onedge01";
/// Levels are read and written so many at a time.
const PIECE: usize = 1 << 16;

/// What changes of a file that is exchanged for another one of the same size and time, as a copy that keeps times is.
#[cfg(unix)]
fn identity(data: &fs::Metadata) -> Vec<u8> {
    use std::os::unix::fs::MetadataExt;
    let changed = [data.ctime(), data.ctime_nsec()].into_iter().flat_map(i64::to_le_bytes);
    [data.dev(), data.ino()].into_iter().flat_map(u64::to_le_bytes).chain(changed).collect()
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Vec<u8> {
    Vec::new()
}

/// Where the images of certain files in a certain size are kept.
pub struct Cache {
    path: PathBuf,
    key: [u8; 32],
}

impl Cache {
    /// In `folder`, under a name that tells paths, sizes and times of `files`, when each was last changed in any way, their order, and the size of the crop.
    ///
    /// # Errors
    /// A file that is not there.
    pub fn new(folder: &Path, files: &[&Path], size: usize) -> Result<Self, Error> {
        let mut hash = Sha256::new();
        hash.update(FORMAT);
        hash.update((size as u64).to_le_bytes());
        for file in files {
            let data = fs::metadata(file).map_err(|e| Error::io(file, "read", e))?;
            let time = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
            let path = std::path::absolute(file).unwrap_or_else(|_| (*file).to_owned());
            let path = path.as_os_str().as_encoded_bytes();
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update(data.len().to_le_bytes());
            hash.update(time.as_nanos().to_le_bytes());
            hash.update(identity(&data));
        }
        let key: [u8; 32] = hash.finalize().into();
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { path: folder.join(name), key })
    }

    /// Fills `inputs` with what is kept. If nothing is, or not all of it is whole, false; `inputs` then holds anything.
    pub fn read(&self, inputs: &mut [f32]) -> bool {
        let expected = (FORMAT.len() + self.key.len() + inputs.len() + 4) as u64;
        let Ok(file) = File::open(&self.path) else { return false };
        let length = file.metadata().map(|data| data.len());
        matches!(length, Ok(length) if length == expected)
            && self.read_from(BufReader::new(file), inputs).unwrap_or(false)
    }

    fn read_from(&self, mut file: impl Read, inputs: &mut [f32]) -> io::Result<bool> {
        let mut head = [0; 40];
        file.read_exact(&mut head)?;
        if head[..8] != FORMAT[..] || head[8..] != self.key {
            return Ok(false);
        }
        let (mut bytes, mut crc) = (vec![0; PIECE], Crc::new());
        for piece in inputs.chunks_mut(PIECE) {
            let bytes = &mut bytes[..piece.len()];
            file.read_exact(bytes)?;
            crc.update(bytes);
            piece.iter_mut().zip(bytes).for_each(|(level, byte)| *level = f32::from(*byte));
        }
        let mut sum = [0; 4];
        file.read_exact(&mut sum)?;
        Ok(u32::from_le_bytes(sum) == crc.sum())
    }

    /// Keeps `inputs`: a file of that name is always whole, whoever dies while writing.
    ///
    /// # Errors
    /// [`FileError::Io`](crate::FileError::Io); nothing is left behind then.
    pub fn write(&self, inputs: &[f32]) -> Result<(), Error> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|e| Error::io(folder, "create", e))?;
        }
        // Two processes that decode the same images write two files, and the later one wins.
        let part = self.path.with_extension(format!("{}.part", std::process::id()));
        let written = self.write_to(&part, inputs).and_then(|()| fs::rename(&part, &self.path));
        written.map_err(|e| {
            // It may not even have been made.
            let _ = fs::remove_file(&part);
            Error::io(&self.path, "write", e)
        })
    }

    fn write_to(&self, part: &Path, inputs: &[f32]) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(part)?);
        file.write_all(FORMAT)?;
        file.write_all(&self.key)?;
        let (mut bytes, mut crc) = (Vec::with_capacity(PIECE), Crc::new());
        for piece in inputs.chunks(PIECE) {
            bytes.clear();
            bytes.extend(piece.iter().map(|&level| level as u8));
            crc.update(&bytes);
            file.write_all(&bytes)?;
        }
        file.write_all(&crc.sum().to_le_bytes())?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_unless_a_bit_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.png");
        fs::write(&file, "x").unwrap();
        let cache = Cache::new(&folder.path().join("deep"), &[&file], 2).unwrap();
        let levels: Vec<f32> = (0..70_000).map(|i| (i % 251) as f32).collect();
        let mut read = vec![0.0; levels.len()];
        assert!(!cache.read(&mut read));
        cache.write(&levels).unwrap();
        assert!(cache.read(&mut read) && read == levels);
        assert!(!cache.read(&mut vec![0.0; levels.len() - 1]));
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
        let whole = fs::read(&cache.path).unwrap();
        for at in [0, 20, 50, 69_000, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            fs::write(&cache.path, &changed).unwrap();
            assert!(!cache.read(&mut read), "{at}");
        }
        fs::write(&cache.path, &whole[..60]).unwrap();
        assert!(!cache.read(&mut read));
        cache.write(&levels).unwrap();
        assert!(cache.read(&mut read));
    }

    #[test]
    fn the_key_tells_files_sizes_and_the_crop() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&a, "x").unwrap();
        fs::write(&b, "x").unwrap();
        let key = |files: &[&Path], size| Cache::new(folder.path(), files, size).unwrap().key;
        let first = key(&[&a, &b], 8);
        assert_eq!(first, key(&[&a, &b], 8));
        assert_ne!(first, key(&[&b, &a], 8));
        assert_ne!(first, key(&[&a, &b], 9));
        let earlier = UNIX_EPOCH + std::time::Duration::from_secs(1000);
        File::options().write(true).open(&a).unwrap().set_modified(earlier).unwrap();
        let touched = key(&[&a, &b], 8);
        assert_ne!(first, touched);
        fs::write(&a, "xy").unwrap();
        File::options().write(true).open(&a).unwrap().set_modified(earlier).unwrap();
        assert_ne!(touched, key(&[&a, &b], 8));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "x").unwrap();
        let cache = Cache::new(&file.join("inside"), &[&file], 2).unwrap();
        let message = cache.write(&[1.0]).unwrap_err().to_string();
        assert!(message.contains("inside: could not create, "), "{message}");
    }
}
