use super::step::{Fused, Instruction, Kernel, Operand, Place, Plan, Step};

impl<T> Plan<T> {
    /// The rows of its products: the mean, each weighted by its work; 1 if there are none.
    pub fn product_rows(&self) -> f64 {
        let (mut rows, mut flops) = (0.0, 0.0);
        for step in &self.steps {
            if let Step::Product { kernel, .. } = step {
                rows += kernel.flops() * kernel.rows() as f64;
                flops += kernel.flops();
            }
        }
        if flops == 0.0 { 1.0 } else { rows / flops }
    }
}

impl<T> Step<T> {
    /// What it does, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Fused(_) => "elementwise",
            Self::Product { kernel, .. } => kernel.kind(),
            Self::Sum { .. } => "sum",
            Self::Accumulate { .. } => "accumulate",
            Self::Total { .. } => "total",
            Self::Whole { op, .. } => op,
        }
    }

    /// Its sizes.
    pub fn detail(&self) -> String {
        match self {
            Self::Fused(fused) => format!("{} x {} instructions", fused.len, fused.instructions.len()),
            Self::Product { kernel, .. } => kernel.detail(),
            Self::Sum { x, out, .. } => format!("{} to {}", x.len, out.len),
            Self::Accumulate { x, .. } | Self::Total { x, .. } => format!("{}", x.len),
            Self::Whole { operands, out, .. } => match operands[..] {
                [x] => format!("{} to {}", x.len, out.len),
                _ => format!("to {}", out.len),
            },
        }
    }

    /// Multiplications and additions of products.
    pub fn flops(&self) -> f64 {
        match self {
            Self::Product { kernel, .. } => kernel.flops(),
            _ => 0.0,
        }
    }

    /// Elements that it reads or writes in memory, each operand counted once.
    pub fn elements(&self) -> usize {
        let lens = |places: &[Place], out: &Place| places.iter().map(|place| place.len).sum::<usize>() + out.len;
        match self {
            Self::Fused(fused) => fused.elements(),
            Self::Product { operands, out, .. } => lens(operands, out),
            Self::Sum { x, out, .. } | Self::Accumulate { x, out } => lens(&[*x], out),
            Self::Total { x, .. } => x.len,
            Self::Whole { operands, out, .. } => match operands[..] {
                [a, b] if a == b => lens(&[a], out),
                _ => lens(operands, out),
            },
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
