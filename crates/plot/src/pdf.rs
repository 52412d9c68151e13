//! A scene as PDF: one page with its lines, areas and letters, and of DejaVu Sans what these need.

use kuva::render::color::Color;
use kuva::render::render::{Primitive, Scene, TextAnchor};
use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str};

use crate::font::{Font, deflated, dejavu_sans};

/// Points of a PDF in a pixel, of which there are 96 in an inch.
const POINTS: f64 = 0.75;
/// A quarter of a circle as a Bezier curve has its controls so far along the tangents.
const QUARTER: f64 = 0.552_284_75;

/// The bytes of the file.
///
/// # Errors
/// A letter that no typeface of it has; a kind of element that no picture here has.
pub fn pdf(scene: &Scene) -> Result<Vec<u8>, String> {
    let files = dejavu_sans();
    let mut fonts = [Font::read(&files[0])?, Font::read(&files[1])?];
    let mut opacities: Vec<f32> = Vec::new();
    let mut content = Content::new();
    // From pixels that go down to points that go up.
    let (scale, height) = (POINTS as f32, (POINTS * scene.height) as f32);
    content.transform([scale, 0.0, 0.0, -scale, 0.0, height]);
    content.set_line_cap(LineCapStyle::ButtCap).set_line_join(LineJoinStyle::RoundJoin);
    for element in &scene.elements {
        draw(&mut content, element, &mut fonts, &mut opacities)?;
    }

    let [catalog, pages, page, stream] = [1, 2, 3, 4].map(Ref::new);
    let places = [5, 10];
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([page]).count(1);
    let mut one = pdf.page(page);
    one.parent(pages).media_box(Rect::new(0.0, 0.0, (POINTS * scene.width) as f32, height)).contents(stream);
    let mut resources = one.resources();
    let mut named = resources.fonts();
    places.iter().zip(FONTS).for_each(|(place, name)| _ = named.pair(Name(name), Ref::new(*place)));
    named.finish();
    let mut states = resources.ext_g_states();
    for (index, _) in opacities.iter().enumerate() {
        states.pair(Name(state(index).as_bytes()), Ref::new(15 + index as i32));
    }
    states.finish();
    resources.finish();
    one.finish();
    for (index, opacity) in opacities.iter().enumerate() {
        pdf.ext_graphics(Ref::new(15 + index as i32)).non_stroking_alpha(*opacity);
    }
    for ((font, place), name) in fonts.iter().zip(places).zip(["ONEDGE+DejaVuSans", "ONEDGE+DejaVuSans-Bold"]) {
        font.write(&mut pdf, place, name)?;
    }
    pdf.stream(stream, &deflated(&content.finish())).filter(Filter::FlateDecode);
    Ok(pdf.finish())
}

const FONTS: [&[u8]; 2] = [b"F0", b"F1"];

/// What an opacity is called on the page.
fn state(index: usize) -> String {
    format!("G{index}")
}

fn draw(
    content: &mut Content,
    element: &Primitive,
    fonts: &mut [Font; 2],
    opacities: &mut Vec<f32>,
) -> Result<(), String> {
    match element {
        Primitive::Line { x1, y1, x2, y2, stroke, stroke_width, stroke_dasharray } => {
            let dashes: Vec<f32> =
                stroke_dasharray.iter().flat_map(|d| d.split([' ', ','])).filter_map(|d| d.parse().ok()).collect();
            content.save_state().set_dash_pattern(dashes, 0.0);
            trace(content, &[(*x1, *y1), (*x2, *y2)], stroke, *stroke_width);
            content.restore_state();
        }
        Primitive::PolyLine { points, stroke, stroke_width, stroke_dasharray: None } => {
            trace(content, points, stroke, *stroke_width);
        }
        Primitive::Rect { x, y, width, height, fill, stroke: None, .. } => {
            fill_with(content, fill);
            content.rect(*x as f32, *y as f32, *width as f32, *height as f32).fill_nonzero();
        }
        Primitive::Circle { cx, cy, r, fill, .. } => {
            fill_with(content, fill);
            circle(content, (*cx, *cy), *r);
        }
        Primitive::Path(path) => {
            let opacity = path.opacity.unwrap_or(1.0) as f32;
            let index = opacities.iter().position(|known| *known == opacity).unwrap_or_else(|| {
                opacities.push(opacity);
                opacities.len() - 1
            });
            content.save_state().set_parameters(Name(state(index).as_bytes()));
            fill_with(content, path.fill.as_ref().unwrap_or(&Color::None));
            outline(content, &path.d);
            content.fill_nonzero().restore_state();
        }
        Primitive::Text { x, y, content: text, size, anchor, rotate: None, bold, color } => {
            let which = usize::from(*bold);
            let (bytes, width) = fonts[which].shape(text)?;
            let width = width * f64::from(*size);
            let left = match anchor {
                TextAnchor::Start => *x,
                TextAnchor::Middle => x - width / 2.0,
                TextAnchor::End => x - width,
            };
            fill_with(content, color.as_ref().unwrap_or(&Color::Rgb(0, 0, 0)));
            content.begin_text().set_font(Name(FONTS[which]), *size as f32);
            content.set_text_matrix([1.0, 0.0, 0.0, -1.0, left as f32, *y as f32]);
            content.show(Str(&bytes)).end_text();
        }
        other => return Err(format!("expected lines, areas and letters, got {other:?}")),
    }
    Ok(())
}

fn rgb(color: &Color) -> [f32; 3] {
    match color {
        Color::Rgb(red, green, blue) => [*red, *green, *blue].map(|part| f32::from(part) / 255.0),
        _ => [0.0; 3],
    }
}

fn fill_with(content: &mut Content, color: &Color) {
    let [red, green, blue] = rgb(color);
    content.set_fill_rgb(red, green, blue);
}

fn trace(content: &mut Content, points: &[(f64, f64)], color: &Color, width: f64) {
    let [red, green, blue] = rgb(color);
    content.set_stroke_rgb(red, green, blue).set_line_width(width as f32);
    for (index, (x, y)) in points.iter().enumerate() {
        let (x, y) = (rounded(*x), rounded(*y));
        if index == 0 {
            content.move_to(x, y)
        } else {
            content.line_to(x, y)
        };
    }
    content.stroke();
}

/// To hundredths of a pixel, as in an SVG.
fn rounded(place: f64) -> f32 {
    ((100.0 * place).round() / 100.0) as f32
}

fn circle(content: &mut Content, (x, y): (f64, f64), r: f64) {
    let place = |a: f64, b: f64| ((x + r * a) as f32, (y + r * b) as f32);
    let (right, _) = (place(1.0, 0.0), ());
    content.move_to(right.0, right.1);
    for (from, to) in
        [((1.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (-1.0, 0.0)), ((-1.0, 0.0), (0.0, -1.0)), ((0.0, -1.0), (1.0, 0.0))]
    {
        let first = place(from.0 + QUARTER * to.0, from.1 + QUARTER * to.1);
        let second = place(to.0 + QUARTER * from.0, to.1 + QUARTER * from.1);
        let end = place(to.0, to.1);
        content.cubic_to(first.0, first.1, second.0, second.1, end.0, end.1);
    }
    content.fill_nonzero();
}

/// A closed line as an SVG has it, of absolute `M` and `L`.
fn outline(content: &mut Content, d: &str) {
    let mut pairs = d.trim_end_matches('Z').split(['M', 'L']).map(|pair| {
        let mut numbers = pair.split_whitespace().filter_map(|number| number.parse::<f32>().ok());
        Some((numbers.next()?, numbers.next()?))
    });
    if let Some((x, y)) = pairs.by_ref().flatten().next() {
        content.move_to(x, y);
        pairs.flatten().for_each(|(x, y)| _ = content.line_to(x, y));
        content.close_path();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ink::Canvas;
    use crate::theme::Theme;

    fn canvas() -> Canvas {
        let mut canvas = Canvas::titled("η × λ, −10⁻⁵", (400.0, 300.0), &Theme::default());
        canvas.bold((10.0, 60.0), "bold σ", 14);
        canvas.line((0.0, 0.0), (400.0, 300.0), "#0072b2", 1.0, Some("6 4"));
        canvas.polyline(vec![(0.0, 0.0), (5.0, 5.0), (9.0, 2.0)], "#d55e00", 1.7);
        canvas.area(&[(0.0, 0.0), (50.0, 0.0), (50.0, 40.0)], "#009e73", 0.2);
        canvas.rectangle((5.0, 5.0), (20.0, 10.0), "#ffffff");
        canvas.dot((30.0, 30.0), 4.0, "#000000");
        canvas
    }

    #[test]
    fn a_page_has_everything_in_it() {
        let bytes = pdf(&canvas().scene).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(bytes.starts_with(b"%PDF-1.") && text.trim_end().ends_with("%%EOF"));
        for expected in
            ["/MediaBox [0 0 300 225]", "/FontFile2", "/ToUnicode", "+DejaVuSans-Bold", "/ca 0.2", "/Identity-H"]
        {
            assert!(text.contains(expected), "{expected}");
        }
        // Of typefaces of 750 kB each what a dozen letters need.
        assert!(bytes.len() < 40_000, "{}", bytes.len());
        assert_eq!(bytes, pdf(&canvas().scene).unwrap());
    }

    #[test]
    fn a_letter_that_is_not_there_is_an_error() {
        let mut canvas = canvas();
        canvas.bold((0.0, 0.0), "漢", 12);
        assert!(pdf(&canvas.scene).unwrap_err().ends_with("got `漢`; try a name that ends in `.svg`"));
    }
}
