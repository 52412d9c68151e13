//! Event files for TensorBoard.

mod events;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use self::events::{Events, Plugin};
use super::csv::Extent;
use super::{Report, Source};
use crate::Error;
use onedge_protobuf::Message;
use onedge_spec::Catalogue;

use crate::{Entry, FieldValue, Status};
use onedge_record::{Rows, write_through};

pub fn write(sources: &[Source], folder: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    for source in sources {
        let into = place(source, folder);
        fs::create_dir_all(&into).map_err(Error::write(&into))?;
        run(source, &into, &mut report)?;
    }
    Ok(report)
}

/// The file of a run.
pub fn file(source: &Source, folder: &Path) -> Result<PathBuf, Error> {
    Ok(named(&Entry::at(source.run.path(), &Catalogue::standard())?, &place(source, folder)))
}

/// The folder of a run in that of all.
fn place(source: &Source, folder: &Path) -> PathBuf {
    // A label may be a path, and leave the folder.
    folder.join(source.label.trim_start_matches(['/', '.']).replace("..", "."))
}

fn named(entry: &Entry, into: &Path) -> PathBuf {
    let host = entry.text("host").unwrap_or("unknown");
    into.join(format!("events.out.tfevents.{:010.0}.{host}", time(entry, "started").unwrap_or(0.0)))
}

/// A time that is known of a run, in seconds since 1970.
fn time(entry: &Entry, key: &str) -> Option<f64> {
    let time = humantime::parse_rfc3339(entry.text(key)?).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

fn run(source: &Source, into: &Path, report: &mut Report) -> Result<(), Error> {
    let entry = Entry::at(source.run.path(), &Catalogue::standard())?;
    let (path, started) = (named(&entry, into), time(&entry, "started").unwrap_or(0.0));
    let extent = Extent::of(std::slice::from_ref(source))?;
    let tags: Vec<String> = extent.names().collect();
    write_through(&path, |out| {
        let mut events = Events::begin(out, &path, started)?;
        let settings = fs::read_to_string(source.run.spec()).unwrap_or_default();
        events.plugins(started, &[Plugin::text("spec/text_summary", &code(&settings)), start(&entry, started)])?;
        let mut rows = Rows::open(&source.run)?;
        let mut last = started;
        while let Some(row) = rows.next()? {
            last = started + row.value("seconds").unwrap_or(0.0);
            let step = row.value("step").unwrap_or(0.0) as i64;
            let cells = tags.iter().zip(extent.cells(&row)).skip(1);
            let values = cells.filter_map(|(tag, cell)| Some((&tag[..], cell?.parse().ok()?)));
            events.scalars(last, step, values)?;
            report.records += 1;
        }
        report.torn.extend(rows.torn().then(|| source.run.path().to_owned()));
        let ended = time(&entry, "ended");
        events.plugins(ended.unwrap_or(last), &[end(entry.status, ended)])
    })
}

/// Text as Markdown shows it unchanged.
fn code(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// The settings as hyper-parameters: `HParamsPluginData { session_start_info: { hparams, start_time_secs } }`.
fn start(entry: &Entry, started: f64) -> Plugin {
    let mut info = Message::new();
    for (key, fact) in entry.settings() {
        // A `google.protobuf.Value`.
        let mut value = Message::new();
        match fact {
            FieldValue::Flag(flag) => value.integer(4, i64::from(*flag)),
            FieldValue::Integer(integer) => value.double(2, *integer as f64),
            FieldValue::Number(number) => value.double(2, *number),
            FieldValue::Text(_) | FieldValue::List(_) | FieldValue::Words(_) => {
                value.bytes(3, fact.to_string().as_bytes())
            }
        }
        let mut pair = Message::new();
        pair.bytes(1, key.as_bytes());
        pair.message(2, &value);
        info.message(1, &pair);
    }
    info.double(5, started);
    Plugin::hyper_parameters("_hparams_/session_start_info", 3, &info)
}

/// How the run ended: `HParamsPluginData { session_end_info: { status, end_time_secs } }`.
fn end(status: Status, ended: Option<f64>) -> Plugin {
    let mut info = Message::new();
    let (success, failure, running) = (1, 2, 3);
    info.integer(
        1,
        match status {
            Status::Done => success,
            Status::Running => running,
            _ => failure,
        },
    );
    if let Some(ended) = ended {
        info.double(2, ended);
    }
    Plugin::hyper_parameters("_hparams_/session_end_info", 4, &info)
}

#[cfg(test)]
mod tests;
