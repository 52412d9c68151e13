//! What is said of a figure, and how it stands with every seed.

use onedge_theory::presets::{self, Verdict};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::results::{Grids, Results};

/// Something that the paper says, and what the runs say.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// A problem, perhaps with a rule.
    pub curve: String,
    /// What must be seen.
    pub says: &'static str,
    /// What is seen, in numbers.
    pub measured: String,
    /// Whether it is the same.
    pub verdict: Verdict,
    /// The number that was held against the threshold, if it is one.
    pub value: Option<f64>,
    /// What the seeds say one by one, if there are several.
    pub seeds: Option<Spread>,
}

/// What the seeds say one by one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// In how many it is shown.
    pub holds: usize,
    /// How many there are.
    pub of: usize,
    /// The lowest and the highest of their numbers; infinite where a run that diverged is held against another one.
    #[serde(serialize_with = "write_range", deserialize_with = "read_range")]
    pub range: Option<(f64, f64)>,
}

/// A number as JSON has it, or, where that has none, in words: `inf`, `-inf`. Files of earlier versions have `null` there.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum End {
    Number(f64),
    Words(String),
    Missing(()),
}

fn write_range<S: Serializer>(range: &Option<(f64, f64)>, to: S) -> Result<S::Ok, S::Error> {
    let end = |x: f64| if x.is_finite() { End::Number(x) } else { End::Words(x.to_string()) };
    range.map(|(low, high)| (end(low), end(high))).serialize(to)
}

fn read_range<'de, D: Deserializer<'de>>(from: D) -> Result<Option<(f64, f64)>, D::Error> {
    let end = |end: End, missing: f64| match end {
        End::Number(x) => Ok(x),
        End::Words(words) => words.parse().map_err(D::Error::custom),
        End::Missing(()) => Ok(missing),
    };
    let range: Option<(End, End)> = Option::deserialize(from)?;
    range.map(|(low, high)| Ok((end(low, f64::NEG_INFINITY)?, end(high, f64::INFINITY)?))).transpose()
}

impl From<presets::Claim> for Claim {
    fn from(claim: presets::Claim) -> Self {
        let presets::Claim { curve, says, measured, verdict } = claim;
        Self { curve, says, measured, verdict, value: None, seeds: None }
    }
}

/// What is seen of a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Whether it is what must be seen.
    pub verdict: Verdict,
    /// In words.
    pub measured: String,
    /// The number that was held against the threshold.
    pub value: Option<f64>,
}

impl Seen {
    /// With the number that decided.
    pub fn of(verdict: Verdict, measured: String, value: f64) -> Self {
        Self { verdict, measured, value: Some(value) }
    }

    /// Where there is none, or several.
    pub fn bare(verdict: Verdict, measured: String) -> Self {
        Self { verdict, measured, value: None }
    }
}

/// What is claimed of all seeds together, with what each says alone. What is shown but does not hold in every seed is shown in part: it may
/// come out otherwise with another seed, or with the rounding of another processor.
pub fn seed_by_seed(judge: impl Fn(&Results) -> Vec<Claim>, results: &Results, grids: Grids) -> Vec<Claim> {
    let mut claims = judge(results);
    let of = results.seeds();
    if of < 2 {
        return claims;
    }
    let by_seed: Vec<Vec<Claim>> = (0..of).map(|seed| judge(&results.of_seed(seed, grids))).collect();
    for claim in &mut claims {
        let same = |other: &&Claim| (&other.curve, other.says) == (&claim.curve, claim.says);
        let alone: Vec<&Claim> = by_seed.iter().filter_map(|claims| claims.iter().find(same)).collect();
        let holds = alone.iter().filter(|other| other.verdict == Verdict::Shown).count();
        let values = alone.iter().filter_map(|other| other.value).map(|value| (value, value));
        let range = values.reduce(|(low, high), (l, h)| (low.min(l), high.max(h)));
        claim.seeds = Some(Spread { holds, of, range });
        if claim.verdict == Verdict::Shown && holds < of {
            claim.verdict = Verdict::Partly;
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::super::judge::{Judge, ends, unknown, whether};
    use super::super::results::samples::{falling, series};
    use super::*;

    #[test]
    fn ranges_without_an_end_come_back() {
        let spread = |range| Spread { holds: 2, of: 3, range };
        for range in [None, Some((-1.5, 2.0)), Some((3.0, f64::INFINITY)), Some((f64::NEG_INFINITY, 0.1))] {
            let text = serde_json::to_string(&spread(range)).unwrap();
            assert_eq!(serde_json::from_str::<Spread>(&text).unwrap(), spread(range), "{text}");
        }
        let earlier = serde_json::from_str::<Spread>(r#"{"holds":2,"of":3,"range":[488.8,null]}"#).unwrap();
        assert_eq!(earlier, spread(Some((488.8, f64::INFINITY))));
        assert!(serde_json::from_str::<Spread>(r#"{"holds":2,"of":3,"range":[488.8,"many"]}"#).is_err());
    }

    #[test]
    fn what_flips_with_a_seed_is_shown_in_part() {
        let judge = |results: &Results| {
            let mut judge = Judge::default();
            let found = ends(results, "a", "greedy", "constant");
            judge.claim("a", "above 1.5 times", found.map_or(unknown("none"), |e| e.seen(whether(e.ratio > 1.5))));
            judge.claim("a", "always so", Seen::bare(Verdict::Shown, String::new()));
            judge.claims()
        };
        let results = |greedy: [f64; 3]| Results {
            series: vec![
                series("a", "greedy", greedy.map(falling).to_vec()),
                series("a", "constant", vec![falling(0.1), falling(0.1), falling(0.1)]),
            ],
        };
        let found = |greedy| seed_by_seed(judge, &results(greedy), Grids::Chosen);
        let claims = found([0.2, 0.3, 0.4]);
        let seeds = claims[0].seeds.unwrap();
        let (low, high) = seeds.range.unwrap();
        assert_eq!((claims[0].verdict, seeds.holds, seeds.of), (Verdict::Shown, 3, 3));
        assert!((low - 2.0).abs() < 1e-9 && (high - 4.0).abs() < 1e-9);
        assert_eq!(claims[1].seeds, Some(Spread { holds: 3, of: 3, range: None }));
        // The mean says so still, one seed does not.
        let claims = found([0.1, 0.3, 0.4]);
        assert_eq!((claims[0].verdict, claims[0].seeds.unwrap().holds), (Verdict::Partly, 2));
        // Nor does one seed make it so.
        let claims = found([0.1, 0.1, 0.2]);
        assert_eq!((claims[0].verdict, claims[0].seeds.unwrap().holds), (Verdict::NotShown, 1));
        // One seed alone has no spread.
        let one = Results { series: vec![series("a", "greedy", vec![falling(0.2)])] };
        assert!(seed_by_seed(judge, &one, Grids::Chosen).iter().all(|claim| claim.seeds.is_none()));
    }
}
