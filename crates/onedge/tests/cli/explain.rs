use crate::bench::Bench;

#[test]
fn explains_whatever_has_a_name() {
    let bench = Bench::new();
    for (name, expected) in [
        ("cdat", "tuner cdat: curvature dynamics aware tuning"),
        ("adam", "optimizer adam"),
        ("noise-scale", "diagnostic noise-scale: gradient noise scale"),
        ("noise_scale", "diagnostic noise-scale: gradient noise scale"),
        ("step_ratio", "diagnostic step-sharpness"),
        ("top_1", "diagnostic top:"),
        ("variance", "operation variance"),
        ("vit", "model vit"),
        ("alignment", "quantity alignment: (u . v)^2 / |u|^2"),
        ("edge", "term edge: the edge of stability"),
        ("edge", "panel edge"),
        ("sharpness", "term sharpness: the largest eigenvalue of the Hessian"),
        ("sigma", "term sigma: the factor of cdat"),
        ("figure-9", "theory figure-9"),
        ("tuner.sigma", "setting tuner.sigma: scaling: 1 greedy"),
        ("SIGMA", "setting tuner.sigma: scaling: 1 greedy"),
        ("batch", "setting batch: examples per step"),
        ("spec.steps", "setting steps: how many steps to take"),
        ("l2", "setting loss.l2: adds 0.5 l2 |w|^2 to the loss"),
        ("checkpoint-keep", "setting checkpoint_keep: how many of the last checkpoints"),
        ("hidden", "setting model.hidden"),
        ("repeats", "setting sweep.repeats: how many seeds each run is done with"),
        ("sweep.scale", "setting sweep.scale: settings that follow another one"),
        ("sweep", "section sweep: many runs of one spec"),
        ("final_loss", "outcome final_loss: the mean of the last five recorded losses"),
        ("checkpoints_failed", "outcome checkpoints_failed: checkpoints that"),
        ("events.held_back", "outcome events: how often the tuner met"),
        ("test.accuracy", "term accuracy: the share of the examples"),
        ("eigenvalues", "quantity eigenvalues"),
        ("findings", "outcome findings"),
        ("status", "outcome status: running, done,"),
    ] {
        let text = bench.done(&["explain", name]).stdout;
        assert!(text.contains(expected), "{name}: {text}");
    }
    let output = bench.run(&["explain", "tracce"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("unknown name `tracce`") && output.stderr.contains("`trace`"), "{}", output.stderr);
}
