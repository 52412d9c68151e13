use std::path::Path;

use super::{Content, Source, Unpacked};
use crate::{Dataset, Error, ExamplesError, FileError, Split, Targets};

/// The training pair and, if given, the test pair (images, labels) of IDX files as one split.
///
/// # Errors
/// As [`idx`], and [`ExamplesError::Mismatch`] if the pairs differ in shape.
pub fn idx_split(
    train: (&Path, &Path),
    test: Option<(&Path, &Path)>,
    classes: Option<usize>,
    names: &[&str],
    unpacked: Unpacked,
) -> Result<Split, Error> {
    let train = idx(train.0, train.1, classes, names, unpacked)?;
    let classes = Some(train.targets().outputs());
    let test = test.map(|(images, labels)| idx(images, labels, classes, names, unpacked)).transpose()?;
    Split::new(train, test)
}

/// A file of images and one of labels, both IDX, plain or gzip'd.
///
/// Layout, big-endian: `0, 0, type, rank` (one byte each), `rank` sizes of 32 bits, then the numbers row-major. Only
/// type 8, unsigned bytes, is read: images of rank 2 (`[n, d]`), 3 (`[n, h, w]`, given as `[1, h, w]`) or 4
/// (`[n, c, h, w]`), labels of rank 1. Without `classes` their number is the largest label plus one.
///
/// Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits" (1998).
///
/// # Errors
/// Missing, truncated or damaged files, a wrong magic number, sizes that overflow, counts that differ, labels out of
/// range.
pub fn idx(
    images: &Path,
    labels: &Path,
    classes: Option<usize>,
    names: &[&str],
    unpacked: Unpacked,
) -> Result<Dataset, Error> {
    let advice = "another path";
    let mut image_file = Source::open(images, "an IDX file of images", advice, unpacked)?;
    let mut label_file = Source::open(labels, "an IDX file of labels", advice, unpacked)?;
    let (sizes, pixels) = numbers(&mut image_file, 2..=4, "images")?;
    let (_, labels) = numbers(&mut label_file, 1..=1, "labels")?;
    if labels.len() != sizes[0] {
        return Err(Error::Examples(ExamplesError::Mismatch {
            origin: label_file.origin().to_owned(),
            what: format!("as many labels as there are images in {}", image_file.origin()),
            expected: sizes[0].to_string(),
            got: labels.len().to_string(),
        }));
    }
    let shape = shape_of(&sizes);
    let classes = classes.unwrap_or_else(|| labels.iter().max().map_or(0, |&label| usize::from(label) + 1));
    let labels = labels.into_iter().map(u32::from).collect();
    let targets = Targets::Classes { labels, classes, names: names.iter().map(|&name| name.to_owned()).collect() };
    // Targets are checked before inputs, so blame for a bad label falls on the right file.
    let inputs = pixels.into_iter().map(f32::from).collect();
    match Dataset::new(images.display().to_string(), inputs, shape, targets) {
        Err(Error::Examples(ExamplesError::Label { example, label, classes, .. })) => {
            Err(Error::Examples(ExamplesError::Label {
                origin: label_file.origin().to_owned(),
                example,
                label,
                classes,
            }))
        }
        set => Ok(set?.with_full_scale(255.0)),
    }
}

/// The images of a file alone, each with the target 0.
///
/// # Errors
/// As [`idx`].
pub fn idx_images(path: &Path, unpacked: Unpacked) -> Result<Dataset, Error> {
    let mut file = Source::open(path, "an IDX file of images", "another path", unpacked)?;
    let (sizes, pixels) = numbers(&mut file, 2..=4, "images")?;
    let targets = Targets::Values { values: vec![0.0; sizes[0]], width: 1 };
    let inputs = pixels.into_iter().map(f32::from).collect();
    Ok(Dataset::new(path.display().to_string(), inputs, shape_of(&sizes), targets)?.with_full_scale(255.0))
}

/// The shape of one image.
fn shape_of(sizes: &[usize]) -> Vec<usize> {
    if sizes.len() == 3 { vec![1, sizes[1], sizes[2]] } else { sizes[1..].to_vec() }
}

/// The sizes and the bytes of one file, whose rank must be in `ranks`.
fn numbers(file: &mut Source, ranks: std::ops::RangeInclusive<u8>, what: &str) -> Result<(Vec<usize>, Vec<u8>), Error> {
    file.require(Content::Binary, &format!("an IDX file of {what}"))?;
    let magic = file.exactly(4, "magic number")?;
    if magic[..3] != [0, 0, 8] || !ranks.contains(&magic[3]) {
        let hex = |rank: u8| format!("0x0000080{rank}");
        let expected = ranks.map(hex).collect::<Vec<_>>().join(" or ");
        let got = format!("0x{:08x}", u32::from_be_bytes([magic[0], magic[1], magic[2], magic[3]]));
        let expected = format!("{expected} ({what} as unsigned bytes)");
        return Err(Error::File(FileError::Format {
            origin: file.origin().to_owned(),
            what: "magic number",
            expected,
            got,
        }));
    }
    let head = file.exactly(4 * u64::from(magic[3]), "sizes")?;
    let sizes: Vec<u64> = head.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]).into()).collect();
    let total = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
    let Some(total) = total.filter(|&total| usize::try_from(total).is_ok_and(|n| n <= isize::MAX as usize / 4)) else {
        return Err(Error::too_large(file.origin(), &sizes));
    };
    let bytes = file.exactly(total, what)?;
    file.end(total, what)?;
    Ok((sizes.into_iter().map(|size| size as usize).collect(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::gzip;

    fn file(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
        let head = sizes.iter().flat_map(|size| size.to_be_bytes());
        [0, 0, 8, sizes.len() as u8].into_iter().chain(head).chain(bytes.iter().copied()).collect()
    }

    fn images() -> Vec<u8> {
        file(&[2, 2, 3], &[0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255])
    }

    /// What reading these two files gives, with the folder cut from the message.
    fn read(images: &[u8], labels: &[u8], classes: Option<usize>) -> Result<Dataset, String> {
        let folder = tempfile::tempdir().unwrap();
        let (x, y) = (folder.path().join("images"), folder.path().join("labels"));
        std::fs::write(&x, images).unwrap();
        std::fs::write(&y, labels).unwrap();
        idx(&x, &y, classes, &[], Unpacked::Usual)
            .map_err(|e| e.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn reads_plain_and_packed() {
        let labels = file(&[2], &[1, 4]);
        let plain = read(&images(), &labels, None).unwrap();
        assert_eq!((plain.examples(), plain.input_shape()), (2, &[1, 2, 3][..]));
        assert_eq!(*plain.input(1), [250.0, 251.0, 252.0, 253.0, 254.0, 255.0]);
        assert_eq!(plain.targets(), &Targets::Classes { labels: vec![1, 4], classes: 5, names: vec![] });
        let packed = read(&gzip(&images()), &gzip(&labels), None).unwrap();
        assert_eq!((packed.inputs(), packed.targets()), (plain.inputs(), plain.targets()));
        assert_eq!(packed.full_scale(), Some(255.0));
    }

    #[test]
    fn bad_files_are_named() {
        let labels = file(&[2], &[1, 4]);
        let message = |images: &[u8], labels: &[u8]| read(images, labels, Some(5)).unwrap_err();
        assert_eq!(
            message(&labels, &labels),
            "images: wrong magic number, expected 0x00000802 or 0x00000803 or 0x00000804 (images as unsigned bytes), \
             got 0x00000801; try another file or data set name"
        );
        assert_eq!(
            message(&images()[..25], &labels),
            "images: truncated images, expected 12 bytes, got 9; try fetching the file again"
        );
        assert_eq!(
            message(&[], &labels),
            "images: truncated magic number, expected 4 bytes, got 0; try fetching the file again"
        );
        assert_eq!(
            message(&images()[..7], &labels),
            "images: truncated sizes, expected 12 bytes, got 3; try fetching the file again"
        );
        assert_eq!(
            message(&[images(), vec![7]].concat(), &labels),
            "images: bytes after the end of images, expected 12 bytes, got more; try fetching the file again"
        );
        assert_eq!(
            message(&images(), &file(&[3], &[1, 4, 0])),
            "labels: as many labels as there are images in images, expected 2, got 3; try files that belong together"
        );
        assert_eq!(
            message(&images(), &file(&[2], &[1, 5])),
            "labels: label of example 1 out of range, expected 0..5, got 5; try correcting it"
        );
        assert_eq!(
            message(&file(&[0, 2, 3], &[]), &file(&[0], &[])),
            "images: expected at least one example, got none; try another file or a larger subset"
        );
    }

    #[test]
    fn huge_sizes_are_refused_before_any_room_is_made() {
        let message = |sizes: &[u32]| read(&file(sizes, &[1]), &file(&[1], &[1]), None).unwrap_err();
        let max = u32::MAX;
        assert_eq!(
            message(&[max, max, max]),
            "images: sizes 4294967295 x 4294967295 x 4294967295 are too large, expected a product that fits memory; \
             try fewer examples"
        );
        assert_eq!(
            message(&[max, 1000, 1000]),
            "images: truncated images, expected 4294967295000000 bytes, got 1; try fetching the file again"
        );
    }

    #[test]
    fn damaged_gzip_and_missing_files_are_named() {
        let labels = file(&[2], &[1, 4]);
        let packed = gzip(&images());
        let message = read(&packed[..packed.len() - 12], &labels, None).unwrap_err();
        assert!(message.starts_with("images: damaged or truncated gzip ("), "{message}");
        let mut flipped = packed.clone();
        let crc = packed.len() - 8;
        flipped[crc] ^= 1;
        let message = read(&flipped, &labels, None).unwrap_err();
        assert!(message.starts_with("images: damaged or truncated gzip ("), "{message}");
        assert!(message.ends_with("expected a complete file; try fetching it again"), "{message}");
        assert_eq!(
            idx(Path::new("."), Path::new("."), None, &[], Unpacked::Usual).unwrap_err().to_string(),
            ".: wrong path, expected an IDX file of images, got a folder; try another file or data set name"
        );
        let none = Path::new("no/such/file");
        assert_eq!(
            idx(none, none, None, &[], Unpacked::Usual).unwrap_err().to_string(),
            "no/such/file: not found, expected an IDX file of images; try another path"
        );
    }

    #[test]
    fn other_formats_are_named_and_packed_files_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let read = |bytes: &[u8], unpacked| {
            let path = folder.path().join("x");
            std::fs::write(&path, bytes).unwrap();
            idx_images(&path, unpacked).map_err(|e| e.to_string().replace(&path.display().to_string(), "x"))
        };
        assert_eq!(
            read(b"<!doctype html><title>Moved</title>", Unpacked::Usual).unwrap_err(),
            "x: a web page, expected an IDX file of images; try fetching the file itself, which that page may link to"
        );
        assert!(read(b"PK\x03\x04train", Unpacked::Usual).unwrap_err().starts_with("x: a zip archive (as .xlsx"));
        assert!(read(&gzip(b"\x93NUMPY\x01\0"), Unpacked::Usual).unwrap_err().starts_with("x: an array of NumPy"));
        // 2 MiB of zeros in some 2 kB, header apart.
        let packed = gzip(&file(&[1 << 11, 1 << 10], &vec![0; 1 << 21]));
        assert!(packed.len() < 4096);
        assert_eq!(read(&packed, Unpacked::Mib(3)).unwrap().examples(), 1 << 11);
        assert!(read(&packed, Unpacked::Mib(1)).unwrap_err().starts_with("x: more than 1 MiB once unpacked, expected"));
    }
}
