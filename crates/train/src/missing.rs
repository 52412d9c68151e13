//! Readings that do not exist: they are left out of the records and counted.

use std::collections::BTreeMap;
use std::fmt::Display;

use onedge_objective::{Real, State};

use crate::Finding;

/// The part of a snapshot that holds them, among the states of diagnostics.
pub(crate) const STATE: &str = "missing_readings";
const TIMES: &str = "/times";
const REASON: &str = "/reason";

/// How often each reading, or all of a diagnostic, had no value, and why the first time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Missing(BTreeMap<String, (u64, String)>);

impl Missing {
    pub(crate) fn note(&mut self, name: &str, reason: impl Display) {
        self.0.entry(name.to_owned()).or_insert_with(|| (0, reason.to_string())).0 += 1;
    }

    /// The value, unless there is none.
    pub(crate) fn keep<V, E: Display>(&mut self, name: &str, result: Result<V, E>) -> Option<V> {
        result.map_err(|error| self.note(name, error)).ok()
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        let told = |(reading, (times, reason)): (&String, &(u64, String))| Finding::LeftOut {
            reading: reading.clone(),
            times: *times,
            reason: reason.clone(),
        };
        self.0.iter().map(told).collect()
    }

    /// Nothing where nothing is missing. A reason is kept as the numbers of its bytes.
    pub(crate) fn state<T: Real>(&self) -> State<T> {
        self.0.iter().fold(State::new(), |state, (name, (times, reason))| {
            let bytes = reason.bytes().map(|byte| T::from_f64(f64::from(byte))).collect();
            state.with_scalar(&format!("{name}{TIMES}"), *times as f64).with_vector(&format!("{name}{REASON}"), bytes)
        })
    }

    pub(crate) fn of<T: Real>(state: State<T>) -> Self {
        let reason = |name: &str| {
            let bytes = state.vectors.get(&format!("{name}{REASON}")).map(Vec::as_slice).unwrap_or_default();
            let bytes: Vec<u8> = bytes.iter().map(|byte| byte.to_f64() as u8).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let named = |(name, times): (&String, &f64)| {
            let name = name.strip_suffix(TIMES)?;
            Some((name.to_owned(), (*times as u64, reason(name))))
        };
        Self(state.scalars.iter().filter_map(named).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_and_first_reason_survive_a_checkpoint() {
        let mut missing = Missing::default();
        missing.note("layers.0.weight/sharpness", "±0 over 0");
        missing.note("layers.0.weight/sharpness", "another");
        assert_eq!(missing.keep("trace", Ok::<_, String>(3)), Some(3));
        assert_eq!(Missing::of(missing.state::<f32>()), missing);
        let [Finding::LeftOut { reading, times: 2, reason }] = &missing.findings()[..] else { panic!() };
        assert_eq!((&reading[..], &reason[..]), ("layers.0.weight/sharpness", "±0 over 0"));
        assert!(Missing::default().state::<f64>().is_empty());
    }
}
