use std::fs;
use std::path::{Path, PathBuf};

use axum::extract::{Query, State};
use axum::response::Response;
use onedge_paper::{FIGURES, Made};
use serde_json::{Value, json};

use super::answer::{Pairs, answer, needed};
use crate::app::{App, Shared, is_plain};
use crate::error::Refusal;

/// The folder below the root in which `onedge figure` leaves a folder for each preset.
const FOLDER: &str = "figures";
/// A picture of more bytes is not shown.
const LONGEST: u64 = 32 << 20;

/// The figures of the paper that were made, with their claims and verdicts.
pub async fn figures(State(app): State<Shared>) -> Response {
    answer(app, |app| {
        let found: Vec<Value> = folders(app).into_iter().filter_map(|(name, path)| made(app, &name, &path)).collect();
        Ok(json!({ "folders": found }))
    })
    .await
}

/// The picture of one of them: `folder`, `figure`.
pub async fn picture(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let (folder, figure) = (needed(&pairs, "folder")?, needed(&pairs, "figure")?);
        let none =
            || Refusal::missing(format!("figure `{figure}`: expected one that was made, got none in `{folder}`"));
        let known = FIGURES.iter().any(|entry| entry.name == figure) && is_plain(folder);
        let path = app.root.join(FOLDER).join(folder).join(format!("{figure}.svg"));
        let path = app.inside(&path).filter(|_| known).ok_or_else(none)?;
        Ok(json!({ "svg": short(&path).ok_or_else(none)? }))
    })
    .await
}

/// Folders with figures, by name: those of each preset, and the one that holds them.
fn folders(app: &App) -> Vec<(String, PathBuf)> {
    let Ok(children) = fs::read_dir(app.root.join(FOLDER)) else { return Vec::new() };
    let name = |child: fs::DirEntry| child.file_name().to_str().filter(|name| is_plain(name)).map(str::to_owned);
    let mut names: Vec<String> = children.flatten().filter_map(name).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), app.root.join(FOLDER).join(name))).collect()
}

/// What the figures of a folder say; nothing of a folder without any.
fn made(app: &App, name: &str, folder: &Path) -> Option<Value> {
    let read = |figure: &str| {
        let text = short(&app.inside(&folder.join(format!("{figure}.json")))?)?;
        let made = serde_json::from_str::<Made>(&text);
        Some(match made {
            Ok(made) => json!({
                "name": figure,
                "seen": made.claims.iter().map(onedge_paper::Judged::seen).collect::<Vec<_>>(),
                "made": made,
            }),
            Err(error) => json!({ "name": figure, "problem": error.to_string() }),
        })
    };
    let figures: Vec<Value> = FIGURES.iter().filter_map(|entry| read(entry.name)).collect();
    (!figures.is_empty()).then(|| json!({ "folder": name, "figures": figures }))
}

fn short(path: &Path) -> Option<String> {
    fs::metadata(path).ok().filter(|file| file.is_file() && file.len() < LONGEST)?;
    fs::read_to_string(path).ok()
}
