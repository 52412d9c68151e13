use super::*;

#[test]
fn an_encoding_is_read_back_if_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDirectory::at(folder.path());
    assert_eq!(run.read_encoding::<Vec<f64>>().unwrap(), None);
    run.leave_encoding(&[0.1, 1e-300]).unwrap();
    assert_eq!(run.read_encoding().unwrap(), Some(vec![0.1, 1e-300]));
    fs::write(run.encoding(), "[0.1,\n x]").unwrap();
    let error = run.read_encoding::<Vec<f64>>().unwrap_err().to_string();
    assert!(error.contains("encoding.json:2: expected what a run records"), "{error}");
}

#[test]
fn numbers_the_runs_of_one_name() {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..3)
        .map(|_| RunDirectory::create_numbered(&root.path().join("runs"), "cdat").unwrap())
        .map(|run| run.path().file_name().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["cdat", "cdat-2", "cdat-3"]);
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    RunDirectory::create(&root.path().join("new/one")).unwrap();
    RunDirectory::create(root.path().join("new/one").as_path()).unwrap();
    let begun = RunDirectory::create(&root.path().join("begun")).unwrap();
    drop(begun.lock(&mut |_| panic!("no locks")).unwrap());
    fs::write(begun.path().join("spec.toml.12.part"), "name = \"cd").unwrap();
    assert_eq!(RunDirectory::create(begun.path()).unwrap(), begun);
    let message = RunDirectory::create(root.path()).unwrap_err().to_string();
    assert!(message.ends_with("try another folder"), "{message}");
    let message = RunDirectory::open(root.path()).unwrap_err().to_string();
    assert!(message.contains("steps.jsonl"), "{message}");
}

#[test]
fn a_summary_is_there_once_it_was_written() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDirectory::at(root.path());
    assert_eq!(run.read_summary().unwrap(), None);
    let text = r#"{"name":"a","version":"0","stop":{"reason":"diverged","step":7,"loss":1e9,"limit":1e6},"steps":7,
        "parameters":3,"seconds":1.5,"spectrum_seconds":0.25,"checkpoint_seconds":0.5,"checkpoints_failed":2,"cost":21.0,
        "first_loss":2.0,"final_loss":3.0,"best_loss":1.0,"events":{"non_descent":4},"train":{"loss":0.5},"test":{}}"#;
    let summary: Summary = serde_json::from_str(text).unwrap();
    run.write_summary(&summary).unwrap();
    assert_eq!(run.read_summary().unwrap(), Some(summary));
    fs::write(run.summary(), "{\"name\":").unwrap();
    assert!(matches!(run.read_summary(), Err(Error::Record { line: 1, .. })));
    fs::remove_file(run.summary()).unwrap();
    fs::create_dir(run.summary()).unwrap();
    assert!(matches!(run.read_summary(), Err(Error::Read { .. })), "what cannot be read is no missing summary");
}
