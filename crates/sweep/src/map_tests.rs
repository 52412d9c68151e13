use std::fs;

use onedge_run::DataSets;
use onedge_spec::Catalogue;

use super::*;
use crate::Sweep;
use crate::status::Done;

const SWEEP: &str = "batch = [10, 15]\n[data]\nname = \"mixture\"\nexamples = 30\nfeatures = 3\nclasses = 2\n[model]\nhidden = [4]\n\
                     [tuner]\nname = \"constant\"\nrate = [0.1, 0.2]\n";

/// The smaller loss has the worse accuracy.
fn summary(loss: f64, accuracy: f64) -> Summary {
    let text = format!(
        r#"{{"name":"a","version":"0","stop":{{"reason":"steps_done"}},"steps":1,"parameters":1,"seconds":1.0,
            "spectrum_seconds":0.0,"cost":3.0,"first_loss":4.0,"final_loss":{loss},"best_loss":{loss},"events":{{}},
            "train":{{}},"test":{{"accuracy":{accuracy}}}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_best_of_a_map_is_by_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("steps.jsonl"), "").unwrap();
    let sweep = Sweep::parse("s.toml", SWEEP, &[], &Catalogue::standard()).unwrap();
    let trials = sweep.trials(&mut DataSets::new(None)).unwrap();
    let results = [(1.0, 0.75), (2.0, 0.875), (0.5, 0.625), (3.0, 0.5)];
    let done = |(loss, accuracy)| {
        Status::Done(Box::new(Done { folder: folder.path().to_owned(), summary: summary(loss, accuracy) }))
    };
    let statuses: Vec<Status> = results.into_iter().map(done).collect();
    let axes = Axes { x: "tuner.rate".to_owned(), y: "batch".to_owned(), panels: None, variant: None };
    let best = |report: &Report<'_>, value: &str| {
        let map = report.map(&axes, value).unwrap().unwrap();
        let legend = map.picture().marks[0].1.clone();
        let rows = map.csv();
        let starred: Vec<Vec<&str>> = rows.lines().map(|row| row.split(',').collect()).collect();
        let [row] = starred.iter().filter(|row| row[9] == "1").collect::<Vec<_>>()[..] else { panic!("{rows}") };
        (format!("{} at {}", row[1], row[2]), legend)
    };
    let report = Report::new(&trials, &statuses).unwrap();
    let place = |run: usize| {
        let get = |key: &str| trials[run].spec.get(key).unwrap().to_string();
        format!("{} at {}", get("tuner.rate"), get("batch"))
    };
    assert_eq!(best(&report, "test.accuracy"), (place(1), "best of its group".to_owned()));
    assert_eq!(best(&report, "final_loss"), (place(2), "best of its group".to_owned()));
    // Of a number of which nobody knows whether more is better, the best is by the metric of the sweep.
    assert_eq!(best(&report, "cost"), (place(2), "best final loss of its group".to_owned()));
    assert_eq!(best(&report, RELATIVE_LOSS).0, place(2));
    let report = report.chosen_by(Metric::named("test.accuracy").unwrap());
    assert_eq!(best(&report, "cost"), (place(1), "best test accuracy of its group".to_owned()));
}
