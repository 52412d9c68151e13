use std::fmt::Write;
use std::time::Instant;

use onedge_cluster::{Network, Reply};
use onedge_engine::Rehearsal;
use onedge_spec::{Precision, Spec};
use onedge_text::table::{number, table};
use onedge_train::{Element, engine};
use serde::Serialize;

use super::alone::{self, Alone};
use crate::{DataSets, Error, build_problem, plan};

/// Below this efficiency ranks are said to be wasted.
pub const LEAST_EFFICIENCY: f64 = 0.8;

/// More ranks than that are not predicted.
pub const MOST_RANKS: usize = 65_536;

/// What a run will cost on several ranks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverRanks {
    /// Seconds of a message without content.
    pub latency: f64,
    /// Bytes a second between two ranks.
    pub bandwidth: f64,
    /// Curvatures that the tuner asks for in a step, on average.
    pub curvatures: f64,
    /// Seconds of a step that rank 0 spends alone: optimizer, tuner, the choice of a mini-batch.
    pub alone: f64,
    /// The lanes that the spec asks for.
    pub lanes: usize,
    /// For each number of ranks, one for one process, in ascending order.
    pub rows: Vec<Row>,
}

/// What a step takes on so many ranks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// How many.
    pub ranks: usize,
    /// `engine.lanes`: what the spec says, or as many as there are threads on all ranks.
    pub lanes: usize,
    /// Examples of the rank that has most.
    pub examples: usize,
    /// Ranks that have none.
    pub idle: usize,
    /// Seconds of a step.
    pub seconds: f64,
    /// Those of them that go to messages.
    pub messages: f64,
    /// The time of one process over that of all ranks together.
    pub efficiency: f64,
    /// Seconds of a gradient, messages included.
    pub gradient: f64,
    /// Seconds of a curvature.
    pub curvature: f64,
    /// Seconds of a Hessian-vector product, of which Lanczos takes some.
    pub product: f64,
    /// The efficiency of such a product.
    pub product_efficiency: f64,
    /// Bytes of memory of rank 0 at its highest: while it reads all examples and hands them out, or with the state of the optimizer.
    pub memory_of_first: u64,
    /// Bytes of memory of each other rank.
    pub memory_of_others: u64,
}

/// What does not depend on the number of ranks.
#[derive(Clone, Copy)]
struct Facts {
    parameters: usize,
    /// Bytes of an element.
    width: usize,
    /// All examples, whatever the batch.
    examples: usize,
    is_full_batch: bool,
    /// Whether rank 0 changes the inputs of each batch.
    is_changed: bool,
    /// The parts of the batch that curvatures are taken of, one at a time.
    parts: usize,
    alone: Alone,
}

/// Predicts a step of `spec` on each of so many `ranks`, which `network` connects, each on a machine of this kind with the threads of the spec: measures
/// the share of the busiest rank in this process, and adds what lies between ranks.
///
/// A row with more ranks than lanes is for as many lanes as there are threads. Cost: about two seconds for each number of ranks, and a copy of the
/// examples.
///
/// # Errors
/// Whatever is wrong with spec or data; a number of ranks that is 0 or above [`MOST_RANKS`].
pub fn over_ranks(
    spec: &Spec,
    data_sets: &mut DataSets,
    ranks: &[usize],
    network: &Network,
) -> Result<OverRanks, Error> {
    if let Some(got) = ranks.iter().find(|&&ranks| !(1..=MOST_RANKS).contains(&ranks)) {
        let (option, expected) = ("ranks", format!("numbers from 1 to {MOST_RANKS}"));
        return Err(Error::Option { option, expected, got: got.to_string() });
    }
    match spec.precision {
        Precision::F32 => over_ranks_in::<f32>(spec, data_sets, ranks, network),
        Precision::F64 => over_ranks_in::<f64>(spec, data_sets, ranks, network),
    }
}

fn over_ranks_in<T: Element>(
    spec: &Spec,
    data_sets: &mut DataSets,
    ranks: &[usize],
    network: &Network,
) -> Result<OverRanks, Error> {
    const TURNS: usize = 3;
    const SECONDS: f64 = 0.5;
    let (plan, in_spec) = (plan(spec)?, onedge_spec::Error::spec(&spec.origin));
    let options = engine::options(&spec.engine).map_err(&in_spec)?;
    let mut problem = build_problem::<T>(spec, data_sets)?;
    let examples = problem.train.examples();
    plan.check_batch(examples)?;
    let batch: Option<Vec<usize>> = plan.batch.filter(|batch| *batch < examples).map(|batch| (0..batch).collect());
    let start = Instant::now();
    problem.train.select(batch.as_deref())?;
    let selection = batch.as_ref().map_or(0.0, |_| start.elapsed().as_secs_f64());
    let w = problem.initial(spec.seed);
    let tuner = spec.build_tuner().map_err(&in_spec)?;
    let mut alone = alone::measure(spec, &problem, &w)?;
    alone.seconds += selection;
    let facts = Facts {
        parameters: w.len(),
        width: size_of::<T>(),
        examples,
        is_full_batch: batch.is_none(),
        is_changed: spec.crop > 0 || spec.flip,
        parts: tuner.needs().parts.unwrap_or(1).max(1),
        alone,
    };
    let mut all: Vec<usize> = ranks.iter().copied().chain([1]).collect();
    all.sort_unstable();
    all.dedup();
    let lanes_of = |ranks: usize| match ranks {
        1 => options.lanes,
        _ => options.lanes.max(ranks.saturating_mul(options.threads)),
    };
    let mut measured: Vec<Rehearsal> = Vec::new();
    // In turns, so that what else the machine does at a time counts for none of them alone.
    for turn in 0..TURNS {
        for (place, &ranks) in all.iter().enumerate() {
            // Parameters serve as the direction: any will do.
            let again = problem.train.rehearse((lanes_of(ranks), ranks), &w, &w, SECONDS)?;
            match turn {
                0 => measured.push(again),
                _ => measured[place].take_shorter(&again),
            }
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for (measured, &ranks) in measured.iter().zip(&all) {
        let row = facts.row(ranks, lanes_of(ranks), measured, network);
        rows.push(row.beside(rows.first()));
    }
    rows.retain(|row| row.ranks == 1 || ranks.contains(&row.ranks));
    let Network { latency, bandwidth, .. } = *network;
    let Alone { seconds, curvatures, .. } = facts.alone;
    Ok(OverRanks { latency, bandwidth, curvatures, alone: seconds, lanes: options.lanes, rows })
}

impl Facts {
    /// The row of so many ranks, its efficiency as if it were one process.
    fn row(&self, ranks: usize, lanes: usize, measured: &Rehearsal, network: &Network) -> Row {
        let (Self { parameters, width, .. }, curvatures) = (*self, self.alone.curvatures);
        let between = |reply| network.stage(ranks, parameters, width, reply);
        let (vector, numbers) = (between(Reply::Vector), between(Reply::Numbers));
        // Where not every step has a curvature, one that comes takes the gradient's pass again, to keep what it needs, and the next gradient keeps it in vain.
        let keeps = curvatures.min(1.0);
        let again = if curvatures < 1.0 { measured.keeping } else { 0.0 };
        let computed = self.alone.seconds
            + (1.0 - keeps) * measured.gradient
            + keeps * measured.keeping
            + curvatures * (again + measured.curvature) / self.parts as f64;
        let counts = &measured.examples_of_each;
        let values = measured.widths.iter().sum::<usize>();
        let sent = match (self.is_full_batch, self.is_changed) {
            (true, _) => 0.0,
            (false, false) => network.exchange(counts, values, width),
            (false, true) => network.by_first(counts, values, width),
        };
        let messages = sent + vector + curvatures * numbers;
        let shared = measured.shared.iter().sum::<usize>();
        let bytes_of = |examples: usize| ((examples * values + shared) * width) as u64;
        let vectors = |count: usize| (count * parameters * width) as u64;
        // What a rank keeps of all examples, and copies: its share of a batch, of which the next one comes before the last one goes, or of the parts of all.
        let kept = if self.is_full_batch { measured.examples } else { self.examples.div_ceil(ranks) };
        let copies = if self.is_full_batch { usize::from(self.parts > 1) } else { 2 };
        let examples = bytes_of(kept) + bytes_of(copies * measured.examples);
        // Rank 0 has a batch whole where it changes it, and the next one besides.
        let whole = if self.is_changed && ranks > 1 { bytes_of(2 * counts.iter().sum::<usize>()) } else { 0 };
        let reading = if ranks > 1 { bytes_of(self.examples) + bytes_of(kept) } else { 0 };
        let memory_of_first = (measured.memory_bytes + vectors(self.alone.vectors) + examples + whole).max(reading);
        // The vector that comes, a copy of the linearised point, and what is sent.
        let memory_of_others = measured.memory_bytes + vectors(3) + examples;
        Row {
            ranks,
            lanes,
            examples: measured.examples,
            idle: measured.idle,
            seconds: computed + messages,
            messages,
            efficiency: 1.0,
            gradient: vector + if curvatures > 0.0 { measured.keeping } else { measured.gradient },
            curvature: numbers + measured.curvature,
            product: vector + measured.product,
            product_efficiency: 1.0,
            memory_of_first,
            memory_of_others: if ranks > 1 { memory_of_others } else { 0 },
        }
    }
}

impl Row {
    /// With its efficiency beside that of one process.
    fn beside(self, single: Option<&Self>) -> Self {
        let Some(single) = single else { return self };
        let of = |one: f64, all: f64| one / (self.ranks as f64 * all);
        let (efficiency, product_efficiency) = (of(single.seconds, self.seconds), of(single.product, self.product));
        Self { efficiency, product_efficiency, ..self }
    }
}

impl OverRanks {
    /// Where the efficiency of a step first falls under [`LEAST_EFFICIENCY`]: the last number of ranks before, and the first at which it has.
    pub fn falls(&self) -> Option<(usize, usize)> {
        let first = self.rows.iter().position(|row| row.efficiency < LEAST_EFFICIENCY)?;
        Some((self.rows[first.checked_sub(1)?].ranks, self.rows[first].ranks))
    }

    /// As text for the terminal.
    pub fn to_text(&self) -> String {
        let microseconds = number(Some(self.latency * 1e6));
        let mut out = format!(
            "over ranks, with {microseconds} us and {} GB/s between two:\n\n",
            number(Some(self.bandwidth / 1e9))
        );
        let mib = |bytes: u64| number(Some(bytes as f64 / f64::from(1 << 20)));
        let row = |row: &Row| {
            let seconds = |x: f64| number(Some(x));
            vec![
                row.ranks.to_string(),
                row.lanes.to_string(),
                row.examples.to_string(),
                seconds(row.seconds),
                format!("{:.2}", row.efficiency),
                format!("{:.1}", 100.0 * row.messages / row.seconds),
                seconds(row.gradient),
                seconds(row.curvature),
                seconds(row.product),
                format!("{:.2}", row.product_efficiency),
                mib(row.memory_of_first),
                if row.ranks > 1 { mib(row.memory_of_others) } else { "-".to_owned() },
            ]
        };
        let rows: Vec<Vec<String>> = self.rows.iter().map(row).collect();
        let headings = [
            "ranks",
            "lanes",
            "examples",
            "step s",
            "eff.",
            "msg. %",
            "gradient s",
            "curvature s",
            "H v s",
            "H v eff.",
            "MiB rank 0",
            "MiB others",
        ];
        out += &table(&headings, &rows);
        let every = match self.curvatures {
            0.0 => "no curvature".to_owned(),
            1.0 => "a curvature".to_owned(),
            some => format!("{} curvatures on average", number(Some(some))),
        };
        let _ =
            write!(out, "\na step is a gradient, {every}, and {} ms of rank 0 alone; ", number(Some(1e3 * self.alone)));
        let most = self.rows.last().map_or(1, |row| row.ranks);
        let _ = match self.falls() {
            Some((before, at)) => {
                writeln!(out, "its efficiency falls under {LEAST_EFFICIENCY} between {before} and {at} ranks")
            }
            None => writeln!(out, "its efficiency stays at {LEAST_EFFICIENCY} or above up to {most} ranks"),
        };
        if let Some(row) = self.rows.iter().find(|row| row.lanes > self.lanes) {
            let _ = writeln!(
                out,
                "engine.lanes = {} leaves ranks without work: from {} ranks on rows are for the lanes that they name; set them",
                self.lanes, row.ranks
            );
        }
        if let Some(row) = self.rows.iter().find(|row| row.idle > 0) {
            let _ = writeln!(out, "{} of {} ranks have no examples: the batch has too few", row.idle, row.ranks);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Network = Network { latency: 1e-3, bandwidth: 1e6, handling: 0.0, wake: 0.0 };

    /// 1,000 parameters of 4 bytes: 5 ms a vector and level, and 1 ms for each call and for numbers.
    fn facts() -> Facts {
        let alone = Alone { seconds: 0.01, vectors: 5, curvatures: 1.0 };
        Facts { parameters: 1000, width: 4, examples: 64, is_full_batch: true, is_changed: false, parts: 1, alone }
    }

    fn measured(members: usize) -> Rehearsal {
        let share = 1.0 / members as f64;
        Rehearsal {
            lanes: 8,
            own_lanes: 8 / members,
            examples: 64 / members,
            chunks: 8 / members,
            chunks_kept: 8 / members,
            idle: 0,
            examples_of_each: vec![64 / members; members],
            memory_bytes: 1000,
            widths: vec![3, 1],
            shared: vec![],
            gradient: 0.7 * share,
            keeping: 0.8 * share,
            curvature: 0.4 * share,
            product: share,
        }
    }

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} for {expected}");
    }

    #[test]
    fn a_row_is_what_it_is_by_hand() {
        let single = facts().row(1, 8, &measured(1), &NETWORK).beside(None);
        near(single.seconds, 0.01 + 0.8 + 0.4);
        near(single.efficiency, 1.0);
        // Engine, five vectors of 4,000 bytes, 64 examples of 16.
        assert_eq!((single.memory_of_first, single.memory_of_others), (1000 + 20_000 + 1024, 0));
        let two = facts().row(2, 8, &measured(2), &NETWORK).beside(Some(&single));
        // A gradient: 1 + 5 down, 1 + 5 up; a curvature: 1 + 5 down, 1 up.
        near(two.messages, 0.019);
        near(two.seconds, 0.01 + 0.4 + 0.2 + 0.019);
        near(two.efficiency, 1.21 / (2.0 * 0.629));
        near(two.product, 0.5 + 0.012);
        near(two.product_efficiency, 1.0 / 1.024);
        assert_eq!((two.memory_of_first, two.memory_of_others), (1000 + 20_000 + 512, 1000 + 12_000 + 512));
        let eight = facts().row(8, 8, &measured(8), &NETWORK).beside(Some(&single));
        near(eight.seconds, 0.01 + 0.1 + 0.05 + 0.057);
    }

    #[test]
    fn steps_without_a_curvature_keep_nothing() {
        let of = |curvatures: f64| {
            Facts { alone: Alone { curvatures, ..facts().alone }, ..facts() }.row(1, 8, &measured(1), &NETWORK).seconds
        };
        near(of(0.0), 0.01 + 0.7);
        // Of four steps one has a curvature, for which a gradient comes again; and the next gradient keeps what nobody wants.
        near(of(0.25), 0.01 + 0.25 * (3.0 * 0.7 + 2.0 * 0.8 + 0.4));
    }

    #[test]
    fn batches_are_sent() {
        let mini = Facts { is_full_batch: false, ..facts() };
        let two = mini.row(2, 8, &measured(2), &NETWORK);
        // A call with the numbers of 64 examples, a message each of half of 32 examples of 16 bytes.
        near(two.messages, 0.019 + 2e-3 + 512e-6 + 2.0 * (1e-3 + 256e-6));
        assert_eq!(two.memory_of_first, 1000 + 20_000 + 512 + 2 * 512);
        // Rank 0 has half of them come, and sends as many.
        let changed = Facts { is_changed: true, ..mini }.row(2, 8, &measured(2), &NETWORK);
        near(changed.messages, 0.019 + 2e-3 + 512e-6 + 2e-3 + 2.0 * (1e-3 + 512e-6));
        assert_eq!(
            (changed.memory_of_first, changed.memory_of_others),
            (two.memory_of_first + 2 * 1024, two.memory_of_others)
        );
        // Many more examples than parameters are read before they are handed out.
        let many = Facts { examples: 10_000, ..mini }.row(2, 8, &measured(2), &NETWORK);
        assert_eq!((many.memory_of_first, many.memory_of_others), (240_000, 1000 + 12_000 + 80_000 + 2 * 512));
    }

    #[test]
    fn a_slower_network_wastes_more() {
        let efficiency = |network: &Network, members: usize| {
            let single = facts().row(1, 8, &measured(1), network);
            facts().row(members, 8, &measured(members), network).beside(Some(&single)).efficiency
        };
        let slower = [Network { latency: 2e-3, ..NETWORK }, Network { bandwidth: 5e5, ..NETWORK }];
        for network in slower {
            assert!(efficiency(&network, 4) < efficiency(&NETWORK, 4));
        }
        let all: Vec<f64> = [1, 2, 4, 8].map(|members| efficiency(&NETWORK, members)).to_vec();
        assert!(all.is_sorted_by(|a, b| a > b), "{all:?}");
    }

    #[test]
    fn it_says_where_efficiency_falls() {
        let single = facts().row(1, 8, &measured(1), &NETWORK);
        let rows = [1, 2, 4, 8].map(|ranks| facts().row(ranks, 8, &measured(ranks), &NETWORK).beside(Some(&single)));
        let all =
            OverRanks { latency: 1e-3, bandwidth: 1e6, curvatures: 1.0, alone: 0.01, lanes: 8, rows: rows.to_vec() };
        // 0.96, 0.87 and 0.70.
        assert_eq!(all.falls(), Some((4, 8)));
        assert!(all.to_text().ends_with("its efficiency falls under 0.8 between 4 and 8 ranks\n"), "{}", all.to_text());
        let few = OverRanks { rows: rows[..3].to_vec(), ..all.clone() };
        assert_eq!(few.falls(), None);
        assert!(few.to_text().contains("stays at 0.8 or above up to 4 ranks"), "{}", few.to_text());
        let lanes = OverRanks { lanes: 4, ..all };
        assert!(
            lanes.to_text().contains("engine.lanes = 4 leaves ranks without work: from 1 ranks on"),
            "{}",
            lanes.to_text()
        );
    }
}
