use onedge_engine::Options;
use onedge_objective::Part;

/// What the leader asks of all other ranks; most calls are followed by a vector, or by what else they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Nothing any more.
    End,
    /// An objective, in double precision or single; followed by the graph of its probe.
    New { id: u64, is_double: bool, lanes: u64, chunk: Option<u64>, threads: u64, memory_bytes: u64, bytes: u64 },
    /// The graph of a chunk of so many examples follows.
    Graph { id: u64, examples: u64, bytes: u64 },
    /// So many words follow that announce examples, and then what each rank is to keep of them.
    Hold { id: u64, words: u64 },
    /// Another batch of so many examples, or one of its parts; the order of so many words follows that says who computes what. Ranks get that from each other, or
    /// from the leader if it `is_given`.
    Share { id: u64, all: u64, part: Option<Part>, is_given: bool, words: u64 },
    /// The order of so many words follows that says what the leader is to have for itself.
    Gather { id: u64, words: u64 },
    /// Another part of the same batch, of as many.
    Part { id: u64, part: Option<Part> },
    /// A stage, at a point or along a direction that follows.
    Stage { id: u64, stage: Stage, len: u64 },
    /// Work on stored vectors of `len` elements, the numbers of whose slots and then as many other numbers as said follow; each rank gets its part of the vector
    /// that is worked on from the leader, and sends what it gives there.
    Store { id: u64, work: Work, len: u64, slots: u64, numbers: u64 },
    /// An objective is not needed any more.
    Drop { id: u64 },
    /// Messages of so many bytes to and fro between two ranks, of which the first measures and tells rank 0; it waits before each.
    Echo { from: u64, to: u64, bytes: u64, rounds: u64, wait_micros: u64 },
    /// Vectors of so many elements, each down the tree and summed up it.
    Sum { len: u64, rounds: u64 },
}

/// What ranks compute together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Metrics,
    Linearize,
    Curvature,
    PartCurvature,
    PartGradient,
    HessianVector,
    GaussNewton,
}

/// What ranks do with the pieces of stored vectors that they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Stores the vector that comes.
    Put,
    /// Gives a stored vector.
    Get,
    /// Stores some vectors no longer.
    Free,
    /// Gives the products with the vector that comes, of every piece.
    Dots,
    /// The three sweeps of Gram-Schmidt, from the vector that comes: they give numbers of every piece, the last one what is left of the vector too.
    Project,
    ProjectAgain,
    Finish,
    /// Gives the sum of stored vectors, each times a number.
    Combine,
    /// Replaces stored vectors by such sums.
    Rotate,
}

impl Work {
    /// Whether a part of a vector comes with it.
    pub(crate) fn takes_part(self) -> bool {
        matches!(self, Self::Put | Self::Dots | Self::Project)
    }

    /// Whether it gives a part of a vector.
    pub(crate) fn gives_part(self) -> bool {
        matches!(self, Self::Get | Self::Combine | Self::Finish)
    }
}

const WORK: [Work; 9] = [
    Work::Put,
    Work::Get,
    Work::Free,
    Work::Dots,
    Work::Project,
    Work::ProjectAgain,
    Work::Finish,
    Work::Combine,
    Work::Rotate,
];

const STAGES: [Stage; 7] = [
    Stage::Metrics,
    Stage::Linearize,
    Stage::Curvature,
    Stage::PartCurvature,
    Stage::PartGradient,
    Stage::HessianVector,
    Stage::GaussNewton,
];

impl Call {
    /// An objective with these options.
    pub(crate) fn new(id: u64, is_double: bool, options: &Options, bytes: usize) -> Self {
        let Options { threads, lanes, chunk, memory_bytes } = options;
        let chunk = chunk.map(|chunk| chunk as u64);
        let (lanes, threads, memory_bytes) = (*lanes as u64, *threads as u64, *memory_bytes);
        Self::New { id, is_double, lanes, chunk, threads, memory_bytes, bytes: bytes as u64 }
    }

    /// As a message.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let of = |part: Option<Part>| part.map_or([0, 0], |part| [part.index as u64, part.of as u64]);
        let words = match self {
            Self::End => vec![0],
            Self::New { id, is_double, lanes, chunk, threads, memory_bytes, bytes } => {
                vec![1, id, u64::from(is_double), lanes, chunk.unwrap_or(0), threads, memory_bytes, bytes]
            }
            Self::Graph { id, examples, bytes } => vec![2, id, examples, bytes],
            Self::Share { id, all, part, is_given, words } => {
                [&[3, id, all][..], &of(part), &[u64::from(is_given), words]].concat()
            }
            Self::Part { id, part } => [&[4, id][..], &of(part)].concat(),
            Self::Stage { id, stage, len } => vec![5, id, stage as u64, len],
            Self::Drop { id } => vec![6, id],
            Self::Echo { from, to, bytes, rounds, wait_micros } => vec![7, from, to, bytes, rounds, wait_micros],
            Self::Sum { len, rounds } => vec![8, len, rounds],
            Self::Store { id, work, len, slots, numbers } => vec![9, id, work as u64, len, slots, numbers],
            Self::Hold { id, words } => vec![10, id, words],
            Self::Gather { id, words } => vec![11, id, words],
        };
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// From a message; `None` if it is no call.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let words: Vec<u64> =
            bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default())).collect();
        let part = |index: u64, of: u64| (of > 0).then_some(Part { index: index as usize, of: of as usize });
        Some(match words[..] {
            [0] => Self::End,
            [1, id, is_double, lanes, chunk, threads, memory_bytes, bytes] => {
                let chunk = (chunk > 0).then_some(chunk);
                Self::New { id, is_double: is_double != 0, lanes, chunk, threads, memory_bytes, bytes }
            }
            [2, id, examples, bytes] => Self::Graph { id, examples, bytes },
            [3, id, all, index, of, is_given, words] => {
                Self::Share { id, all, part: part(index, of), is_given: is_given != 0, words }
            }
            [4, id, index, of] => Self::Part { id, part: part(index, of) },
            [5, id, stage, len] => Self::Stage { id, stage: *STAGES.get(stage as usize)?, len },
            [6, id] => Self::Drop { id },
            [7, from, to, bytes, rounds, wait_micros] => Self::Echo { from, to, bytes, rounds, wait_micros },
            [8, len, rounds] => Self::Sum { len, rounds },
            [9, id, work, len, slots, numbers] => {
                Self::Store { id, work: *WORK.get(work as usize)?, len, slots, numbers }
            }
            [10, id, words] => Self::Hold { id, words },
            [11, id, words] => Self::Gather { id, words },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_back() {
        let options = Options { threads: 3, lanes: 8, chunk: Some(5), memory_bytes: 7 };
        let part = Some(Part { index: 2, of: 3 });
        let mut calls = vec![
            Call::End,
            Call::new(4, true, &options, 99),
            Call::new(5, false, &Options { chunk: None, ..options }, 1),
            Call::Graph { id: 1, examples: 16, bytes: 80 },
            Call::Hold { id: 1, words: 12 },
            Call::Share { id: 1, all: 100, part, is_given: true, words: 5 },
            Call::Share { id: 1, all: 100, part: None, is_given: false, words: 6 },
            Call::Gather { id: 1, words: 7 },
            Call::Part { id: 9, part },
            Call::Drop { id: 2 },
            Call::Echo { from: 0, to: 4, bytes: 8, rounds: 5, wait_micros: 9 },
            Call::Sum { len: 7, rounds: 3 },
        ];
        calls.extend(STAGES.map(|stage| Call::Stage { id: 3, stage, len: 12 }));
        calls.extend(WORK.map(|work| Call::Store { id: 3, work, len: 12, slots: 4, numbers: 9 }));
        for call in calls {
            assert_eq!(Call::from_bytes(&call.to_bytes()), Some(call));
        }
        assert_eq!(Call::from_bytes(&[9; 16]), None);
    }
}
