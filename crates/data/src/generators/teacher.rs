use onedge_random::Random;

use super::draws::{normal, require_scale, stream};
use crate::{Dataset, Error, ExamplesError, Targets, Task, dataset};

/// What [`teacher`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Teacher {
    /// The number of examples.
    pub examples: usize,
    /// The inputs per example.
    pub features: usize,
    /// The widths of the hidden layers; none makes the teacher linear.
    pub hidden: Vec<usize>,
    /// The number of classes, or of values per example.
    pub outputs: usize,
    /// Whether the targets are the index of the largest output, or the outputs themselves.
    pub task: Task,
    /// The deviation of the noise on the outputs, from 0 to 1e6.
    pub noise: f64,
    /// Of the random generator.
    pub seed: u64,
}

/// Random inputs `x ~ N(0, I)` labelled by a random network: `h_0 = x`, `h_l = tanh(W_l h_(l-1))`,
/// `z = W_L h_(L-1) + noise e`, entries of `W_l ~ N(0, 1 / fan-in)`, `e ~ N(0, I)`; targets `argmax z` or `z`.
/// The teacher depends on seed and widths alone, not on the number of examples.
///
/// # Errors
/// [`ExamplesError::NoExamples`]; a noise out of range; a width of zero; [`ExamplesError::TooLarge`].
pub fn teacher(of: &Teacher) -> Result<Dataset, Error> {
    require_scale("teacher", "noise", of.noise)?;
    let widths = [&[of.features], &of.hidden[..], &[of.outputs]].concat();
    if widths.contains(&0) {
        return Err(Error::Examples(ExamplesError::Size {
            origin: "teacher".to_owned(),
            what: "widths",
            got: format!("{widths:?}"),
        }));
    }
    let mut random = stream(of.seed, 0);
    let layers = widths.windows(2).map(|pair| layer(pair[0], pair[1], &mut random)).collect::<Result<Vec<_>, _>>()?;
    let mut inputs = dataset::allocate("teacher", &[of.examples, of.features])?;
    let mut outputs = dataset::allocate("teacher", &[of.examples, of.outputs])?;
    let (mut draw_input, mut draw_noise) = (stream(of.seed, 1), stream(of.seed, 2));
    for _ in 0..of.examples {
        let start = inputs.len();
        inputs.extend((0..of.features).map(|_| normal(&mut draw_input)));
        let z = forward(&layers, &inputs[start..]);
        outputs.extend(z.iter().map(|z| z + of.noise as f32 * normal(&mut draw_noise)));
    }
    let targets = match of.task {
        Task::Values => Targets::Values { values: outputs.into_iter().map(f64::from).collect(), width: of.outputs },
        Task::Classes => {
            let labels = outputs.chunks_exact(of.outputs).map(argmax).collect();
            Targets::Classes { labels, classes: of.outputs, names: Vec::new() }
        }
    };
    Dataset::new("teacher", inputs, vec![of.features], targets)
}

/// Row-major `[output, input]`.
struct Layer {
    inputs: usize,
    weights: Vec<f32>,
}

fn layer(inputs: usize, outputs: usize, random: &mut Random) -> Result<Layer, Error> {
    let mut weights = dataset::allocate("teacher", &[outputs, inputs])?;
    let deviation = 1.0 / (inputs as f32).sqrt();
    weights.extend((0..outputs * inputs).map(|_| deviation * normal(random)));
    Ok(Layer { inputs, weights })
}

fn forward(layers: &[Layer], input: &[f32]) -> Vec<f32> {
    let mut h = input.to_vec();
    for (depth, layer) in layers.iter().enumerate() {
        if depth > 0 {
            h.iter_mut().for_each(|x| *x = x.tanh());
        }
        h = layer.weights.chunks_exact(layer.inputs).map(|row| row.iter().zip(&h).map(|(w, x)| w * x).sum()).collect();
    }
    h
}

fn argmax(numbers: &[f32]) -> u32 {
    let best = (1..numbers.len()).fold(0, |best, i| if numbers[i] > numbers[best] { i } else { best });
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(examples: usize, task: Task) -> Teacher {
        Teacher { examples, features: 6, hidden: vec![7, 5], outputs: 3, task, noise: 0.0, seed: 4 }
    }

    fn values(set: &Dataset) -> Vec<f64> {
        let Targets::Values { values, .. } = set.targets() else { panic!("expected values") };
        values.clone()
    }

    #[test]
    fn a_linear_teacher_is_linear_and_its_outputs_have_variance_one() {
        // z = W x with entries of W of variance 1/d: over inputs and teachers z has mean 0 and variance 1.
        let mut variance = 0.0;
        for seed in 0..40 {
            let linear = Teacher { hidden: vec![], seed, ..of(500, Task::Values) };
            variance += values(&teacher(&linear).unwrap()).iter().map(|z| z * z).sum::<f64>() / (1500.0 * 40.0);
        }
        // Deviation over 40 teachers of 18 weights each: sqrt(2 / (40 * 18)) = 0.053.
        assert!((variance - 1.0).abs() < 0.2, "{variance}");
    }

    #[test]
    fn classes_are_the_argmax_of_the_values() {
        let z = teacher(&of(200, Task::Values)).unwrap();
        let classes = teacher(&of(200, Task::Classes)).unwrap();
        let Targets::Classes { labels, .. } = classes.targets() else { panic!("expected classes") };
        for (z, &label) in values(&z).chunks(3).zip(labels) {
            assert!(z.iter().all(|&other| other <= z[label as usize]));
        }
        assert!((0..3).all(|class| labels.contains(&class)));
    }

    #[test]
    fn noise_has_the_stated_deviation_and_leaves_inputs_alone() {
        let clean = teacher(&of(4000, Task::Values)).unwrap();
        let noisy = teacher(&Teacher { noise: 0.25, ..of(4000, Task::Values) }).unwrap();
        assert_eq!(clean.inputs(), noisy.inputs());
        let squares: f64 = values(&clean).iter().zip(values(&noisy)).map(|(a, b)| (a - b).powi(2)).sum();
        assert!(((squares / 12000.0).sqrt() - 0.25).abs() < 0.01);
    }

    #[test]
    fn a_noise_that_swamps_everything_is_refused() {
        for noise in [-1.0, 1.1e6, 1e300, f64::INFINITY, f64::NAN] {
            let error = teacher(&Teacher { noise, ..of(9, Task::Classes) }).unwrap_err();
            assert_eq!(error.to_string(), format!("teacher.noise: expected a number from 0 to 1e6, got {noise:?}"));
        }
        assert!(teacher(&Teacher { noise: 1e6, ..of(9, Task::Classes) }).is_ok());
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(matches!(teacher(&of(0, Task::Values)), Err(Error::Examples(ExamplesError::NoExamples { .. }))));
        assert!(matches!(teacher(&of(usize::MAX, Task::Values)), Err(Error::Examples(ExamplesError::TooLarge { .. }))));
        assert_eq!(
            teacher(&Teacher { hidden: vec![0], ..of(3, Task::Values) }).unwrap_err().to_string(),
            "teacher: widths, expected sizes of one or more, got [6, 0, 3]; try a positive number"
        );
    }
}
