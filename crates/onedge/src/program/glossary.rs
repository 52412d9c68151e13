//! The words of the field, each in a paragraph: what `onedge explain edge` says.

/// A word and what it means.
pub struct Term {
    /// The word, in kebab case.
    pub name: &'static str,
    /// What it is in one line, without a final dot.
    pub summary: &'static str,
    /// The paragraph.
    pub text: &'static str,
}

/// Every word, in an order in which they can be read.
pub const TERMS: &[Term] = &[
    Term {
        name: "update",
        summary: "the step u that the optimizer proposes, at learning rate 1",
        text: "A training step is w <- w + eta u: w are the parameters, eta is the learning rate, and u is the update. \
               For gradient descent u is -g, the negative gradient. Adam, momentum and the others make u from the gradients \
               so far. The optimizer chooses the direction and the tuner chooses the length.",
    },
    Term {
        name: "slope",
        summary: "g.u, how fast the loss changes at first along the update",
        text: "The product of the gradient g with the update u. It is negative where u leads downhill. The loss along the \
               step is about f + eta (g.u) + eta^2/2 (u.Hu).",
    },
    Term {
        name: "curvature",
        summary: "u.Hu, how sharply the loss bends along the update",
        text: "H is the Hessian, the matrix of second derivatives of the loss. u.Hu is the second derivative of the loss \
               along the update u. onedge computes it exactly, without building H, for less than the price of a gradient. \
               Where it is large only small steps are safe.",
    },
    Term {
        name: "hessian",
        summary: "H, the matrix of second derivatives of the loss",
        text: "It has as many rows as the model has parameters, so nobody stores it. What is used are its products with \
               vectors, H v, and numbers made of them: the curvature u.Hu, eigenvalues, traces.",
    },
    Term {
        name: "sharpness",
        summary: "the largest eigenvalue of the Hessian",
        text: "lambda_max(H), the curvature along the direction in which the loss bends most. Gradient descent with \
               learning rate eta oscillates along that direction once eta times the sharpness is above 2. Measure it with \
               diagnostics.sharpness_every = 10 in a run, or with `onedge measure`.",
    },
    Term {
        name: "preconditioned-sharpness",
        summary: "the sharpness that Adam or RMSProp feels",
        text: "Adam and RMSProp divide the gradient by a diagonal P. Their stability is decided by the largest eigenvalue \
               of P^-1/2 H P^-1/2 and not by that of H. Source: Cohen et al. 2022, arXiv 2207.14484.",
    },
    Term {
        name: "edge",
        summary: "the edge of stability: where learning rate times sharpness is 2",
        text: "On a quadratic loss, gradient descent shrinks towards the minimum while learning rate times sharpness is \
               below 2, and diverges above it. Real networks train at this edge: the sharpness rises until the product \
               is near 2 and then stays there, while the loss keeps falling unevenly. Heavy-ball momentum beta moves the edge to \
               2 + 2 beta. Source: Cohen et al. 2021, arXiv 2103.00065.",
    },
    Term {
        name: "y",
        summary: "learning rate times sharpness, minus 2",
        text: "The normalised centred sharpness: how far a run is beyond the edge (above 0) or within it (below 0).",
    },
    Term {
        name: "progressive-sharpening",
        summary: "the sharpness rises by itself while the learning rate is small",
        text: "Below the edge, training makes the loss sharper step by step. A rule that answers a rising sharpness with a \
               smaller learning rate stays below the edge, so the sharpness rises further and the rate falls further.",
    },
    Term {
        name: "greedy-rate",
        summary: "the rate at the minimum of the quadratic model: -g.u / u.Hu",
        text: "It lowers the loss most in the next step, if the loss were quadratic. In the long run it loses: it always \
               stays below the edge, so the sharpness keeps rising and the rate sinks. The tuner is called `greedy`.",
    },
    Term {
        name: "edge-rate",
        summary: "twice the greedy rate, where the quadratic model is back at the current loss",
        text: "The largest step that does not raise the loss of the quadratic model. Stepping that far holds the sharpness \
               down. The tuner is called `on-edge`; `cdat` with `preset = paper` is the same rule with more settings.",
    },
    Term {
        name: "sigma",
        summary: "the factor of cdat: 1 is greedy, 2 is on the edge",
        text: "cdat takes eta = sigma max(-g.u, 0) / |u.Hu|. In full batch the paper uses 2 or slightly more. With \
               mini-batches and with momentum the best value is smaller. Left out, it follows the optimizer: 2 / sqrt(e) in \
               mini-batches, 2 / e^(1/4) in full batch, with e half the optimizer's edge (docs/DEFAULT.md).",
    },
    Term {
        name: "beta",
        summary: "how long a rule or an optimizer remembers",
        text: "An average with decay beta keeps the share beta of what it held and takes 1 - beta of what is new: 0 \
               remembers nothing, 0.9 about ten steps, 0.99 about a hundred. In cdat it smooths the slope and the \
               curvature before they are divided.",
    },
    Term {
        name: "quadratic-model",
        summary: "the loss along a step, up to second order",
        text: "q(eta) = f + eta (g.u) + eta^2/2 (u.Hu). Its minimum is at the greedy rate -g.u / u.Hu, and at twice that \
               rate it is back at f.",
    },
    Term {
        name: "forward-equivalent",
        summary: "the cost of one evaluation of the loss",
        text: "The unit of the column `cost`. A gradient counts two to three, a curvature one to two, and each try of a \
               linesearch counts one. So runs of different rules can be compared at equal work.",
    },
    Term {
        name: "full-batch",
        summary: "every step uses all training examples",
        text: "The setting in which the paper's rules are studied. A spec without `batch` trains so.",
    },
    Term {
        name: "mini-batch",
        summary: "every step uses some of the training examples",
        text: "A spec with batch = 64 takes 64 examples a step, shuffled anew in each epoch. Loss, slope and curvature of a \
               step are then those of its batch.",
    },
    Term {
        name: "epoch",
        summary: "one pass over the training examples",
        text: "With N examples and batches of B an epoch has N / B steps, rounded down, or up with drop_last = false.",
    },
    Term {
        name: "gauss-newton",
        summary: "the part of the Hessian without the model's own second derivatives",
        text: "H = J'BJ + rest, where J is the derivative of the model's outputs by the parameters and B the Hessian of the \
               loss by the outputs. For the usual losses the first part has no negative eigenvalues. The diagnostic \
               `gauss-newton` measures the sharpness of both parts.",
    },
    Term {
        name: "lanczos",
        summary: "how the largest eigenvalues are found from products H v",
        text: "It builds an orthogonal basis from repeated products and reads the eigenvalues off a small matrix. It \
               stops at a stated error. In a run it starts from the last eigenvector, so that a few products are enough.",
    },
    Term {
        name: "hutchinson",
        summary: "how a trace is estimated: the mean of v.Hv over random signs v",
        text: "Each sample costs one product H v. The result has a standard error, which is reported beside it.",
    },
    Term {
        name: "linesearch",
        summary: "trying rates until the loss has fallen enough",
        text: "`armijo` shrinks the rate until the loss has fallen by a share of what the slope promises. `wolfe` also asks \
               that the slope has flattened. In full batch linesearches behave like the greedy rate in the long run.",
    },
    Term {
        name: "finding",
        summary: "what a run says of how it went, beside why it ended",
        text: "A run that took all its steps is looked at once more. No progress, with the exit code 1: the rate was 0, the steps \
               were too short, the loss stayed at what guessing costs, or ended above where it began. Warnings: policies of the tuner \
               set more than a tenth of the rates, or updates undo each other. Each is a sentence with what to try, printed at \
               the end and kept in the summary. docs/RUNS.md has the thresholds.",
    },
    Term {
        name: "accuracy",
        summary: "the share of the examples whose likeliest class is theirs",
        text: "Of one example it is 1 or 0. `train.accuracy` is the mean over all training examples at the end of a run, `test.accuracy` \
               that over the test examples, which is what to choose by. Guessing has 1 / classes.",
    },
    Term {
        name: "top-5-accuracy",
        summary: "the share of the examples whose class is among the five likeliest",
        text: "Told where there are more than five classes, as ImageNet is judged (Russakovsky et al. 2015, arXiv 1409.0575).",
    },
    Term {
        name: "absolute-error",
        summary: "how far predicted values are from the targets, in the mean",
        text: "The mean of |prediction - target| over outputs and examples, in the units that the targets were trained in.",
    },
    Term {
        name: "r-squared",
        summary: "the share of the targets' variance that predictions explain",
        text: "R^2 is 1 less the mean squared error over the variance of the targets: 1 is perfect, and 0 is what predicting the mean gives. \
               It is negative for predictions that are worse than that.",
    },
    Term {
        name: "schedule",
        summary: "a learning rate that depends on the step alone",
        text: "For example a linear warm-up and a cosine decay to zero (`warmup-cosine`). Its peak and its length must be chosen. One that ends \
               before the run leaves the rest of it at rate 0, so onedge warns before the first step.",
    },
    Term {
        name: "checkpoint",
        summary: "everything that a run needs to continue bit-identically",
        text: "Parameters, the states of optimizer, tuner and diagnostics, and the place in the order of mini-batches, with a \
               checksum. `onedge resume RUN` continues from the last one.",
    },
    Term {
        name: "digest",
        summary: "what identifies a run of a sweep",
        text: "A hash of all settings that can change a result. Two runs with one digest are the same run and are done once.",
    },
    Term {
        name: "two-step-product",
        summary: "the product with the sharpness when two rates alternate",
        text: "With two learning rates in turn the edge is where their harmonic mean times the sharpness is 2, so either one alone \
               may lie beyond it.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_named_once_and_say_something() {
        for (place, term) in TERMS.iter().enumerate() {
            assert!(TERMS[..place].iter().all(|other| other.name != term.name), "{}", term.name);
            assert!(
                term.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{}",
                term.name
            );
            assert!(!term.summary.ends_with('.') && term.text.ends_with('.'), "{}", term.name);
        }
    }
}
