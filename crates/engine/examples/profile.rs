use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use onedge_engine::{DataObjective, Examples, Field, Options};
use onedge_nn::{Io, Target, initial_parameters, loss_graph, losses, models};
use onedge_objective::Objective;
use onedge_registry::Value;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let which = &args[1];
    let chunk: Option<usize> = args.get(2).and_then(|x| x.parse().ok()).filter(|&c| c > 0);
    let verbose: usize = args.get(3).map_or(12, |x| x.parse().unwrap());
    let parse = |list: &[(&str, &str)]| -> BTreeMap<String, Value> {
        list.iter().map(|(k, v)| ((*k).to_owned(), Value::parse(v))).collect()
    };
    let (model, settings, batch) = match which.as_str() {
        "mlp" => ("mlp", parse(&[("hidden", "[512, 512]")]), 4096),
        "convnet" => ("convnet", parse(&[]), 512),
        "resnet20" => ("resnet", parse(&[]), 256),
        "mixer" => ("mixer", parse(&[]), 256),
        "vit" => ("vit", parse(&[]), 256),
        "nanolm" => ("nanolm", parse(&[]), 64),
        _ => panic!(),
    };
    let lm = model == "nanolm";
    let (io, target) = if lm {
        (Io::new(&[64], 64).unwrap(), Target::Tokens { count: 64, length: 64 })
    } else {
        (Io::new(&[3, 32, 32], 10).unwrap(), Target::Classes { count: 10 })
    };
    let model = models::build(model, settings, &io).unwrap();
    let w: Vec<f32> = initial_parameters(model.parameters(), 1);
    let build = move |n: usize| {
        let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
        loss_graph(&model, &loss, target, n).map_err(Into::into)
    };
    let width = if lm { 64 } else { 3072 };
    let x: Vec<f32> = (0..batch * width)
        .map(|i| {
            let z = (i * 7919 + 13) % 1000;
            if lm { (z % 64) as f32 } else { z as f32 / 1000.0 }
        })
        .collect();
    let yw = if lm { 64 } else { 1 };
    let y: Vec<f32> = (0..batch * yw).map(|i| (i * 31 % if lm { 64 } else { 10 }) as f32).collect();
    let field = |width: usize, v: Vec<f32>| Field { width, values: Arc::from(v) };
    let examples = Examples::new(batch, vec![field(width, x), field(yw, y)]).unwrap();
    let threads: usize = std::env::var("THREADS").map_or(1, |t| t.parse().unwrap());
    let options = Options { threads, lanes: 4, chunk, memory_bytes: 4 << 30 };
    let start = Instant::now();
    let mut o = DataObjective::new(Box::new(build), examples, 0.0, options).unwrap();
    println!("built in {:?}, {:?}", start.elapsed(), o.chunking());
    let mut g = vec![0f32; w.len()];
    let mut hv = g.clone();
    let (mut best, names) = ([f64::MAX; 4], ["loss", "gradient", "curvature", "hv"]);
    for _ in 0..3 {
        let t = Instant::now();
        o.loss(&w).unwrap();
        best[0] = best[0].min(t.elapsed().as_secs_f64());
        let t = Instant::now();
        o.linearize(&w, &mut g).unwrap();
        best[1] = best[1].min(t.elapsed().as_secs_f64());
        let t = Instant::now();
        o.curvature(&g).unwrap();
        best[2] = best[2].min(t.elapsed().as_secs_f64());
        let t = Instant::now();
        o.hessian_vector(&g, &mut hv).unwrap();
        best[3] = best[3].min(t.elapsed().as_secs_f64());
    }
    let r = o.report(&w, &g, 3).unwrap();
    println!(
        "chunk {} chunks {} kept {} MB scratch {} MB",
        r.chunk,
        r.chunks,
        r.kept_bytes >> 20,
        r.scratch_bytes >> 20
    );
    for (i, s) in r.stages.iter().enumerate() {
        let flops = s.steps.iter().map(|s| s.flops).sum::<f64>() * r.chunks as f64;
        println!(
            "\n{}: {:.1} ms whole, {:.1} ms by report, {:.2} GFLOP, {:.1} GFLOP/s",
            names[i],
            best[i] * 1e3,
            s.steps.iter().map(|s| s.time.as_secs_f64()).sum::<f64>() * 1e3 * r.chunks as f64,
            flops / 1e9,
            flops / 1e9 / best[i]
        );
        let total = s.steps.iter().map(|s| s.time.as_secs_f64()).sum::<f64>();
        let mut by: BTreeMap<&str, (usize, f64, f64, f64)> = BTreeMap::new();
        for st in &s.steps {
            let e = by.entry(st.kind).or_default();
            e.0 += 1;
            e.1 += st.time.as_secs_f64();
            e.2 += st.flops;
            e.3 += st.bytes as f64;
        }
        let mut by: Vec<_> = by.into_iter().collect();
        by.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
        for (k, (n, t, f, b)) in by {
            println!("  {k:12} {n:4} {:5.1}% {:7.1} GFLOP/s {:7.1} GB/s", 100.0 * t / total, f / t / 1e9, b / t / 1e9);
        }
        let mut steps: Vec<_> = s.steps.iter().collect();
        steps.sort_by(|a, b| b.time.cmp(&a.time));
        for st in steps.iter().take(verbose) {
            println!(
                "    {:12} {:50} {:5.1}% {:7.1} GFLOP/s {:6.1} GB/s",
                st.kind,
                st.detail,
                100.0 * st.time.as_secs_f64() / total,
                st.flops / st.time.as_secs_f64() / 1e9,
                st.bytes as f64 / st.time.as_secs_f64() / 1e9
            );
        }
    }
    println!("\nCDAT / gradient {:.2}", (best[1] + best[2]) / best[1]);
}
