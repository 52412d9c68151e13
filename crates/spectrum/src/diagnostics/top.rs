use onedge_objective::{Real, State};
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::{Point, SharedSubspace};
use super::reading::Reading;
use super::settings::{every, positive};
use crate::batches::{over_batches, select};
use crate::{Error, Hessian, Subspace, SubspaceTracker, coarse_sample, sampled_top};

/// The largest eigenvalues, followed along the run by a [`SubspaceTracker`].
struct Top<T> {
    options: Subspace,
    batch: Option<usize>,
    tracker: Option<SubspaceTracker<T>>,
    /// What was stored, until a tracker is made of it.
    stored: Option<Stored<T>>,
}

/// What a tracker goes on from.
#[derive(Clone)]
struct Stored<T> {
    seed: u64,
    measurements: u64,
    vectors: Vec<Vec<T>>,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "top",
    summary: "the largest eigenvalues of the Hessian, followed cheaply along the run",
    doc: "The top_count largest eigenvalues, repeated ones as often as they are there, by a product with H for each vector of the last \
          measurement and a spare one, for each direction that is still missing, and for Lanczos's method from a fresh random \
          vector orthogonal to all of them, which shows that no larger one is hidden: for five, 8 to 12 products where H changes \
          at a moderate pace. Where the run takes 1024 examples or more at once, the vectors are first brought up to date on a \
          sixteenth of them. Every value is right to top_error, unless the products ran out; the probability that a start hides a \
          larger one is 5 % at most. Over 200 seeds on each of four problems none was wrong. Readings: top_1, top_2, ... \
          With top_batch all of this is done on so many examples, the same at every step, and as many others, drawn anew, say what the \
          vectors v found there are worth over all examples: then top_1, ... are v . H v with standard errors, in the mean too small by what the \
          vectors are off, and top_above_1, ... the eigenvalues of the sample, in the mean too large. Source: \
          Davidson 1975; van Dorsselaer et al. 2000; Ky Fan 1949 for the bounds.",
    settings: &[
        every("top_every"),
        setting("top_count", Kind::Integer, Default::Is("5"), "how many"),
        setting("top_error", Kind::Number, Default::Is("0.01"), "relative error that every value may have"),
        setting("top_products", Kind::Integer, Default::Is("200"), "products for one measurement at most"),
        setting(
            "top_batch",
            Kind::Integer,
            Default::Absent,
            "examples of each of two samples, of all, that stand for them; if absent, those of the step are taken",
        ),
    ],
    build: Make {
        readings: &["top_*"],
        f32: |settings| Ok(Box::new(Top::<f32>::new(settings)?)),
        f64: |settings| Ok(Box::new(Top::<f64>::new(settings)?)),
    },
};

impl<T> Top<T> {
    fn new(settings: &Settings) -> Result<Self, RegistryError> {
        let (k, max_products) = (positive(settings, "top_count")?, positive(settings, "top_products")?);
        if max_products < k {
            return Err(settings.out_of_range("top_products", "a whole number, top_count or more"));
        }
        let between = |x: f64| x > 0.0 && x < 1.0;
        let tolerance = settings.number_where("top_error", "a number between 0 and 1", between)?;
        let batch = settings.optional_count("top_batch")?;
        let options = Subspace { k, tolerance, max_products, seed: 0, threads: 1 };
        Ok(Self { options, batch, tracker: None, stored: None })
    }
}

impl<T: Real> Diagnostic<T> for Top<T> {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        if self.tracker.is_none() {
            let new = Stored { seed: point.seed, measurements: 0, vectors: Vec::new() };
            let Stored { seed, measurements, vectors } = self.stored.take().unwrap_or(new);
            let options = Subspace { seed, threads: point.threads, ..self.options };
            let mut tracker = SubspaceTracker::new(options, point.step.w.len())?;
            tracker.restore(vectors, measurements);
            self.tracker = Some(tracker);
        }
        let Some(tracker) = &mut self.tracker else { return Ok(Vec::new()) };
        let (gradient, w, seed) = (point.step.gradient, point.step.w, point.seed);
        if let Some(batch) = self.batch {
            let found = sampled_top(point.sampled().0, w, batch, tracker, Some(gradient), seed)?;
            let named = |prefix: &'static str| (1..).map(move |i| format!("{prefix}{i}"));
            let known = found.values.iter().map(|estimate| estimate.value).collect();
            point.share(SharedSubspace { vectors: found.vectors, values: known, error: found.sum.standard_error });
            let values = named("top_").zip(found.values).map(|(name, value)| Reading::sampled(name, value));
            let above = named("top_above_").zip(found.of_sample).map(|(name, value)| Reading::exact(name, value));
            return Ok(values.chain(above).collect());
        }
        if let Some(sample) = coarse_sample(point.examples()).filter(|_| point.batch_size.is_none()) {
            let mut scratch = vec![T::ZERO; w.len()];
            over_batches(point.sampled().0, sample, |problem| {
                select(problem, sample, seed)?;
                problem.linearize(w, &mut scratch)?;
                tracker.measure(&mut Hessian::new(problem), Some(gradient))
            })?;
        }
        let found = point.with_hessian(|hessian| tracker.measure(hessian, Some(gradient)))?;
        let named = found.values.iter().enumerate();
        let readings = named.map(|(i, value)| Reading::exact(format!("top_{}", i + 1), *value)).collect();
        point.share(SharedSubspace { vectors: found.vectors, values: found.values, error: 0.0 });
        Ok(readings)
    }

    fn state(&self) -> State<T> {
        let of = |tracker: &SubspaceTracker<T>| Stored {
            seed: tracker.options().seed,
            measurements: tracker.measurements(),
            vectors: tracker.vectors().to_vec(),
        };
        let stored = self.tracker.as_ref().map(of).or_else(|| self.stored.clone());
        let Some(Stored { seed, measurements, vectors }) = stored else { return State::new() };
        let state = State::new().with_word("seed", seed).with_scalar("count", vectors.len() as f64);
        let state = state.with_scalar("measurements", measurements as f64);
        let named = vectors.iter().enumerate();
        named.fold(state, |state, (i, vector)| state.with_vector(&format!("vector.{i}"), vector.clone()))
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        (self.tracker, self.stored) = (None, None);
        if !state.is_empty() {
            let mut reader = state.reader("top");
            let (seed, count) = (reader.word("seed")?, reader.count("count")?);
            // Checkpoints of earlier versions do not have it.
            let measurements = reader.optional_scalar("measurements").map_or(0, |count| count as u64);
            let vectors = (0..count).map(|i| reader.vector(&format!("vector.{i}"))).collect::<Result<_, _>>()?;
            reader.finish()?;
            self.stored = Some(Stored { seed, measurements, vectors });
        }
        Ok(())
    }
}
