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
    ] {
        let text = bench.done(&["explain", name]).stdout;
        assert!(text.contains(expected), "{name}: {text}");
    }
    let output = bench.run(&["explain", "tracce"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("unknown name `tracce`") && output.stderr.contains("`trace`"), "{}", output.stderr);
}
