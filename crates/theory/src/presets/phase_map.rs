use onedge_registry::{Default, Entry, Error, Kind, Settings, setting};

use super::conditions::{
    B, DISPLACEMENT_NOISE, ETA0, GRADIENT_NOISE, LAG, LAMBDA0, NU, P0, Q0, SEED, STEPS, TIME, lag, noise, positive,
    start, steps, time,
};
use super::{Make, Outcome};
use crate::Parameters;
use crate::phase::Grid;

/// More cells than this on a side no picture can show.
const MOST_CELLS: usize = 200;

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "phase",
    summary: "what becomes of CDAT's sharpness, by sigma and a/b",
    doc: "A run of `steps` steps in each cell: it diverges, or the sharpness grows without bound (by more than 5 % over \
          the second half), falls (likewise), or settles; b stays and a = b (a/b). Ours, of the model of Roulet et al. \
          2024, arXiv 2407.06183, equations 4 and 10; noise is not in the paper. Cost: some twenty operations a step \
          and cell.",
    settings: &[
        setting("sigma_min", Kind::Number, Default::Is("1.9"), "smallest sigma"),
        setting("sigma_max", Kind::Number, Default::Is("2.1"), "largest sigma"),
        setting("sigma_cells", Kind::Integer, Default::Is("21"), "how many of them, evenly spaced"),
        setting("ratio_min", Kind::Number, Default::Is("0.05"), "smallest a/b"),
        setting("ratio_max", Kind::Number, Default::Is("50.0"), "largest a/b"),
        setting("ratio_cells", Kind::Integer, Default::Is("13"), "how many of them, evenly spaced in their logarithm"),
        B,
        NU,
        LAMBDA0,
        ETA0,
        P0,
        Q0,
        TIME,
        LAG,
        STEPS,
        GRADIENT_NOISE,
        DISPLACEMENT_NOISE,
        SEED,
    ],
    build: make,
};

fn make(settings: &Settings) -> Result<Outcome, Error> {
    let sigmas = range(settings, ("sigma_min", "sigma_max", "sigma_cells"), Spacing::Even)?;
    let ratios = range(settings, ("ratio_min", "ratio_max", "ratio_cells"), Spacing::ByLogarithm)?;
    // a is each cell's own.
    let parameters = Parameters { a: 1.0, b: positive(settings, "b")?, nu: positive(settings, "nu")? };
    let grid = Grid {
        sigmas,
        ratios,
        parameters,
        start: start(settings)?,
        time: time(settings)?,
        lag: lag(settings)?,
        noise: noise(settings)?,
        steps: steps(settings)?,
    };
    Ok(Outcome::Grid(grid))
}

#[derive(Clone, Copy)]
enum Spacing {
    Even,
    ByLogarithm,
}

fn range(settings: &Settings, (min, max, cells): (&str, &str, &str), spacing: Spacing) -> Result<Vec<f64>, Error> {
    let (low, count) = (positive(settings, min)?, settings.count(cells)?);
    let high = positive(settings, max)?;
    if high <= low {
        return Err(settings.out_of_range(max, &format!("more than {min}, which is {low}")));
    }
    if !(2..=MOST_CELLS).contains(&count) {
        return Err(settings.out_of_range(cells, "2 to 200"));
    }
    let at = |index: usize| {
        let share = index as f64 / (count - 1) as f64;
        let value = match spacing {
            Spacing::Even => low + (high - low) * share,
            Spacing::ByLogarithm => low * (high / low).powf(share),
        };
        // So that 2 is 2, where everything changes.
        format!("{value:.9e}").parse().unwrap_or(value)
    };
    Ok((0..count).map(at).collect())
}
