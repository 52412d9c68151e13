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

const NETWORK: [&str; 4] = ["--latency", "5us", "--bandwidth", "10GB/s"];

#[test]
fn a_plan_over_ranks_has_a_row_for_each() {
    let bench = Bench::new();
    let full = bench.done(&[&["plan", "a.toml", "--json"][..], &NETWORK, &["--ranks", "8, 2"]].concat()).stdout;
    let plan: serde_json::Value = serde_json::from_str(&full).unwrap();
    let over = &plan["over_ranks"];
    assert_eq!((over["latency"].as_f64(), over["bandwidth"].as_f64()), (Some(5e-6), Some(1e10)));
    assert_eq!(over["curvatures"].as_f64(), Some(0.0), "a constant rate asks for none");
    let rows = over["rows"].as_array().unwrap();
    let column = |key: &str| rows.iter().map(|row| row[key].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(column("ranks"), [1, 2, 8]);
    // Thirty examples are two blocks of 16 rows.
    assert_eq!((column("examples"), column("idle")), (vec![30, 16, 16], vec![0, 0, 6]));
    assert!(rows.iter().all(|row| row["seconds"].as_f64().unwrap() > 0.0), "{full}");
    assert!(rows[2]["messages"].as_f64() > rows[1]["messages"].as_f64(), "{full}");
    assert_eq!(rows[0]["efficiency"].as_f64(), Some(1.0));

    let paper =
        ["--set", "tuner=cdat", "--set", "tuner.preset=paper", "--set", "batch=16", "--set", "engine.threads=1"];
    let text = bench.done(&[&["plan", "a.toml", "--ranks", "1,8"][..], &NETWORK, &paper].concat()).stdout;
    for part in [
        "over ranks, with 5.000 us and 10.00 GB/s between two:",
        "a step is a gradient, a curvature, and ",
        "its efficiency falls under 0.8 between 1 and 8 ranks",
        "engine.lanes = 4 leaves ranks without work: from 8 ranks on",
        "7 of 8 ranks have no examples: the batch has too few",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn what_ranks_and_networks_cannot_be_is_one_sentence() {
    let bench = Bench::new();
    let refused = |flags: &[&str]| {
        let output = bench.run(&[&["plan", "a.toml"], flags].concat());
        assert_eq!((output.code, output.stderr.lines().count()), (Some(2), 1), "{flags:?}: {}", output.stderr);
        output.stderr
    };
    let with = |flags: &[&str], expected: &str| {
        let error = refused(flags);
        assert!(error.starts_with(&format!("error: {expected}")), "{error}");
    };
    let ranks = "--ranks: expected numbers from 1 to 65536 with commas between, like 1,2,8,64, got ";
    with(&["--ranks", "0"], &format!("{ranks}0"));
    with(&["--ranks", "1,two"], &format!("{ranks}1,two"));
    with(&["--ranks", ""], &format!("{ranks}nothing"));
    let beside = "--ranks: expected --latency and --bandwidth beside it, or --measure-network under mpirun, got ";
    with(&["--ranks", "2"], &format!("{beside}neither"));
    with(&["--ranks", "2", "--latency", "5us"], &format!("{beside}no --bandwidth"));
    with(&["--ranks", "2", "--bandwidth", "1GB/s"], &format!("{beside}no --latency"));
    with(&NETWORK, "--ranks: expected a list like 1,2,8,64 with --latency and --bandwidth, got none");
    let time = "--latency: expected a time above 0 with its unit, like 5us, 0.1ms or 1s, got ";
    with(&["--ranks", "2", "--latency", "5", "--bandwidth", "1GB/s"], &format!("{time}5"));
    with(&["--ranks", "2", "--latency", "0us", "--bandwidth", "1GB/s"], &format!("{time}0us"));
    let rate = "--bandwidth: expected a rate above 0 with its unit, like 10GB/s, ";
    with(&["--ranks", "2", "--latency", "5us", "--bandwidth", "10GB"], rate);
    // What to do differs with the program; here nothing was started by mpirun.
    let measured = refused(&["--measure-network"]);
    assert!(measured.starts_with("error: --measure-network: expected ") && measured.contains("mpirun"), "{measured}");
}
