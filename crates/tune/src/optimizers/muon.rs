use std::ops::Range;

use onedge_objective::{Layer, Real, State, vector};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, Value, setting};

use super::adam::{Adam, BETA1};
use super::checks::check_lengths;
use super::decay::{DECAY_ON, Decay, DecayOn};
use super::make::Make;
use super::newton_schulz::orthogonalize;
use crate::bounds::{DECAY_RATE, IN_RANGE, POSITIVE, refused};
use crate::{Error, Optimizer};

/// Muon: the momentum of each hidden matrix made nearly orthogonal; all other parameters by AdamW.
///
/// ```text
/// m <- beta m + (1 - beta) g,  n = beta m / (1 - beta^(t+1)) + (1 - beta) g / (1 - beta^t)
/// u = -sqrt(max(1, out / in)) newton_schulz(n) - decay w         for a hidden matrix [in, out]
/// u = rest_rate (u_adam - decay w)                               for the rest
/// ```
///
/// with t = 1 at the first step. It must be told the layers. With [`Matrices::Hidden`], hidden matrices are the tensors of
/// two dimensions or more, all but the last of them taken together as rows (a convolution's window and channels), but for
/// the first and the last such tensor, which are the input's and the output's, and but for tables and heads: tensors
/// named `embed`, `embedding`, `tokens`, `positions` or `head`, alone or behind a last dot, `.weight` apart. With
/// [`Matrices::All`] they are all tensors of two dimensions or more. Biases and scales of norms never are.
///
/// The update of a matrix has singular values near 1 whatever the size of the gradient, so near a minimum it does not
/// die out at a constant rate. There is no edge, and no diagonal divides the gradient. The sharpness is that of the loss;
/// its product with the rate says nothing of stability. Slope and curvature along u mean what they always do.
///
/// Cost: a vector as long as the matrices and two as long as the rest; each step the five iterations, of
/// `10 n m^2 + 5 m^3` multiplications a matrix, m its smaller side, on one thread.
///
/// Source: Jordan 2024, <https://kellerjordan.github.io/posts/muon/>. Differs from the author's code: means are corrected
/// for their bias, as in Optax; matrices keep the precision of the run instead of bfloat16; a convolution is scaled by its
/// sides as a matrix.
#[derive(Debug, Clone)]
pub struct Muon<T> {
    beta: f64,
    rest_rate: f64,
    matrices: Matrices,
    decay: Decay,
    /// Of the rest, one tensor after the other.
    adam: Adam<T>,
    /// Of the matrices, one after the other.
    mean: Vec<T>,
    split: Option<Split>,
}

/// The settings of [`Muon`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MuonOptions {
    /// Decay of the matrices' mean, in [0, 1).
    pub beta: f64,
    /// AdamW's decay of the mean, in [0, 1).
    pub beta1: f64,
    /// AdamW's decay of the mean square, in [0, 1).
    pub beta2: f64,
    /// Added to AdamW's root, positive.
    pub eps: f64,
    /// The rate of AdamW over that of the matrices, positive.
    pub rest_rate: f64,
    /// Weight decay, 0 or more.
    pub decay: f64,
}

/// Which tensors [`Muon`] treats as matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrices {
    /// Hidden weights, as the author advises.
    Hidden,
    /// All of two dimensions or more.
    All,
}

/// Which parameters belong to whom.
#[derive(Debug, Clone)]
struct Split {
    matrices: Vec<Matrix>,
    rest: Vec<Range<usize>>,
    dim: usize,
}

#[derive(Debug, Clone)]
struct Matrix {
    range: Range<usize>,
    rows: usize,
    columns: usize,
}

impl<T: Real> Muon<T> {
    /// With these settings, on hidden matrices.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(options: MuonOptions) -> Result<Self, SettingError> {
        let MuonOptions { beta, beta1, beta2, eps, rest_rate, decay } = options;
        Ok(Self {
            beta: DECAY_RATE.check("muon", "beta", beta)?,
            rest_rate: POSITIVE.check("muon", "rest_rate", rest_rate)?,
            matrices: Matrices::Hidden,
            decay: Decay::new("muon", decay)?,
            adam: Adam::checked("muon", beta1, beta2, eps)?,
            mean: Vec::new(),
            split: None,
        })
    }

    /// Beta 0.95; AdamW with decays 0.9 and 0.95, eps 1e-10 and 0.015 of the rate; no weight decay.
    ///
    /// Source: the author's code, github.com/KellerJordan/Muon, where the rates are 0.02 and 3e-4.
    pub fn paper() -> Self {
        let (beta, beta1, beta2, eps, rest_rate) = (0.95, 0.9, 0.95, 1e-10, 0.015);
        Self::new(MuonOptions { beta, beta1, beta2, eps, rest_rate, decay: 0.0 }).expect(IN_RANGE)
    }

    /// With these tensors as matrices; to be said before the layers are.
    pub fn matrices(self, matrices: Matrices) -> Self {
        Self { matrices, ..self }
    }

    /// With the weight decay on these tensors; on all unless said.
    pub fn decay_on(self, on: DecayOn) -> Self {
        Self { decay: self.decay.on(on), ..self }
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        let matrices = match settings.text("matrices") {
            "hidden" => Matrices::Hidden,
            "all" => Matrices::All,
            other => return Err(refused("muon", "matrices", "`hidden` or `all`", Value::Text(other.to_owned()))),
        };
        let muon = Self::new(MuonOptions {
            beta: number("beta"),
            beta1: number("beta1"),
            beta2: number("beta2"),
            eps: number("eps"),
            rest_rate: number("rest_rate"),
            decay: number("decay"),
        })?;
        Ok(muon.matrices(matrices).decay_on(DecayOn::from_settings("muon", settings)?))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "muon",
    summary: "orthogonalised momentum for hidden matrices, AdamW for the rest: Muon",
    doc: "u = -sqrt(max(1, out / in)) newton_schulz(n) - decay w for a hidden matrix [in, out], n Nesterov's mean of \
          gradients; rest_rate (u_adam - decay w) for the rest: biases, norms, the first and the last tensor of two \
          dimensions or more, and tensors named embed, embedding, tokens, positions or head. Singular values of the update \
          are near 1, so there is no edge, and rate x sharpness says nothing of stability. Source: Jordan 2024, \
          https://kellerjordan.github.io/posts/muon/.",
    settings: &[
        setting("beta", Kind::Number, Default::Is("0.95"), "decay of the matrices' mean, in [0, 1)"),
        BETA1,
        setting("beta2", Kind::Number, Default::Is("0.95"), "AdamW's decay of the mean square, in [0, 1)"),
        setting("eps", Kind::Number, Default::Is("1e-10"), "added to AdamW's root, positive"),
        setting("rest_rate", Kind::Number, Default::Is("0.015"), "the rate of AdamW over that of the matrices"),
        setting("decay", Kind::Number, Default::Is("0.0"), "weight decay, 0 or more"),
        DECAY_ON,
        setting(
            "matrices",
            Kind::Text,
            Default::Is("hidden"),
            "hidden: without input, output and tables; all: all tensors of two dimensions or more",
        ),
    ],
    build: Make {
        f32: |settings| Ok(Box::new(Muon::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(Muon::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for Muon<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &[])?;
        let split = self.split.as_ref().ok_or(Error::NoLayers { optimizer: "muon" })?;
        Error::require_length("layers", w.len(), split.dim)?;

        let gather = |v: &[T]| split.rest.iter().flat_map(|range| &v[range.clone()]).copied().collect::<Vec<_>>();
        let rest = gather(w);
        let mut moved = vec![T::ZERO; rest.len()];
        self.adam.direction(&rest, &gather(g), &mut moved)?;
        let mut moved = &moved[..];
        for range in &split.rest {
            let (own, others) = moved.split_at(range.len());
            u[range.clone()].copy_from_slice(own);
            moved = others;
        }

        let size = split.matrices.iter().map(|matrix| matrix.range.len()).sum();
        if !self.mean.is_empty() {
            Error::require_length("optimizer state", size, self.mean.len())?;
        }
        self.mean.resize(size, T::ZERO);
        let (keep, add) = (T::from_f64(self.beta), T::from_f64(1.0 - self.beta));
        let ahead = T::from_f64(self.beta) * self.adam.correction_after(self.beta, 1);
        let here = T::from_f64(1.0 - self.beta) * self.adam.correction_after(self.beta, 0);
        let mut means = &mut self.mean[..];
        for Matrix { range, rows, columns } in &split.matrices {
            let (mean, others) = std::mem::take(&mut means).split_at_mut(range.len());
            means = others;
            let part = &mut u[range.clone()];
            for ((u, m), &g) in part.iter_mut().zip(mean).zip(&g[range.clone()]) {
                *m = keep * *m + add * g;
                *u = ahead * *m + here * g;
            }
            orthogonalize(part, *rows, *columns);
            vector::scale(-(*columns as f64 / *rows as f64).max(1.0).sqrt(), part);
        }

        self.decay.apply(1.0, w, u)?;
        split.rest.iter().for_each(|range| vector::scale(self.rest_rate, &mut u[range.clone()]));
        Ok(())
    }

    fn set_layers(&mut self, layers: &[Layer]) -> Result<(), Error> {
        let split = Split::of(layers, self.matrices);
        if split.matrices.is_empty() {
            let expected = match self.matrices {
                Matrices::Hidden => "a model with a hidden weight between input and output, or `all`",
                Matrices::All => "a model with a tensor of two dimensions or more",
            };
            let got = format!("one of {} tensors without", layers.len());
            let (owner, key, expected) = ("muon".to_owned(), "matrices".to_owned(), expected.to_owned());
            return Err(SettingError::OutOfRange { owner, key, expected, got }.into());
        }
        self.split = Some(split);
        self.decay.set_layers(layers);
        Ok(())
    }

    fn preconditioner(&self) -> Option<&[T]> {
        None
    }

    fn edge(&self) -> Option<f64> {
        None
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        State::new().with_vector("mean", self.mean.clone()).with_part("rest", self.adam.state())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("muon");
        let rest = reader.part("rest");
        self.mean = reader.vector("mean")?;
        reader.finish()?;
        self.adam.restore(rest)
    }
}

impl Split {
    fn of(layers: &[Layer], which: Matrices) -> Self {
        let places = || (0..layers.len()).filter(|&i| layers[i].shape.len() >= 2);
        let (first, last) = (places().next(), places().next_back());
        let hidden = |i: usize| Some(i) != first && Some(i) != last && !is_table_or_head(&layers[i].name);
        let (mut matrices, mut rest) = (Vec::new(), Vec::new());
        for (i, Layer { shape, range, .. }) in layers.iter().enumerate() {
            match shape.split_last() {
                Some((&columns, sides)) if !sides.is_empty() && (which == Matrices::All || hidden(i)) => {
                    let rows = sides.iter().product();
                    matrices.push(Matrix { range: range.clone(), rows, columns });
                }
                _ => rest.push(range.clone()),
            }
        }
        Self { matrices, rest, dim: layers.last().map_or(0, |layer| layer.range.end) }
    }
}

/// Whether the tensor `name` is looked up or is an output, by its name alone.
fn is_table_or_head(name: &str) -> bool {
    let name = name.strip_suffix(".weight").unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or(name);
    ["embed", "embedding", "tokens", "positions", "head"].contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(tensors: &[(&str, &[usize])]) -> Vec<Layer> {
        Layer::in_order(tensors.iter().map(|(name, shape)| (*name, shape.to_vec())))
    }

    /// What the five steps make of a matrix of one number, whose norm it is.
    fn of_one() -> f64 {
        (0..5).fold(1.0 / (1.0 + 1e-7 / 4.0), |x: f64, _| 3.4445 * x - 4.7750 * x.powi(3) + 2.0315 * x.powi(5))
    }

    #[test]
    fn by_hand() {
        let (beta, beta1, beta2, eps, rest_rate, decay) = (0.5, 0.0, 0.0, 1.0, 0.5, 0.25);
        let mut muon = Muon::new(MuonOptions { beta, beta1, beta2, eps, rest_rate, decay }).unwrap();
        let mut u = [0.0_f64; 4];
        let (w, g) = ([4.0, 8.0, 0.0, 1.0], [3.0, -3.0, 0.0, 1.0]);
        let message = muon.direction(&w, &g, &mut u).unwrap_err().to_string();
        assert!(message.starts_with("muon: expected to know the layers, got none; try"), "{message}");
        let shapes: [(&str, &[usize]); 3] =
            [("in.weight", &[1, 1]), ("hidden.weight", &[1, 2]), ("out.weight", &[1, 1])];
        muon.set_layers(&layers(&shapes)).unwrap();
        muon.direction(&w, &g, &mut u).unwrap();
        // The rest: half of g / (|g| + 1) and of a quarter of w. A row of one number is that number's sign, times
        // sqrt(2 / 1), times what the iteration makes of 1: here n = -3 (0.5 * 0.5 / 0.75 + 0.5 / 0.5) = -4.
        assert!((u[0] + 0.5 * (0.75 + 1.0)).abs() < 1e-15, "{u:?}");
        assert!((u[3] + 0.5 * (0.5 + 0.25)).abs() < 1e-15, "{u:?}");
        assert!((u[1] - (2.0_f64.sqrt() * of_one() - 2.0)).abs() < 1e-14, "{u:?}");
        assert_eq!(u[2], 0.0);
    }

    #[test]
    fn matrices_are_hidden_weights() {
        let names = |tensors: &[(&str, &[usize])], which| {
            let layers = layers(tensors);
            let split = Split::of(&layers, which);
            let place = |matrix: &Matrix| layers.iter().find(|layer| layer.range == matrix.range).unwrap().name.clone();
            assert_eq!(
                split.dim,
                split.rest.iter().chain(split.matrices.iter().map(|m| &m.range)).map(Range::len).sum()
            );
            split.matrices.iter().map(|m| format!("{} {}x{}", place(m), m.rows, m.columns)).collect::<Vec<_>>()
        };
        let dense: [(&str, &[usize]); 5] = [
            ("layers.0.weight", &[3, 4]),
            ("layers.0.bias", &[4]),
            ("layers.1.weight", &[4, 5]),
            ("layers.1.bias", &[5]),
            ("layers.2.weight", &[5, 2]),
        ];
        assert_eq!(names(&dense, Matrices::Hidden), ["layers.1.weight 4x5"]);
        assert_eq!(names(&dense, Matrices::All), ["layers.0.weight 3x4", "layers.1.weight 4x5", "layers.2.weight 5x2"]);
        let text: [(&str, &[usize]); 7] = [
            ("tokens", &[9, 4]),
            ("positions", &[8, 4]),
            ("blocks.0.norm.scale", &[4]),
            ("blocks.0.tokens.inner.weight", &[4, 6]),
            ("blocks.0.embedding.weight", &[4, 4]),
            ("blocks.0.conv.weight", &[3, 3, 2, 5]),
            ("head.weight", &[4, 9]),
        ];
        assert_eq!(names(&text, Matrices::Hidden), ["blocks.0.tokens.inner.weight 4x6", "blocks.0.conv.weight 18x5"]);
    }

    #[test]
    fn a_model_without_matrices_is_refused() {
        let shallow = layers(&[("layers.0.weight", &[3, 4]), ("layers.0.bias", &[4]), ("layers.1.weight", &[4, 2])]);
        let message = Muon::<f64>::paper().set_layers(&shallow).unwrap_err().to_string();
        assert_eq!(
            message,
            "muon.matrices: expected a model with a hidden weight between input and output, or `all`, got one of 3 tensors without"
        );
        Muon::<f64>::paper().matrices(Matrices::All).set_layers(&shallow).unwrap();
        let vectors = layers(&[("a", &[3])]);
        assert!(Muon::<f64>::paper().matrices(Matrices::All).set_layers(&vectors).is_err());
    }
}
