use std::ops::Range;
use std::sync::Arc;

use onedge_engine::{Element, Examples, Field};

use crate::{Error, Ranks};

/// The bytes of examples after which they are sent.
const MESSAGE_BYTES: usize = 1 << 18;

/// The examples of a data set as they lie on the ranks: each keeps a range of them, those of its lanes of the full batch. Batches are put together
/// from what all ranks keep: each sends every other one what that is to compute.
pub(crate) struct Holding<T> {
    /// Where the range of each rank begins, and where the last one ends.
    bounds: Vec<usize>,
    layout: Layout<T>,
    /// The values of the own examples, for each field.
    own: Vec<Arc<Vec<T>>>,
}

/// What examples are made of, beside values of their own.
struct Layout<T> {
    /// Values of an example, for each field.
    widths: Vec<usize>,
    /// The fields that all examples share.
    shared: Vec<Arc<Vec<T>>>,
}

/// Which examples each rank is to compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// For each rank ranges of places in the batch.
    pub(crate) places: Vec<Vec<Range<usize>>>,
    /// Which example is at each place; all examples in their order if `None`.
    pub(crate) indices: Option<Vec<usize>>,
}

impl<T: Element> Holding<T> {
    /// What rank 0 tells of `examples` before it hands them out, so that the range of each rank begins at one of the `bounds` and ends at the next.
    pub(crate) fn announce(examples: &Examples<T>, bounds: &[usize]) -> Vec<u64> {
        let Layout { widths, shared } = Layout::of(examples);
        let counts = [widths.len(), shared.len()].into_iter().chain(widths);
        let all = counts.chain(shared.iter().map(|values| values.len())).chain(bounds.iter().copied());
        all.map(|word| word as u64).collect()
    }

    /// Hands them out, on rank 0.
    pub(crate) fn hand_out(ranks: &Ranks, examples: &Examples<T>, bounds: Vec<usize>) -> Result<Self, Error> {
        let layout = Layout::of(examples);
        layout.shared.iter().try_for_each(|values| ranks.tell_vector(values))?;
        let own = all_at_first(ranks, (&layout.widths, &values(examples)), examples.len(), &Order::of(&bounds))?;
        Ok(Self { bounds, layout, own })
    }

    /// Takes, on another rank, what rank 0 hands out; `None` if that was not announced as it should be.
    pub(crate) fn take(ranks: &Ranks, announced: &[u64]) -> Result<Option<Self>, Error> {
        let words: Vec<usize> = announced.iter().map(|word| *word as usize).collect();
        let [fields, shared, rest @ ..] = &words[..] else { return Ok(None) };
        let Some((widths, rest)) = rest.split_at_checked(*fields) else { return Ok(None) };
        let Some((shared, bounds)) = rest.split_at_checked(*shared) else { return Ok(None) };
        let Some(&all) = bounds.last().filter(|_| bounds.len() == ranks.size() + 1) else { return Ok(None) };
        let values = |len: &usize| {
            let mut values = Vec::new();
            ranks.hear_vector(*len, &mut values).map(|()| Arc::new(values))
        };
        let layout =
            Layout { shared: shared.iter().map(values).collect::<Result<_, Error>>()?, widths: widths.to_vec() };
        let own = all_at_first(ranks, (widths, &layout.nothing()), all, &Order::of(bounds))?;
        Ok(Some(Self { bounds: bounds.to_vec(), layout, own }))
    }

    /// The number of all examples.
    pub(crate) fn len(&self) -> usize {
        self.bounds.last().copied().unwrap_or(0)
    }

    /// The own examples of a batch, put together from what the ranks keep; `None` if this rank has none of it.
    pub(crate) fn compose(&self, ranks: &Ranks, order: &Order) -> Result<Option<Examples<T>>, Error> {
        if *order == Order::of(&self.bounds) {
            return self.layout.examples(ranks, self.own.clone());
        }
        let rows = Rows { bounds: &self.bounds, widths: &self.layout.widths, own: &self.own };
        self.layout.examples(ranks, rows.exchange(ranks, order)?)
    }

    /// The same of a batch of `all` examples that rank 0 alone has, in `given`.
    pub(crate) fn compose_given(
        &self,
        ranks: &Ranks,
        (given, all): (Option<&Examples<T>>, usize),
        order: &Order,
    ) -> Result<Option<Examples<T>>, Error> {
        let own = given.map_or_else(|| self.layout.nothing(), values);
        self.layout.examples(ranks, all_at_first(ranks, (&self.layout.widths, &own), all, order)?)
    }
}

impl<T: Element> Layout<T> {
    fn of(examples: &Examples<T>) -> Self {
        let widths = examples.fields().iter().map(|field| field.width).collect();
        Self { widths, shared: examples.shared().to_vec() }
    }

    /// The values of no examples.
    fn nothing(&self) -> Vec<Arc<Vec<T>>> {
        vec![Arc::default(); self.widths.len()]
    }

    fn examples(&self, ranks: &Ranks, values: Vec<Arc<Vec<T>>>) -> Result<Option<Examples<T>>, Error> {
        let fields = self.widths.iter().zip(values).map(|(&width, values)| Field { width, values });
        let fields: Vec<Field<T>> = fields.collect();
        let len = fields.iter().find(|field| field.width > 0).map_or(0, |field| field.values.len() / field.width);
        if len == 0 {
            return Ok(None);
        }
        let misfit = |_| Error::Message { rank: ranks.rank(), expected: "examples" };
        Ok(Some(Examples::new(len, fields).map_err(misfit)?.with_shared(self.shared.clone())))
    }
}

fn values<T: Element>(examples: &Examples<T>) -> Vec<Arc<Vec<T>>> {
    examples.fields().iter().map(|field| Arc::clone(&field.values)).collect()
}

/// The own of `all` examples that rank 0 alone has.
fn all_at_first<T: Element>(
    ranks: &Ranks,
    (widths, own): (&[usize], &[Arc<Vec<T>>]),
    all: usize,
    order: &Order,
) -> Result<Vec<Arc<Vec<T>>>, Error> {
    let bounds: Vec<usize> = (0..=ranks.size()).map(|rank| if rank == 0 { 0 } else { all }).collect();
    Rows { bounds: &bounds, widths, own }.exchange(ranks, order)
}

/// Examples that lie on the ranks in ranges.
struct Rows<'a, T> {
    bounds: &'a [usize],
    widths: &'a [usize],
    /// The values of those that are here, for each field.
    own: &'a [Arc<Vec<T>>],
}

impl<T: Element> Rows<'_, T> {
    /// The values of the examples that are to be here, for each field, from whoever has them; the others get theirs.
    fn exchange(&self, ranks: &Ranks, order: &Order) -> Result<Vec<Arc<Vec<T>>>, Error> {
        let rank = ranks.rank();
        let wanted: Vec<usize> = order.examples(rank).collect();
        let owners: Vec<usize> = wanted.iter().map(|&example| self.owner(example)).collect();
        let places = |owner: usize| (0..wanted.len()).filter(|&place| owners[place] == owner).collect::<Vec<_>>();
        let mut found: Vec<Vec<T>> = self.widths.iter().map(|width| vec![T::ZERO; wanted.len() * width]).collect();
        for place in places(rank) {
            for ((values, row), width) in found.iter_mut().zip(self.rows_of(rank, wanted[place])).zip(self.widths) {
                values[place * width..][..*width].copy_from_slice(row);
            }
        }
        // A message may wait for its receiver. Pairs of ranks come in one order everywhere, and in each the first rank sends first: so there is always a pair
        // that can go on.
        for other in (0..ranks.size()).filter(|other| *other != rank) {
            if rank < other {
                self.send(ranks, other, order)?;
            }
            self.receive(ranks, other, &places(other), &mut found)?;
            if rank > other {
                self.send(ranks, other, order)?;
            }
        }
        Ok(found.into_iter().map(Arc::new).collect())
    }

    /// Who has an example.
    fn owner(&self, example: usize) -> usize {
        self.bounds.partition_point(|bound| *bound <= example).saturating_sub(1)
    }

    /// The values of an example that is on this rank, for each field.
    fn rows_of(&self, rank: usize, example: usize) -> impl Iterator<Item = &[T]> {
        let place = example - self.bounds[rank];
        self.own.iter().zip(self.widths).map(move |(values, width)| &values[place * width..][..*width])
    }

    /// Sends what is here of the examples that another rank is to have.
    fn send(&self, ranks: &Ranks, to: usize, order: &Order) -> Result<(), Error> {
        let (rank, mut message) = (ranks.rank(), Vec::new());
        for example in order.examples(to).filter(|&example| self.owner(example) == rank) {
            self.rows_of(rank, example).for_each(|row| T::to_bytes(row, &mut message));
            if message.len() >= MESSAGE_BYTES {
                ranks.send(to, &message)?;
                message.clear();
            }
        }
        if message.is_empty() { Ok(()) } else { ranks.send(to, &message) }
    }

    /// Takes what another rank sends for those places of the own examples.
    fn receive(&self, ranks: &Ranks, from: usize, places: &[usize], found: &mut [Vec<T>]) -> Result<(), Error> {
        let each: usize = self.widths.iter().sum();
        let mut rest = places;
        while !rest.is_empty() && each > 0 {
            let message = T::from_bytes(&ranks.receive(from)?);
            let (count, misfit) = (message.len() / each, Error::Message { rank: ranks.rank(), expected: "examples" });
            let (now, later) = rest.split_at_checked(count).filter(|_| count > 0).ok_or(misfit)?;
            for (&place, example) in now.iter().zip(message.chunks_exact(each)) {
                let mut example = example;
                for (values, width) in found.iter_mut().zip(self.widths) {
                    let (row, others) = example.split_at(*width);
                    values[place * width..][..*width].copy_from_slice(row);
                    example = others;
                }
            }
            rest = later;
        }
        Ok(())
    }
}

impl Order {
    /// Each rank computes the range of all examples that it keeps.
    fn of(bounds: &[usize]) -> Self {
        let range = |pair: &[usize]| (pair[0] < pair[1]).then_some(pair[0]..pair[1]).into_iter().collect();
        Self { places: bounds.windows(2).map(range).collect(), indices: None }
    }

    /// Rank 0 has all examples at `indices`.
    pub(crate) fn at_first(ranks: usize, indices: &[usize]) -> Self {
        let places = (0..ranks).map(|rank| (rank == 0).then_some(0..indices.len()).into_iter().collect());
        Self { places: places.collect(), indices: Some(indices.to_vec()) }
    }

    /// The examples that a rank computes, in order.
    fn examples(&self, rank: usize) -> impl Iterator<Item = usize> + '_ {
        let places = self.places.get(rank).into_iter().flatten().cloned().flatten();
        places.map(|place| self.indices.as_ref().map_or(place, |indices| indices[place]))
    }

    /// As numbers: whether examples are chosen, the ranges of each rank, the chosen ones.
    pub(crate) fn to_words(&self) -> Vec<u64> {
        let ranges = |ranges: &Vec<Range<usize>>| {
            let bounds = ranges.iter().flat_map(|range| [range.start, range.end]);
            [ranges.len()].into_iter().chain(bounds).collect::<Vec<_>>()
        };
        let (is_chosen, indices) = (usize::from(self.indices.is_some()), self.indices.iter().flatten().copied());
        let words = [is_chosen].into_iter().chain(self.places.iter().flat_map(ranges)).chain(indices);
        words.map(|word| word as u64).collect()
    }

    /// From numbers; `None` if they are no order for so many ranks, of a batch in which each place and each chosen example is below `all`.
    pub(crate) fn from_words(words: &[u64], ranks: usize, all: usize) -> Option<Self> {
        let words: Vec<usize> = words.iter().map(|word| *word as usize).collect();
        let (is_chosen, mut rest) = words.split_first()?;
        let mut places = Vec::with_capacity(ranks);
        for _ in 0..ranks {
            let (count, after) = rest.split_first()?;
            let (ranges, after) = after.split_at_checked(count.checked_mul(2)?)?;
            places.push(ranges.as_chunks().0.iter().map(|[start, end]| *start..*end).collect::<Vec<_>>());
            rest = after;
        }
        let indices = (*is_chosen == 1).then(|| rest.to_vec());
        let count = indices.as_ref().map_or(all, Vec::len);
        let fits = places.iter().flatten().all(|range| range.end <= count) && rest.iter().all(|index| *index < all);
        fits.then_some(Self { places, indices })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_back() {
        let chosen = Order { places: vec![vec![0..2, 4..5], vec![], vec![2..4]], indices: Some(vec![9, 3, 3, 0, 7]) };
        for order in [chosen.clone(), Order { indices: None, ..chosen.clone() }, Order::of(&[0, 4, 4, 10])] {
            assert_eq!(Order::from_words(&order.to_words(), 3, 10), Some(order));
        }
        let words = chosen.to_words();
        // Examples that there are not, too few ranges, places that there are not.
        assert_eq!(Order::from_words(&words, 3, 9), None);
        assert_eq!(Order::from_words(&words[..4], 3, 10), None);
        assert_eq!(Order::from_words(&words[..words.len() - 1], 3, 10), None);
    }

    #[test]
    fn everybody_gets_what_is_asked_for() {
        crate::in_threads(1, |ranks| {
            let field = |width: usize| Field { width, values: Arc::new((0..5 * width).map(|x| x as f32).collect()) };
            let examples = Examples::new(5, vec![field(2), field(1)]).unwrap();
            let holding = Holding::hand_out(ranks, &examples, vec![0, 5]).unwrap();
            assert_eq!(holding.len(), 5);
            let batch = holding.compose(ranks, &Order::at_first(1, &[4, 1, 1])).unwrap().unwrap();
            assert_eq!(*batch.fields()[0].values, [8.0, 9.0, 2.0, 3.0, 2.0, 3.0]);
            assert_eq!(*batch.fields()[1].values, [4.0, 1.0, 1.0]);
            // What is kept is not copied where all of it is computed.
            let all = holding.compose(ranks, &Order::of(&[0, 5])).unwrap().unwrap();
            assert!(Arc::ptr_eq(&all.fields()[0].values, &holding.own[0]));
        })
        .unwrap();
    }
}
