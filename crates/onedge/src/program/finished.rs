//! What is said of a run that came to its end.

use std::path::PathBuf;

use onedge_record::{BestEvaluation, Finding, StopReason};
use onedge_run::{Error, Finished};
use onedge_sweep::compare::Group;
use onedge_text::table::{duration, number};
use onedge_text::wrapped;

use crate::program::code::Code;
use crate::program::console;
use crate::program::progress::Row;

/// Reports on a run, and says how to end.
///
/// # Errors
/// What kept the run from training, or from leaving all its files.
pub fn conclude(result: Result<Finished, Error>, row: &mut Row) -> anyhow::Result<Code> {
    let (finished, lost) = match result {
        Ok(finished) => (finished, None),
        Err(Error::Incomplete { finished, source }) => {
            ((*finished).clone(), Some(Error::Incomplete { finished, source }))
        }
        Err(error) => return Err(error.into()),
    };
    row.finish(&finished.summary);
    row.leave();
    let is_gone = lost.as_ref().is_some_and(Error::is_gone);
    console::result(&report(&finished, (!is_gone).then_some(&finished.folder)));
    if let Some(error) = lost {
        return Err(error.into());
    }
    let code = Code::of(&finished.summary);
    if code == Code::Failed {
        let ending = match finished.summary.no_progress() {
            Some(finding) if finished.summary.stop.is_success() => finding.name(),
            _ => finished.summary.stop.to_string(),
        };
        console::note(&format!("error: {}: {ending}", finished.summary.name));
    }
    Ok(code)
}

/// A few lines on how a run went, and where it is left.
fn report(finished: &Finished, folder: Option<&PathBuf>) -> String {
    let summary = &finished.summary;
    let mut lines = vec![
        format!(
            "{}: {}{}",
            summary.name,
            summary.stop,
            if summary.is_success() || !summary.stop.is_success() { "" } else { ", without progress" }
        ),
        format!(
            "{} steps of {} parameters in {} (spectrum {}), cost {:.0} forward passes",
            summary.steps,
            summary.parameters,
            duration(summary.seconds),
            duration(summary.spectrum_seconds),
            summary.cost
        ),
        format!(
            "loss: first {}, best {}, final (mean of the last 5) {}",
            number(summary.first_loss),
            number(summary.best_loss),
            number(summary.final_loss)
        ),
    ];
    for (part, means) in [("train", &summary.train), ("test", &summary.test)] {
        if !means.is_empty() {
            let means: Vec<String> =
                means.iter().map(|(name, value)| format!("{name} {}", number(Some(*value)))).collect();
            lines.push(format!("{part}: {}", means.join(", ")));
        }
    }
    if let Some(BestEvaluation { step, metric, value }) = &summary.best {
        lines.push(format!("best test {metric}: {} at step {step}, in best.safetensors", number(Some(*value))));
    }
    let events: Vec<String> = summary
        .events
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
        .collect();
    if !events.is_empty() {
        lines.push(format!("tuner: {}", events.join(", ")));
    }
    lines.extend(summary.findings.iter().flat_map(|finding| sentence(finding, None)));
    if summary.checkpoints_failed > 0 {
        lines.push(format!("checkpoints that could not be written: {}", summary.checkpoints_failed));
    }
    lines.extend(folder.map(|folder| match (folder.display(), &summary.stop) {
        (folder, StopReason::Interrupted { .. }) => format!("left in {folder}; to go on: onedge resume {folder}"),
        (folder, _) => format!("left in {folder}"),
    }));
    lines.join("\n") + "\n"
}

/// What is to be said of the runs of a table beside their numbers, a sentence each. Runs of a grid that all have the same
/// are told once, as the first of them.
pub fn remarks(groups: &[Group]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let mut lines = Vec::new();
    for (group, point) in groups.iter().flat_map(|group| group.points.iter().map(move |point| (group, point))) {
        for finding in point.runs.iter().flat_map(|run| &run.summary.findings) {
            let name = finding.name();
            if !told.contains(&name) {
                let label = [&group.name[..], &point.label].join(" ");
                lines.extend(sentence(finding, Some(label.trim())));
                told.push(name);
            }
        }
    }
    lines
}

/// A finding in lines that fit a narrow terminal.
fn sentence(finding: &Finding, run: Option<&str>) -> Vec<String> {
    let kind = if finding.is_failure() { "no progress" } else { "warning" };
    let run = run.map_or(String::new(), |run| format!("{run}: "));
    let text = format!("{kind}: {run}{finding}");
    wrapped(&text, 78).enumerate().map(|(line, text)| if line == 0 { text } else { format!("  {text}") }).collect()
}
