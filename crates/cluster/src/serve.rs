use std::collections::HashMap;
use std::sync::Arc;

use onedge_engine::Options;
use onedge_objective::Real;

use crate::call::Call;
use crate::seat::{Seat, Seated};
use crate::{Error, Ranks, links};

/// Follows the calls of rank 0, on every other rank, until it says that nothing more will be asked.
///
/// # Errors
/// What goes wrong between the ranks, or with the share of this one.
pub fn serve(ranks: &Arc<Ranks>) -> Result<(), Error> {
    let mut seats: HashMap<u64, Box<dyn Seat>> = HashMap::new();
    let unknown = || Error::Message { rank: ranks.rank(), expected: "an objective that is known" };
    loop {
        let call = ranks.hear()?;
        match call {
            Call::End => return Ok(()),
            Call::New { id, is_double, lanes, chunk, threads, memory_bytes, bytes } => {
                let options = Options {
                    threads: (threads as usize).min(Options::for_this_machine().threads),
                    lanes: lanes as usize,
                    chunk: chunk.map(|chunk| chunk as usize),
                    memory_bytes,
                };
                let mut seat: Box<dyn Seat> = match is_double {
                    true => Box::new(Seated::<f64>::new(ranks, options)),
                    false => Box::new(Seated::<f32>::new(ranks, options)),
                };
                seat.graph(onedge_engine::DataObjective::<f32>::PROBE_EXAMPLES, &ranks.hear_bytes(bytes as usize)?)?;
                seats.insert(id, seat);
            }
            Call::Graph { id, examples, bytes } => {
                let bytes = ranks.hear_bytes(bytes as usize)?;
                seats.get_mut(&id).ok_or_else(unknown)?.graph(examples as usize, &bytes)?;
            }
            Call::Hold { id, words } => {
                let announced = ranks.hear_words(words)?;
                seats.get_mut(&id).ok_or_else(unknown)?.hold(&announced)?;
            }
            Call::Share { id, all, part, is_given, words } => {
                let order = ranks.hear_words(words)?;
                seats.get_mut(&id).ok_or_else(unknown)?.share((all as usize, part), &order, is_given)?;
            }
            Call::Gather { id, words } => {
                let order = ranks.hear_words(words)?;
                seats.get_mut(&id).ok_or_else(unknown)?.gather(&order)?;
            }
            Call::Part { id, part } => seats.get_mut(&id).ok_or_else(unknown)?.part(part)?,
            Call::Stage { id, stage, len } => seats.get_mut(&id).ok_or_else(unknown)?.stage(stage, len as usize)?,
            Call::Store { id, work, len, slots, numbers } => {
                let mut slots_then_numbers = ranks.hear_bytes(8 * (slots + numbers) as usize)?;
                let numbers = f64::from_bytes(&slots_then_numbers.split_off(8 * slots as usize));
                let slots: Vec<u64> =
                    slots_then_numbers.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
                seats.get_mut(&id).ok_or_else(unknown)?.store(work, len as usize, &slots, &numbers)?;
            }
            Call::Drop { id } => {
                seats.remove(&id);
            }
            Call::Echo { .. } | Call::Sum { .. } => links::answer(ranks, call)?,
        }
    }
}
