//! What a download or the decoding of images shows: a bar on a terminal, a plain line for every tenth elsewhere.

use std::cell::RefCell;

use indicatif::{DecimalBytes, MultiProgress, ProgressBar, ProgressStyle};
use onedge_data::{Progress, Unit};
use onedge_text::shortened;

use crate::program::console;

/// Shows what it is told of as a bar among `bars`.
pub fn on_terminal(bars: MultiProgress) -> impl Fn(Progress<'_>) {
    let shown: RefCell<Option<(String, ProgressBar)>> = RefCell::new(None);
    move |progress| {
        let mut shown = shown.borrow_mut();
        if shown.as_ref().is_none_or(|(file, _)| file != progress.file) {
            let width = console::error_width();
            let template = match (progress.unit, width) {
                (Unit::Bytes, 100..) => {
                    "{prefix} {bar:16} {decimal_bytes:>10}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left"
                }
                (Unit::Bytes, _) => "{prefix} {decimal_bytes}/{decimal_total_bytes}  {eta} left",
                (Unit::Images, 100..) => "{prefix} {bar:16} {pos:>10}/{len} images  {per_sec}  {eta} left",
                (Unit::Images, _) => "{prefix} {pos}/{len} images  {eta} left",
            };
            let bar = bars.add(ProgressBar::new(progress.total));
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(shortened(progress.file, width.saturating_sub(if width < 100 { 44 } else { 72 })));
            // What an earlier attempt left must not count as speed.
            bar.set_position(progress.received);
            bar.reset_eta();
            *shown = Some((progress.file.to_owned(), bar));
        }
        if let Some((_, bar)) = &*shown {
            bar.set_position(progress.received);
            if progress.received == progress.total {
                bar.finish_and_clear();
            }
        }
    }
}

/// Shows what it is told of in lines.
pub fn in_lines() -> impl Fn(Progress<'_>) {
    let shown: RefCell<Option<(String, u64)>> = RefCell::new(None);
    move |progress| {
        let tenths = progress.received.saturating_mul(10) / progress.total.max(1);
        let now = Some((progress.file.to_owned(), tenths));
        if shown.replace(now.clone()) != now {
            let (file, total) = (progress.file, progress.total);
            console::note(&match progress.unit {
                Unit::Bytes => format!("fetching {file}: {tenths}0 % of {}", DecimalBytes(total)),
                Unit::Images => format!("decoding {file}: {tenths}0 % of {total} images"),
            });
        }
    }
}
