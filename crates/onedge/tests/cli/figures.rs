use crate::bench::Bench;

#[test]
fn a_figure_is_run_judged_drawn_and_gathered() {
    let bench = Bench::new();
    let tiny = ["figure", "2", "--preset", "tiny", "--jobs", "2"];
    let plan = bench.done(&[&tiny[..], &["--plan"]].concat()).stdout;
    assert!(plan.contains("5 runs to do, about ") && plan.contains("2 at a time"), "{plan}");
    assert!(!bench.path("runs").exists(), "a plan does nothing");

    let first = bench.done(&tiny);
    assert_eq!(first.stderr.lines().count(), 5, "{}", first.stderr);
    assert!(
        first.stderr.contains("5/5 linear-gd ") && first.stderr.contains("seed 0: steps done, loss "),
        "{}",
        first.stderr
    );
    for expected in [
        "figure 2: classical tuners against the tuned constant rate on a linear model\n",
        "linear model, gradient descent: digits (first 512, label_noise 0.5, scale standard), linear, cross-entropy (l2 1e-5), gd, full batch, 24 steps\n",
        "greedy ends at 1.1 times the tuned constant's loss or less",
        "left in runs/figures/tiny, as svg, png, pdf, csv, txt and json\n",
    ] {
        assert!(first.stdout.contains(expected), "{expected}: {}", first.stdout);
    }
    let names: Vec<String> =
        ["csv", "json", "pdf", "png", "svg", "txt"].iter().map(|end| format!("figure-2.{end}")).collect();
    assert_eq!(bench.names("runs/figures/tiny"), [&names[..], &["made-by-onedge.txt".to_owned()]].concat());
    let csv = bench.read("runs/figures/tiny/figure-2.csv");
    assert!(csv.starts_with("problem,rule,setting,seed,step,cost,seconds,loss,learning_rate\n"), "{csv}");
    assert_eq!(csv.lines().count(), 1 + 3 * 24);
    let svg = bench.read("runs/figures/tiny/figure-2.svg");
    assert!(svg.contains(">step<") && svg.contains(">greedy<") && !svg.contains("NaN"));

    // Nothing is run twice; the same figure comes again, over another axis.
    let again = bench.done(&[&tiny[..], &["--x", "cost"]].concat());
    assert_eq!(again.stderr, "");
    assert!(!again.stdout.contains("to do"), "{}", again.stdout);
    assert!(first.stdout.ends_with(&again.stdout), "{}", again.stdout);
    assert!(bench.read("runs/figures/tiny/figure-2.svg").contains(">cost in forward passes<"));

    let output = bench.done(&["figure", "9", "figure-11", "--out", "runs/figures/tiny"]).stdout;
    assert!(output.contains("figure 9: shown; of 4 claims 4 are shown, 0 partly, 0 not\n"), "{output}");
    assert!(output.lines().any(|line| line.starts_with("    11  shown")), "{output}");
    let output = bench.done(&["report", "--figures", "runs/figures/tiny"]).stdout;
    assert_eq!(output, "3 figures in runs/figures/tiny/report.html\n");
    let page = bench.read("runs/figures/tiny/report.html");
    assert!(page.matches("<svg").count() == 3 && page.contains("<h2>Figure 11: ") && !page.contains("src="), "{page}");
    let text = bench.done(&["report", "--figures", "runs/figures/tiny", "--markdown"]).stdout;
    assert!(text.starts_with("# The paper's figures") && text.contains("\n## Figure 2\n"), "{text}");
    // The same at another size beside it, with pictures and with what somebody wrote.
    bench.done(&["figure", "9", "--first-seed", "100", "--out", "runs/other"]);
    std::fs::create_dir(bench.path("notes")).unwrap();
    std::fs::write(bench.path("notes/figure-9.md"), "Seen by hand.\n").unwrap();
    let report = ["report", "--figures", "runs/figures/tiny", "--beside", "runs/other", "--notes", "notes"];
    let text = bench.done(&[&report[..], &["--markdown", "--pictures", "images"]].concat()).stdout;
    for expected in ["tiny | small, seeds from 100 |", "![Figure 9: ", "(images/figure-9.svg)\n\nSeen by hand.\n\n- "] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let without = bench.run(&report);
    assert_eq!(without.code, Some(2));
    assert!(without.stderr.contains("--markdown"), "{}", without.stderr);
}

#[test]
fn a_figure_does_not_wait_for_the_runs_of_others() {
    let bench = Bench::new();
    let output = bench.done(&["figure", "2", "9", "--preset", "tiny", "-q"]).stdout;
    let place = |text: &str| output.find(text).unwrap_or_else(|| panic!("{text}: {output}"));
    assert!(place("figure 9: the simplified") < place("figure 2: classical"), "{output}");
    // All of them together are by their number.
    assert!(place("\n     2  ") < place("\n     9  "), "{output}");
}

#[test]
fn without_a_number_it_says_what_there_is() {
    let bench = Bench::new();
    let list = bench.done(&["figure"]).stdout;
    assert!((1..=21).all(|number| list.lines().any(|line| line.starts_with(&format!("figure-{number} ")))), "{list}");
    let text = bench.done(&["explain", "figure-5"]).stdout;
    assert!(text.starts_with("figure figure-5: ") && text.contains("`onedge figure 5`"), "{text}");
    assert!(!bench.path("runs").exists());
}

#[test]
fn mistakes_are_named_in_one_line() {
    let bench = Bench::new();
    bench.write("file", "");
    for (args, code, expected) in [
        (&["figure", "22"][..], 2, "error: figure: expected numbers from 1 to 21, or all, got 22"),
        (
            &["figure", "4", "--x", "cost"],
            2,
            "error: --x: expected step, as figures of the simplified model have no cost",
        ),
        (
            &["figure", "2", "--preset", "tiny", "--data", "no/such"],
            2,
            "error: no/such/cifar-10: not found, expected CIFAR-10",
        ),
        (&["figure", "9", "--out", "file"], 1, "error: file: cannot write: "),
        (&["report", "--figures", "."], 2, "error: .: expected a folder with figures, got none in it"),
    ] {
        let output = bench.run(args);
        assert_eq!(output.code, Some(code), "{args:?}: {}", output.stderr);
        assert!(output.stderr.starts_with(expected), "{args:?}: {}", output.stderr);
        assert!(output.stderr.lines().count() == 1, "{}", output.stderr);
    }
    assert_eq!(bench.run(&["figure", "1", "--jobs", "0"]).code, Some(2));
    assert!(!bench.path("runs").exists(), "nothing is written for what cannot start");
}

#[test]
fn a_figure_is_drawn_again_from_what_was_kept() {
    let bench = Bench::new();
    let tiny = ["figure", "2", "--preset", "tiny"];
    let with = |more: &[&'static str]| [&tiny[..], more].concat();
    bench.done(&with(&["--keep", "kept", "-q"]));
    let names = ["linear-gd-armijo.json.gz", "linear-gd-cdat.json.gz", "linear-gd-constant.json.gz"];
    assert_eq!(bench.names("kept/tiny"), names);
    let csv = bench.read("runs/figures/tiny/figure-2.csv");
    std::fs::remove_dir_all(bench.path("runs")).unwrap();

    let status = bench.done(&with(&["--status", "--keep", "kept"])).stdout;
    assert!(status.contains("     2     5     5      0     -\n") && status.contains("all runs are done"), "{status}");
    bench.done(&with(&["--from", "kept"]));
    assert_eq!(bench.read("runs/figures/tiny/figure-2.csv"), csv);

    // Of other seeds there is nothing.
    let output = bench.run(&with(&["--from", "kept", "--first-seed", "7", "--force"]));
    assert_eq!(output.code, Some(1));
    assert_eq!(output.stderr, "figure-2: 5 of 5 runs are missing; --keep in place of --from does them\n");
    let output = bench.run(&with(&["--from", "kept", "--keep", "kept"]));
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("'--from <DIR>' cannot be used with '--keep <DIR>'"), "{}", output.stderr);
    std::fs::write(bench.path("kept/tiny/a.json.gz"), "nothing").unwrap();
    let output = bench.run(&with(&["--from", "kept"]));
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("a.json.gz"), "{}", output.stderr);
}

#[test]
fn a_study_asks_runs_and_answers() {
    let bench = Bench::new();
    let list = bench.done(&["study"]).stdout;
    assert!(list.contains("optimizers") && list.contains("`onedge explain optimizers` tells what one asks."), "{list}");
    let told = bench.done(&["explain", "generalisation"]).stdout;
    assert!(told.contains("Made by `onedge study generalisation`."), "{told}");
    let made = bench.done(&["study", "generalisation", "--preset", "tiny", "-q"]).stdout;
    for expected in [
        "study generalisation: test accuracy at equal training loss",
        "\nquestion: At equal training loss, does the flatter end",
        "one of both did not get to the loss",
        "study generalisation: not shown; of 14 claims 0 are shown, 0 partly, 14 not; 12 runs",
        "left in runs/studies/tiny, as svg, png, pdf, csv, txt and json\n",
    ] {
        assert!(made.contains(expected), "{expected}: {made}");
    }
    let page = bench.done(&["report", "--figures", "runs/studies/tiny", "--markdown"]).stdout;
    assert!(page.starts_with("# Findings beyond the paper\n") && page.contains("## Study generalisation\n"), "{page}");
    let output = bench.run(&["study", "optimisers"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("optimizers"), "{}", output.stderr);
}
