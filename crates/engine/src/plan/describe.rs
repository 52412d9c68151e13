use super::{Fused, Instruction, Kernel, Operand, Place, Plan, Rows, Step};
use crate::kernels::Gemm;

impl<T> Plan<T> {
    /// The rows of its products: the mean, each weighted by its work; 1 if there are none.
    pub fn product_rows(&self) -> f64 {
        let (mut rows, mut flops) = (0.0, 0.0);
        for step in &self.steps {
            let height = match step {
                Step::Gemm { spec, .. } => spec.batch * spec.m,
                Step::Conv2d { spec, .. } => spec.pixels(),
                _ => continue,
            };
            rows += step.flops() * height as f64;
            flops += step.flops();
        }
        if flops == 0.0 { 1.0 } else { rows / flops }
    }
}

impl<T> Step<T> {
    /// What it does, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Fused(_) => "elementwise",
            Self::Gemm { .. } => "matmul",
            Self::Conv2d { .. } => "conv2d",
            Self::Sum { .. } => "sum",
            Self::Variance { .. } => "variance",
            Self::Accumulate { .. } => "accumulate",
            Self::Total { .. } => "total",
            Self::Iota { .. } => "iota",
            Self::Rows { kernel, .. } => match kernel {
                Rows::Logsumexp(_) => "logsumexp",
                Rows::Softmax(_) => "softmax",
                Rows::ReduceMax(..) => "reduce_max",
                Rows::OneHot(_) => "one_hot",
                Rows::Pick(_) => "pick",
                Rows::Permute(_) => "permute",
                Rows::Pad(..) => "pad",
                Rows::Slice(_) => "slice",
                Rows::Concat(..) => "concat",
                Rows::Take(_) => "take",
                Rows::PutAdd(_) => "put_add",
                Rows::Patches(_) => "patches",
                Rows::Fold(_) => "fold",
            },
        }
    }

    /// Its sizes.
    pub fn detail(&self) -> String {
        match self {
            Self::Fused(fused) => format!("{} x {} instructions", fused.len, fused.instructions.len()),
            Self::Gemm { spec: Gemm { batch, m, n, k, transposed, column_major }, .. } => {
                let turned = |flag: bool| if flag { "t" } else { "n" };
                let (left, right) = (turned(transposed.left), turned(transposed.right));
                format!("{batch} x [{m}, {k}] [{k}, {n}], {left}{right}{}", turned(*column_major))
            }
            Self::Conv2d { spec, .. } => {
                let [h, w] = spec.window.image;
                let [kh, kw] = spec.window.kernel;
                format!(
                    "{:?} of {} x [{h}, {w}, {}] by [{kh}, {kw}, {}]",
                    spec.role, spec.images, spec.channels, spec.filters
                )
            }
            Self::Sum { x, out, .. } | Self::Variance { x, out, .. } => format!("{} to {}", x.len, out.len),
            Self::Accumulate { x, .. } | Self::Total { x, .. } => format!("{}", x.len),
            Self::Iota { out, .. } | Self::Rows { out, .. } => format!("to {}", out.len),
        }
    }

    /// Multiplications and additions of products.
    pub fn flops(&self) -> f64 {
        match self {
            Self::Gemm { spec, .. } => 2.0 * spec.batch as f64 * spec.m as f64 * spec.n as f64 * spec.k as f64,
            Self::Conv2d { spec, .. } => spec.flops(),
            _ => 0.0,
        }
    }

    /// Elements that it reads or writes in memory, each operand counted once.
    pub fn elements(&self) -> usize {
        let lens = |places: &[&Place]| places.iter().map(|place| place.len).sum();
        match self {
            Self::Fused(fused) => fused.elements(),
            Self::Gemm { a, b, out, .. } | Self::Conv2d { a, b, out, .. } => lens(&[a, b, out]),
            Self::Sum { x, out, .. } | Self::Variance { x, out, .. } | Self::Accumulate { x, out } => lens(&[x, out]),
            Self::Total { x, .. } => x.len,
            Self::Iota { out, .. } => out.len,
            Self::Rows { x, second, out, .. } if x == second => lens(&[x, out]),
            Self::Rows { x, second, out, .. } => lens(&[x, second, out]),
        }
    }
}

impl<T> Fused<T> {
    fn elements(&self) -> usize {
        let in_memory = |operand: &Operand| match operand {
            Operand::Memory(place) => place.len,
            Operand::Tile(_) => 0,
        };
        let of = |instruction: &Instruction<T>| {
            let out = if matches!(instruction.kernel, Kernel::Total(_)) { 0 } else { in_memory(&instruction.out) };
            out + instruction.operands.iter().map(in_memory).sum::<usize>()
        };
        self.instructions.iter().map(of).sum()
    }
}
