//! Files of formats that are not read, told by their first bytes, so that a message can say what they are.

/// A format that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// What it is: `a zip archive`.
    pub what: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// How many first bytes [`foreign`] looks at.
pub const LOOKED_AT: usize = 512;

/// What a tar archive is called, which one reader takes.
pub const TAR: &str = "a tar archive";

const UNPACK: &str = "unpacking it first";
const TO_CSV: &str = "saving it as comma-separated values";

/// First bytes, what has them, and what to do.
const KNOWN: [(&[u8], &str, &str); 20] = [
    (b"\xfd7zXZ\0", "an xz file", "unpacking it first, as with `unxz`"),
    (b"PK\x03\x04", "a zip archive (as .xlsx and .npz files are, too)", "unpacking it first, or saving it as text"),
    (b"PK\x05\x06", "an empty zip archive", "another file"),
    (b"BZh", "a bzip2 file", "unpacking it first, as with `bunzip2`"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpacking it first, as with `unzstd`"),
    (b"\x04\x22\x4d\x18", "an lz4 file", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a rar archive", UNPACK),
    (b"\x1f\x9d", "a file of `compress`", "unpacking it first, as with `uncompress`"),
    (b"PAR1", "a Parquet file", TO_CSV),
    (b"ARROW1", "an Arrow file", TO_CSV),
    (b"\x93NUMPY", "an array of NumPy", TO_CSV),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", TO_CSV),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of Excel or Word", TO_CSV),
    (b"SQLite format 3\0", "an SQLite database", TO_CSV),
    (b"MATLAB 5.0 MAT-file", "a Matlab file", "another version of it"),
    (b"%PDF-", "a PDF document", "another file"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", "another file or data set name"),
    (b"\xff\xd8\xff", "a JPEG image", "another file or data set name"),
    (b"version https://git-lfs.github.com/", "a pointer of Git LFS without its file", "`git lfs pull`"),
];

/// What a file that begins with `head` is, if that is known and neither text nor a format that is read here.
pub fn foreign(head: &[u8]) -> Option<Foreign> {
    let of = |what, advice| Some(Foreign { what, advice });
    if let Some((_, what, advice)) = KNOWN.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return of(what, advice);
    }
    // Protocol 2 to 5, then an opcode that such files begin with: a frame, a dictionary, a list, a tuple, a class.
    if let [0x80, 2..=5, 0x95 | b'}' | b']' | b'(' | b'c' | b'X', ..] = head {
        return of("a pickle of Python", TO_CSV);
    }
    if head.get(257..262) == Some(b"ustar") {
        return of(TAR, "unpacking it first, as with `tar xf`");
    }
    None
}

/// Whether what begins with `head` is a web page: what a download leaves that failed, or wants an agreement first.
pub fn is_web_page(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    [&b"<!doctype html"[..], b"<html"]
        .iter()
        .any(|mark| head.len() >= mark.len() && head[..mark.len()].eq_ignore_ascii_case(mark))
}

/// What a text that begins with `head` is, if it is no table of rows and cells.
pub fn no_table(head: &[u8]) -> Option<Foreign> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let opens = |marks: &[u8]| {
        let rest = text.strip_prefix(&marks[..1]).map(<[u8]>::trim_ascii_start);
        rest.is_some_and(|rest| rest.first().is_some_and(|byte| marks[1..].contains(byte)))
    };
    if opens(b"{\"}") || opens(b"[{[") {
        return Some(Foreign { what: "JSON", advice: TO_CSV });
    }
    let arff = text.len() >= 9 && text[..9].eq_ignore_ascii_case(b"@relation");
    arff.then_some(Foreign { what: "a file of Weka (ARFF)", advice: TO_CSV })
}

/// The encoding of a text that is not in UTF-8 but in two or four bytes a character, as `iconv` calls it.
pub fn wide_encoding(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return Some("UTF-32LE"),
        [0, 0, 0xfe, 0xff, ..] => return Some("UTF-32BE"),
        [0xff, 0xfe, ..] => return Some("UTF-16LE"),
        [0xfe, 0xff, ..] => return Some("UTF-16BE"),
        _ => {}
    }
    // Without a mark: of letters as English has them one byte of each two is zero.
    let zeros = |skip: usize| head.iter().skip(skip).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), head.len() / 2);
    match pairs {
        0 => None,
        _ if even == 0 && 2 * odd > pairs => Some("UTF-16LE"),
        _ if odd == 0 && 2 * even > pairs => Some("UTF-16BE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let what = |head: &[u8]| foreign(head).map(|foreign| foreign.what);
        assert_eq!(what(b"PK\x03\x04\x14\0"), Some("a zip archive (as .xlsx and .npz files are, too)"));
        assert_eq!(what(b"\xfd7zXZ\0\0\x04"), Some("an xz file"));
        assert_eq!(what(b"\x80\x04\x95\x10\0"), Some("a pickle of Python"));
        assert_eq!(what(b"\x80\x02}q\0"), Some("a pickle of Python"));
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(what(&tar), Some("a tar archive"));
        for text in [&b""[..], b"a,b\n1,2\n", b"PKs,price\n", b"BZ,1\n", b"\0\0\x08\x03", b"\x80"] {
            assert_eq!(what(text), None, "{text:?}");
        }
    }

    #[test]
    fn texts_that_are_no_tables_are_told() {
        let what = |head: &[u8]| no_table(head).map(|foreign| foreign.what);
        for json in [&b"[{\"a\": 1}]"[..], b"{\n  \"a\": [1]}", b"\xef\xbb\xbf[ [1, 2],", b"{}"] {
            assert_eq!(what(json), Some("JSON"));
        }
        assert_eq!(what(b"@RELATION iris\n"), Some("a file of Weka (ARFF)"));
        for table in [&b""[..], b"[a],b\n1,2\n", b"{x},y\n", b"[", b"\"[x\",y\n"] {
            assert_eq!(what(table), None, "{table:?}");
        }
    }

    #[test]
    fn pages_and_wide_texts_are_told() {
        assert!(is_web_page(b"\n <!DOCTYPE HTML PUBLIC") && is_web_page(b"\xef\xbb\xbf<html lang=en>"));
        assert!(!is_web_page(b"<b>,1") && !is_web_page(b""));
        let wide = |text: &str, mark: bool| -> Vec<u8> {
            let mark = if mark { "\u{feff}" } else { "" };
            format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        assert_eq!(wide_encoding(&wide("a,y", false)), Some("UTF-16LE"));
        assert_eq!(wide_encoding(&wide("東京", true)), Some("UTF-16LE"));
        let big: Vec<u8> = "size,y\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(wide_encoding(&big), Some("UTF-16BE"));
        assert_eq!(wide_encoding(b"\xff\xfe\0\0a\0\0\0"), Some("UTF-32LE"));
        for text in [&b""[..], b"a", b"plain text", "größer".as_bytes()] {
            assert_eq!(wide_encoding(text), None);
        }
    }
}
