//! What the runs of figures will cost, before they are started.

use std::collections::HashMap;

use crate::Error;
use crate::comparison::Wanted;
use crate::runs::Source;
use onedge_run::DataSets;
use onedge_run::forecast::{Forecast, Stage, forecast};
use onedge_spec::Spec;

/// Hessian-vector products of a measurement of the sharpness, in the mean: it starts where the last one ended.
const PRODUCTS: f64 = 12.0;

/// Seconds that each of `open` takes on one thread: what runs of the same problem and tuner took that are done, of `all`, in the mean; or
/// else from what a chunk of each network takes now.
///
/// # Errors
/// Whatever is wrong with specs or data.
pub fn estimate<'a>(
    open: &[Wanted],
    all: impl IntoIterator<Item = &'a Wanted>,
    source: &Source,
    data_sets: &mut DataSets,
) -> Result<Vec<f64>, Error> {
    let mut taken: HashMap<&str, (f64, f64)> = HashMap::new();
    for run in all {
        if let Some(summary) = source.summary(run) {
            let (sum, count) = taken.entry(kind(&run.spec)).or_default();
            (*sum, *count) = (*sum + summary.seconds + summary.spectrum_seconds, *count + 1.0);
        }
    }
    let known = |run: &Wanted| taken.get(kind(&run.spec)).map(|(sum, count)| sum / count);
    let new: Vec<&Spec> = open.iter().filter(|run| known(run).is_none()).map(|run| &run.spec).collect();
    let mut forecast = forecasts(&new, data_sets)?.into_iter();
    Ok(open.iter().filter_map(|run| known(run).or_else(|| forecast.next())).collect())
}

/// The problem and the tuner of a run, with which its name begins.
fn kind(spec: &Spec) -> &str {
    let second = spec.name.match_indices(' ').nth(1).map_or(spec.name.len(), |(place, _)| place);
    &spec.name[..second]
}

fn forecasts(specs: &[&Spec], data_sets: &mut DataSets) -> Result<Vec<f64>, Error> {
    let same = |a: &Spec, b: &Spec| {
        (&a.data, &a.model, &a.loss, &a.engine, a.batch, a.precision)
            == (&b.data, &b.model, &b.loss, &b.engine, b.batch, b.precision)
    };
    let mut known: Vec<(&Spec, Forecast)> = Vec::new();
    let mut seconds = Vec::new();
    for &spec in specs {
        let found = known.iter().position(|(other, _)| same(other, spec));
        let index = match found {
            Some(index) => index,
            None => {
                known.push((spec, forecast(spec, data_sets)?));
                known.len() - 1
            }
        };
        seconds.push(of(spec, &known[index].1));
    }
    Ok(seconds)
}

fn of(spec: &Spec, forecast: &Forecast) -> f64 {
    let seconds =
        |name: &str| forecast.stages.iter().filter(|stage| stage.name == name).map(Stage::seconds).sum::<f64>();
    let product = seconds("hessian-vector");
    let settings = &spec.tuner.settings;
    let rule = match spec.tuner.name.as_str() {
        "cdat" => {
            let every = settings.optional_count("every").ok().flatten().unwrap_or(1);
            seconds("curvature") / every.max(1) as f64
        }
        "greedy" | "on-edge" => seconds("curvature"),
        "sharpness" => PRODUCTS * product,
        // A product with the Gauss-Newton matrix is about as much again as one with H and a loss.
        "gauss-newton" => (product + seconds("loss")) / settings.count("every").unwrap_or(1).max(1) as f64,
        "trace" | "frobenius" => {
            let (samples, every) = (settings.count("samples").unwrap_or(1), settings.count("every").unwrap_or(1));
            product * samples as f64 / every.max(1) as f64
        }
        "batch-sharpness" => match settings.count("parts").unwrap_or(1).max(1) {
            1 => seconds("curvature"),
            parts => (seconds("gradient") + seconds("curvature")) / parts as f64,
        },
        "armijo" => {
            // It starts so many times above the last rate, and is back there after so many tries.
            let start = settings.number("c_plus").min(100.0);
            let tries = start.ln() / -settings.number("c_minus").ln() + 1.0;
            tries * seconds("loss")
        }
        _ => 0.0,
    };
    let step = seconds("gradient") + rule;
    let spectrum = match spec.diagnostics.optional_count("sharpness_every") {
        Ok(Some(0)) | Err(_) => 0.0,
        Ok(Some(every)) => PRODUCTS * product / every as f64,
        // A tenth of what the run itself takes.
        Ok(None) => 0.1 * step,
    };
    spec.steps as f64 * (step + spectrum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use onedge_run::forecast::Ops;
    use onedge_spec::Document;

    #[test]
    fn rules_cost_what_they_ask_for() {
        let stage = |(name, seconds): (&str, f64)| Stage {
            name: name.to_owned(),
            ops: vec![Ops { kind: "all".to_owned(), count: 1, gflop: 1.0, gib: 1.0, seconds }],
        };
        let forecast = Forecast {
            model: "mlp".to_owned(),
            parameters: 1,
            examples: 10,
            batch: 10,
            steps: 100,
            chunk: 10,
            chunks: 1,
            chunks_kept: 1,
            threads: 1,
            kept_bytes: 0,
            scratch_bytes: 0,
            memory_bytes: 0,
            stages: [("loss", 1.0), ("gradient", 3.0), ("curvature", 2.0), ("hessian-vector", 4.0)].map(stage).to_vec(),
        };
        let seconds = |settings: &[&str]| {
            let mut document = Document::empty("test");
            let base = ["steps=100", "diagnostics.sharpness_every=0"];
            base.iter().chain(settings).for_each(|setting| document.set(setting).unwrap());
            of(&Spec::resolve(&document).unwrap(), &forecast)
        };
        assert_eq!(
            (seconds(&["tuner=constant", "tuner.rate=1"]), seconds(&["tuner=cdat", "tuner.preset=paper"])),
            (300.0, 500.0)
        );
        assert_eq!(seconds(&["tuner=cdat", "tuner.preset=paper", "diagnostics.sharpness_every=24"]), 700.0);
        // Every eighth step measures the curvature.
        assert_eq!(seconds(&["tuner=cdat"]), 300.0 + 200.0 / 8.0);
        // A product and a loss; a product of one sample a step; a gradient and a curvature of a quarter of the batch.
        assert_eq!(seconds(&["tuner=gauss-newton"]), 800.0);
        assert_eq!(seconds(&["tuner=trace", "tuner.samples=6", "tuner.every=3"]), 1100.0);
        assert_eq!(seconds(&["tuner=batch-sharpness", "tuner.parts=4"]), 425.0);
        // From four times the last rate by halves: three tries.
        assert!((seconds(&["tuner=armijo", "tuner.c_plus=4", "tuner.c_minus=0.5"]) - 600.0).abs() < 1e-9);
    }
}
