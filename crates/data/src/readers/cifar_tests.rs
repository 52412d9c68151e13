use super::*;
use crate::readers::gzip;

/// A record whose pixels are `base` for red, `base + 1` for green and `base + 2` for blue, with one red pixel marked.
fn record(labels: &[u8], base: u8) -> Vec<u8> {
    let mut record = labels.to_vec();
    for channel in 0..3 {
        record.extend([base + channel; 1024]);
    }
    record[labels.len() + 32 * 5 + 7] = 200;
    record
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn labels(set: &Dataset) -> &[u32] {
    let Targets::Classes { labels, .. } = set.targets() else { panic!("expected classes") };
    labels
}

fn message(folder: &Path, path: &str, which: Cifar) -> String {
    let error = cifar(&folder.join(path), which, "`download = true`", Unpacked::Usual).unwrap_err();
    error.to_string().replace(&folder.display().to_string(), "DIR")
}

#[test]
fn a_folder_may_hold_any_batches() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data_batch_4.bin"), record(&[9], 40)).unwrap();
    fs::write(dir.path().join("data_batch_2.bin"), [record(&[3], 10), record(&[5], 20)].concat()).unwrap();
    let split = cifar(dir.path(), Cifar::Ten, "", Unpacked::Usual).unwrap();
    assert_eq!(labels(&split.train), [3, 5, 9]);
    assert!(split.test.is_none());
    fs::create_dir(dir.path().join("cifar-10-batches-bin")).unwrap();
    fs::write(dir.path().join("cifar-10-batches-bin/test_batch.bin"), record(&[1], 7)).unwrap();
    let split = cifar(dir.path(), Cifar::Ten, "", Unpacked::Usual).unwrap();
    assert_eq!(labels(&split.test.unwrap()), [1]);
    // Channel, row, column: the marked red pixel, and the planes after it.
    let image = split.train.input(1);
    assert_eq!((image[0], image[5 * 32 + 7], image[1024], image[2 * 1024 + 31]), (20.0, 200.0, 21.0, 22.0));
    let one = cifar(&dir.path().join("data_batch_2.bin"), Cifar::Ten, "", Unpacked::Usual).unwrap();
    assert_eq!(labels(&one.train), [3, 5]);
}

#[test]
fn archives_and_both_labels_of_cifar_100() {
    let dir = tempfile::tempdir().unwrap();
    let (train, test) = (record(&[19, 99], 1), record(&[4, 51], 9));
    let bytes = tar(&[
        ("cifar-100-binary/fine_label_names.txt", b"apple\n"),
        ("cifar-100-binary/test.bin", &test),
        ("cifar-100-binary/train.bin", &train),
    ]);
    fs::write(dir.path().join("cifar-100-binary.tar.gz"), gzip(&bytes)).unwrap();
    fs::write(dir.path().join("plain.tar"), &bytes).unwrap();
    for path in [dir.path().to_owned(), dir.path().join("cifar-100-binary.tar.gz"), dir.path().join("plain.tar")] {
        let fine = cifar(&path, Cifar::HundredFine, "", Unpacked::Usual).unwrap();
        assert_eq!((labels(&fine.train), labels(fine.test.as_ref().unwrap())), (&[99][..], &[51][..]));
        assert_eq!(fine.train.input(0)[5 * 32 + 7], 200.0);
        let coarse = cifar(&path, Cifar::HundredCoarse, "", Unpacked::Usual).unwrap();
        assert_eq!((labels(&coarse.train), coarse.train.targets().outputs()), (&[19][..], 20));
    }
}

#[test]
fn bad_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    assert_eq!(
        message(dir.path(), "none", Cifar::Ten),
        "DIR/none: not found, expected CIFAR-10 as .bin files or an archive of them; try `download = true`"
    );
    assert_eq!(
        message(dir.path(), "", Cifar::HundredFine),
        "DIR/: not found, expected CIFAR-100 as .bin files or an archive of them; try `download = true`"
    );
    write("short.bin", &[record(&[1], 0), record(&[2], 0)[..99].to_vec()].concat());
    assert_eq!(
        message(dir.path(), "short.bin", Cifar::Ten),
        "DIR/short.bin: truncated record 1, expected 3073 bytes, got 99; try fetching the file again"
    );
    write("label.bin", &[record(&[1], 0), record(&[10], 0)].concat());
    assert_eq!(
        message(dir.path(), "label.bin", Cifar::Ten),
        "DIR/label.bin: label of example 1 out of range, expected 0..10, got 10; try correcting it"
    );
    write("empty.bin", &[]);
    assert_eq!(
        message(dir.path(), "empty.bin", Cifar::Ten),
        "DIR/empty.bin: expected at least one example, got none; try another file or a larger subset"
    );
    write("test_batch.bin", &record(&[1], 0));
    assert_eq!(
        message(dir.path(), "", Cifar::Ten),
        "DIR/data_batch_1.bin: not found, expected at least one training file of CIFAR-10; try the complete archive"
    );
}

#[test]
fn damaged_archives_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    let bytes = tar(&[("data_batch_1.bin", &record(&[1], 0))]);
    write("cut.tar", &bytes[..1000]);
    assert_eq!(
        message(dir.path(), "cut.tar", Cifar::Ten),
        "DIR/cut.tar: truncated data_batch_1.bin, expected 3073 bytes, got 488; try fetching the file again"
    );
    let packed = gzip(&bytes);
    write("cut.tar.gz", &packed[..packed.len() / 2]);
    let cut = message(dir.path(), "cut.tar.gz", Cifar::Ten);
    assert!(cut.starts_with("DIR/cut.tar.gz: damaged or truncated tar archive ("), "{cut}");
    write("text.tar", &[b'x'; 700]);
    let text = message(dir.path(), "text.tar", Cifar::Ten);
    assert!(text.starts_with("DIR/text.tar: damaged or truncated tar archive ("), "{text}");
    write("other.tar", &tar(&[("readme.txt", b"hello")]));
    assert_eq!(
        message(dir.path(), "other.tar", Cifar::Ten),
        "DIR/other.tar/data_batch_1.bin: not found, expected at least one training file of CIFAR-10; \
         try the complete archive"
    );
}

#[test]
fn bytes_of_no_archive_are_not_printed() {
    let dir = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(dir.path().join("noise.tar.gz"), noise).unwrap();
    let text = message(dir.path(), "noise.tar.gz", Cifar::Ten);
    assert!(text.starts_with("DIR/noise.tar.gz: damaged or truncated tar archive ("), "{text}");
    assert!(text.chars().count() < 250 && !text.contains(|c: char| c.is_control()), "{text:?}");
}

#[test]
fn a_flipped_bit_in_a_packed_archive_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut packed = gzip(&tar(&[("data_batch_1.bin", &record(&[1], 0))]));
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    fs::write(dir.path().join("flipped.tar.gz"), packed).unwrap();
    let text = message(dir.path(), "flipped.tar.gz", Cifar::Ten);
    assert!(text.starts_with("DIR/flipped.tar.gz: damaged or truncated gzip ("), "{text}");
}

#[test]
fn a_sparse_entry_of_any_size_takes_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_path("data_batch_1.bin").unwrap();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(0);
    // 2^50 bytes, all of them holes.
    let gnu = header.as_gnu_mut().unwrap();
    gnu.realsize = *b"\x80\0\0\0\0\x04\0\0\0\0\0\0";
    gnu.sparse[0].offset = gnu.realsize;
    gnu.sparse[0].numbytes = *b"00000000000\0";
    header.set_cksum();
    let bytes = [&header.as_bytes()[..], &[0; 1024]].concat();
    fs::write(dir.path().join("sparse.tar"), bytes).unwrap();
    assert_eq!(
        message(dir.path(), "sparse.tar", Cifar::Ten),
        "DIR/sparse.tar/data_batch_1.bin: not found, expected at least one training file of CIFAR-10; \
         try the complete archive"
    );
}

#[test]
fn other_versions_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let pickle = b"\x80\x02}q\x01(U\x0bbatch_label".as_slice();
    let python = |origin: &str, title: &str, archive: &str| {
        format!(
            "DIR/{origin}: the Python version of {title}, expected the binary version, {title} as .bin files or an archive of \
             them; try {archive}, from the same page"
        )
    };
    let ten = |origin: &str| python(origin, "CIFAR-10", "cifar-10-binary.tar.gz");
    let packed =
        gzip(&tar(&[("cifar-10-batches-py/data_batch_2", pickle), ("cifar-10-batches-py/batches.meta", pickle)]));
    // By its own name and by another one.
    write("a/cifar-10-python.tar.gz", &packed);
    write("b.tar.gz", &packed);
    write("c/cifar-10-batches-py/data_batch_1", pickle);
    write("c/cifar-10-batches-py/readme.html", b"<html>");
    let hundred = |path: &str| message(dir.path(), path, Cifar::HundredFine);
    let message = |path: &str| message(dir.path(), path, Cifar::Ten);
    assert_eq!(message("a/cifar-10-python.tar.gz"), ten("a/cifar-10-python.tar.gz"));
    assert_eq!(message("a"), ten("a/cifar-10-python.tar.gz"));
    assert_eq!(message("b.tar.gz"), ten("b.tar.gz"));
    assert_eq!(message("c"), ten("c/cifar-10-batches-py"));
    assert_eq!(message("c/cifar-10-batches-py"), ten("c/cifar-10-batches-py/data_batch_1"));
    assert_eq!(message("c/cifar-10-batches-py/data_batch_1"), ten("c/cifar-10-batches-py/data_batch_1"));
    write("d.tar", &tar(&[("cifar-100-matlab/train.mat", b"MATLAB 5.0 MAT-file")]));
    write("e/meta", pickle);
    assert!(hundred("d.tar").starts_with("DIR/d.tar: the Matlab version of CIFAR-100, expected the binary version"));
    assert_eq!(hundred("e"), python("e/meta", "CIFAR-100", "cifar-100-binary.tar.gz"));
}

#[test]
fn other_packings_are_named_and_archives_bounded() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("x")).unwrap();
    fs::write(dir.path().join("x/cifar-10-binary.tar.xz"), b"\xfd7zXZ\0\0\x04").unwrap();
    fs::write(dir.path().join("cifar.zip"), b"PK\x03\x04\x14\0").unwrap();
    fs::write(dir.path().join("page.tar.gz"), b"<!DOCTYPE html>\n").unwrap();
    let expected = "CIFAR-10 as .bin files or an archive of them";
    let xz = format!(
        "DIR/x/cifar-10-binary.tar.xz: an xz file, expected {expected}; try unpacking it first, as with `unxz`"
    );
    assert_eq!(message(dir.path(), "x", Cifar::Ten), xz);
    assert_eq!(message(dir.path(), "x/cifar-10-binary.tar.xz", Cifar::Ten), xz);
    assert!(message(dir.path(), "cifar.zip", Cifar::Ten).starts_with("DIR/cifar.zip: a zip archive"));
    assert!(
        message(dir.path(), "page.tar.gz", Cifar::Ten).starts_with("DIR/page.tar.gz: a web page, expected CIFAR-10")
    );
    // 400 images of 3073 bytes: more than one MiB, less than two.
    let batch = record(&[7], 0).repeat(400);
    fs::write(dir.path().join("z.tar.gz"), gzip(&tar(&[("data_batch_1.bin", &batch)]))).unwrap();
    let read = |mib| cifar(&dir.path().join("z.tar.gz"), Cifar::Ten, "", Unpacked::Mib(mib));
    assert_eq!(read(2).unwrap().train.examples(), 400);
    let refused = read(1).unwrap_err().to_string();
    assert!(refused.contains("z.tar.gz: more than 1 MiB once unpacked, expected at most the 1 MiB of"), "{refused}");
}
