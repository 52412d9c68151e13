use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use kuva::backend::svg::SvgBackend;
use kuva::render::render::Scene;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Filter, Finish, Name, Pdf, Rect, Ref, Str};
use subsetter::GlyphRemapper;
use ttf_parser::Face;

const UNICODE: SystemInfo = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// DejaVu Sans, regular and bold, as TrueType files.
pub fn dejavu_sans() -> [Vec<u8>; 2] {
    // The library has them for PNG, and hands them out in an SVG.
    let svg = SvgBackend::new().with_embedded_font(true).render_scene(&Scene::new(1.0, 1.0));
    let files = svg.split("data:font/truetype;base64,").skip(1);
    let mut files = files.filter_map(|rest| rest.split('\'').next()).map(decoded);
    [files.next().unwrap_or_default(), files.next().unwrap_or_default()]
}

fn decoded(base64: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = base64.bytes().filter(|byte| *byte != b'=').map(value).collect();
    let three = |four: &[u8]| {
        let bits = four.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(three).collect()
}

/// A typeface as far as a PDF uses it.
pub struct Font<'a> {
    face: Face<'a>,
    data: &'a [u8],
    used: GlyphRemapper,
    /// The letter of each used glyph, but for the first, which stands for none.
    letters: Vec<char>,
}

impl<'a> Font<'a> {
    /// That of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(data: &'a [u8]) -> Result<Self, String> {
        let face = Face::parse(data, 0).map_err(|error| error.to_string())?;
        Ok(Self { face, data, used: GlyphRemapper::new(), letters: Vec::new() })
    }

    /// A text as the PDF has it, two bytes a letter, and its width in units of the letters' size.
    ///
    /// # Errors
    /// A letter that is not in the typeface.
    pub fn shape(&mut self, text: &str) -> Result<(Vec<u8>, f64), String> {
        let (mut bytes, mut width) = (Vec::new(), 0.0);
        for letter in text.chars() {
            let Some(glyph) = self.face.glyph_index(letter) else {
                return Err(format!(
                    "expected letters that DejaVu Sans has, got `{letter}`; try a name that ends in `.svg`"
                ));
            };
            width += self.width(glyph.0);
            let place = self.used.remap(glyph.0);
            if usize::from(place) > self.letters.len() {
                self.letters.push(letter);
            }
            bytes.extend(place.to_be_bytes());
        }
        Ok((bytes, width))
    }

    fn width(&self, glyph: u16) -> f64 {
        let advance = self.face.glyph_hor_advance(ttf_parser::GlyphId(glyph)).unwrap_or(0);
        f64::from(advance) / f64::from(self.face.units_per_em())
    }

    /// Writes the used part of it as objects 0 to 4 from `first` on; the first is the font.
    ///
    /// # Errors
    /// What keeps it from being cut down.
    pub fn write(&self, pdf: &mut Pdf, first: i32, name: &str) -> Result<(), String> {
        let [font, descendant, descriptor, letters, file] = [0, 1, 2, 3, 4].map(|offset| Ref::new(first + offset));
        let data = subsetter::subset(self.data, 0, &self.used).map_err(|error| error.to_string())?;
        let name = Name(name.as_bytes());
        pdf.type0_font(font)
            .base_font(name)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(descendant)
            .to_unicode(letters);
        let thousandths = |value: i16| 1000.0 * f32::from(value) / f32::from(self.face.units_per_em());
        let mut own = pdf.cid_font(descendant);
        own.subtype(CidFontType::Type2).base_font(name).system_info(UNICODE).font_descriptor(descriptor);
        own.default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
        let widths = self.used.remapped_gids().map(|glyph| (1000.0 * self.width(glyph)) as f32);
        own.widths().consecutive(0, widths);
        own.finish();
        let bounds = self.face.global_bounding_box();
        pdf.font_descriptor(descriptor)
            .name(name)
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(
                thousandths(bounds.x_min),
                thousandths(bounds.y_min),
                thousandths(bounds.x_max),
                thousandths(bounds.y_max),
            ))
            .italic_angle(0.0)
            .ascent(thousandths(self.face.ascender()))
            .descent(thousandths(self.face.descender()))
            .cap_height(thousandths(self.face.capital_height().unwrap_or(self.face.ascender())))
            .stem_v(80.0)
            .font_file2(file);
        let mut map = UnicodeCmap::new(Name(b"Letters"), UNICODE);
        self.letters.iter().zip(1_u16..).for_each(|(letter, glyph)| map.pair(glyph, *letter));
        pdf.stream(letters, &deflated(&map.finish())).filter(Filter::FlateDecode);
        pdf.stream(file, &deflated(&data)).filter(Filter::FlateDecode).pair(Name(b"Length1"), data.len() as i32);
        Ok(())
    }
}

/// Compressed as PDF has it.
pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_decoded() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(decoded(text), bytes.as_bytes());
        }
    }

    #[test]
    fn the_library_hands_out_its_typefaces() {
        let files = dejavu_sans();
        let faces = files.each_ref().map(|file| Face::parse(file, 0).unwrap());
        assert_eq!(faces.map(|face| face.is_bold()), [false, true]);
        let mut font = Font::read(&files[0]).unwrap();
        let (bytes, width) = font.shape("ηη−").unwrap();
        assert_eq!(bytes, [0, 1, 0, 1, 0, 2]);
        // Of 2048 units an em, eta has 1298 and a minus 1716.
        assert!((width - (2.0 * 1298.0 + 1716.0) / 2048.0).abs() < 1e-12, "{}", width * 2048.0);
        assert_eq!(font.letters, ['η', '−']);
        assert!(font.shape("漢").unwrap_err().contains("got `漢`"));
    }
}
