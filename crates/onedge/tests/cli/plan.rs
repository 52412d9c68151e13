use crate::bench::Bench;

#[test]
fn a_plan_tells_work_memory_and_time() {
    let bench = Bench::new();
    let text = bench.done(&["plan", "a.toml"]).stdout;
    for part in ["mlp: 26 parameters", "chunks: ", "memory beside the examples: ", "  matmul", "predicted for "] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let json = bench.done(&["plan", "a.toml", "--json", "--set", "batch=16", "--set", "engine.threads=1"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((plan["batch"].as_u64(), plan["threads"].as_u64()), (Some(16), Some(1)));
    let names: Vec<&str> = plan["stages"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["loss", "gradient", "curvature", "hessian-vector"]);
    // 3-4-2: two products forward, of 16 examples.
    let flop = |stage: usize| {
        let ops = plan["stages"][stage]["ops"].as_array().unwrap();
        ops.iter().map(|op| op["gflop"].as_f64().unwrap()).sum::<f64>() * 1e9
    };
    assert!((flop(0) - f64::from(2 * 16 * (3 * 4 + 4 * 2))).abs() < 1.0, "{}", flop(0));
    assert!(flop(1) > 2.0 * flop(0) && flop(2) > flop(0));
}

#[test]
fn without_memory_curvature_costs_the_gradient_again() {
    let bench = Bench::new();
    let text = bench.done(&["plan", "a.toml", "--set", "engine.memory_mib=0"]).stdout;
    assert!(text.contains(" of 0 chunks, as memory_mib allows; of the other "), "{text}");
}
