//! Text from a trained language model, token by token.

use std::path::Path;

use onedge_data::{Answers, Meaning, Vocabulary};
use onedge_engine::Forward;
use onedge_graph::{Graph, Shape};
use onedge_nn::{Target, initial_parameters};
use onedge_random::Random;
use onedge_record::RunDirectory;
use onedge_spec::Spec;
use onedge_train::{engine, layouts};

use crate::meaning::{Learned, is_read_alike};
use crate::problem::model;
use crate::{DataSets, Error, Point, document_of};

/// How text is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What the text begins with; characters of the training text only.
    pub prompt: String,
    /// Tokens to draw: characters, unless the text is in pieces.
    pub length: usize,
    /// Logits are divided by it: 1 draws from the model's own distribution, less is tamer, 0 takes the likeliest.
    pub temperature: f64,
    /// Only so many of the likeliest characters may follow.
    pub top_k: Option<usize>,
    /// Of the draws.
    pub seed: u64,
}

/// Draws text from the model of `spec` with the parameters at `point`, and hands each character to `emit`, those of the prompt first. Each sees as many before it as the model's context holds. Stops early if `emit` says so.
///
/// Cost: one pass of the model over a context for each token, and the memory of a context.
///
/// # Errors
/// A spec whose data is no text, parameters of another model, a prompt with a character that the text lacks, options out
/// of range.
///
/// What tokens stand for is what the run in the folder `run` has left, or else what a file of parameters says: the text that the model
/// was trained on need not be there. Without either the data of the spec are read.
pub fn generate(
    spec: &Spec,
    run: Option<&Path>,
    point: &Point,
    data_sets: &mut DataSets,
    options: &Options,
    mut emit: impl FnMut(char) -> bool,
) -> Result<(), Error> {
    let threads = engine::options(&spec.engine).map_err(onedge_spec::Error::spec(&spec.origin))?.threads;
    let (learned, alike) = match (run, point) {
        (Some(run), _) => {
            let own = Spec::resolve(&document_of(run, &spec.catalogue)?)?;
            (Learned::of_run(&RunDirectory::open(run)?)?, is_read_alike(&own, spec))
        }
        (None, Point::File(path)) => (Learned::of_parameters(path)?, true),
        (None, _) => (Learned::default(), true),
    };
    let target = match &learned.meaning {
        Some(meaning) if alike => meaning.target.clone(),
        _ => {
            let split = data_sets.get(spec, threads)?;
            learned.require_same(&split)?;
            Meaning::of(&split).target
        }
    };
    let Answers::Tokens { vocabulary, length: context } = target else {
        return Err(Error::NoText { origin: spec.origin.clone(), data: spec.data.name.clone() });
    };
    let vocabulary = &vocabulary.vocabulary()?;
    options.check(vocabulary.len())?;
    let mut tokens = vocabulary.encode(&options.prompt).map_err(|c| unknown(vocabulary, c))?;
    let silent = usize::from(tokens.is_empty());
    if tokens.is_empty() {
        tokens.push(vocabulary.encode("\n").ok().and_then(|tokens| tokens.first().copied()).unwrap_or(0));
    }
    let target = Target::Tokens { count: vocabulary.len(), length: context };
    let model = model(spec, &[context], target)?;
    let random = || initial_parameters(model.parameters(), spec.seed);
    let w: Vec<f32> = point.locate(spec, &layouts(&model), random)?.w;
    let mut graph = Graph::new();
    let parameters: Vec<_> = model.parameters().iter().map(|p| graph.input(p.shape.clone())).collect();
    let input = graph.input(Shape::new(&[1, context]));
    let outputs = model.outputs(&mut graph, &parameters, input).map_err(onedge_engine::Error::from)?;
    let mut forward = Forward::<f32>::new(&graph, &parameters, &[input], outputs)?;
    let mut random = Random::new(options.seed);
    let mut spoken = Spoken { vocabulary, before: Vec::new(), held: Vec::new() };
    let prompt: String = tokens[silent..].iter().map(|token| spoken.say(*token)).collect();
    if !prompt.chars().all(&mut emit) {
        return Ok(());
    }
    let mut window = vec![0.0; context];
    for _ in 0..options.length {
        // Text of any length takes no more memory than the context.
        tokens.drain(..tokens.len().saturating_sub(context));
        let seen = &tokens[..];
        window.iter_mut().zip(seen).for_each(|(place, &token)| *place = token as f32);
        let logits = forward.run(&w, &[&window])?;
        let logits = &logits[(seen.len() - 1) * vocabulary.len()..][..vocabulary.len()];
        let token = options.draw(logits, random.unit());
        tokens.push(token as u32);
        if !spoken.say(token as u32).chars().all(&mut emit) {
            return Ok(());
        }
    }
    spoken.rest().chars().all(&mut emit);
    Ok(())
}

/// Tokens as text, as they come. What ends in the middle of a character waits for the rest of it; what a token is may
/// depend on the one before, as where words begin with a blank.
struct Spoken<'a> {
    vocabulary: &'a Vocabulary,
    /// The last tokens that were said.
    before: Vec<u32>,
    /// Those that wait.
    held: Vec<u32>,
}

/// No character has more than four bytes: what is none after so many tokens never will be.
const HELD: usize = 8;

impl Spoken<'_> {
    /// What can be said, now that there is another token.
    fn say(&mut self, token: u32) -> String {
        self.held.push(token);
        let text = self.waiting();
        let cut = matches!(self.vocabulary, Vocabulary::Pieces(_)) && text.ends_with(char::REPLACEMENT_CHARACTER);
        if cut && self.held.len() < HELD {
            return String::new();
        }
        self.before = std::mem::take(&mut self.held);
        text
    }

    /// What waits for a rest that never came.
    fn rest(&self) -> String {
        self.waiting()
    }

    fn waiting(&self) -> String {
        let known = self.vocabulary.decode(&self.before).chars().count();
        let all = self.vocabulary.decode(&[&self.before[..], &self.held].concat());
        all.chars().skip(known).collect()
    }
}

fn unknown(vocabulary: &Vocabulary, character: char) -> Error {
    let known = match vocabulary {
        Vocabulary::Characters(known) => known.iter().filter(|c| !c.is_whitespace()).collect(),
        Vocabulary::Pieces(_) => "the characters that the encoding has tokens for".to_owned(),
    };
    Error::UnknownCharacter { character, known }
}

impl Options {
    fn check(&self, characters: usize) -> Result<(), Error> {
        let bad = |option: &'static str, expected: String, got: String| Err(Error::Option { option, expected, got });
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return bad("temperature", "a number, 0 or more".to_owned(), self.temperature.to_string());
        }
        match self.top_k {
            Some(k) if k == 0 || k > characters => {
                bad("top_k", format!("1 to {characters}, the characters of the text"), k.to_string())
            }
            _ => Ok(()),
        }
    }

    /// The character that `uniform`, a number in [0, 1), picks.
    fn draw(&self, logits: &[f32], uniform: f64) -> usize {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        if self.temperature == 0.0 {
            return order[0];
        }
        order.truncate(self.top_k.unwrap_or(order.len()));
        let weight = |&i: &usize| (f64::from(logits[i] - logits[order[0]]) / self.temperature).exp();
        let total: f64 = order.iter().map(weight).sum();
        let mut left = uniform * total;
        for i in &order {
            left -= weight(i);
            if left < 0.0 {
                return *i;
            }
        }
        order[order.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onedge_spec::Document;

    fn options() -> Options {
        Options { prompt: String::new(), length: 20, temperature: 1.0, top_k: None, seed: 3 }
    }

    fn spec(settings: &[&str]) -> Spec {
        let mut document = Document::empty("defaults");
        let small =
            ["data=cicero", "data.context=8", "model=nanolm", "model.depth=1", "model.width=8", "model.heads=2"];
        for setting in small.iter().chain(&["model.qkv=8", "model.mlp=8"]).chain(settings) {
            document.set(setting).unwrap();
        }
        Spec::resolve(&document).unwrap()
    }

    fn text(options: &Options) -> Result<String, Error> {
        let mut text = String::new();
        generate(&spec(&[]), None, &Point::Random, &mut DataSets::new(None), options, |c| {
            text.push(c);
            true
        })?;
        Ok(text)
    }

    #[test]
    fn a_seed_gives_one_text_of_the_length_asked_for() {
        let first = text(&options()).unwrap();
        assert_eq!(first.chars().count(), 20);
        assert_eq!(first, text(&options()).unwrap());
        assert_ne!(first, text(&Options { seed: 4, ..options() }).unwrap());
        let prompted = text(&Options { prompt: "Quo usque tandem".to_owned(), ..options() }).unwrap();
        assert!(prompted.starts_with("Quo usque tandem") && prompted.chars().count() == 36);
    }

    /// A text is the same however long the one is that it is the beginning of.
    #[test]
    fn longer_texts_begin_alike_and_end_when_nobody_listens() {
        let short = text(&Options { length: 30, ..options() }).unwrap();
        let mut heard = String::new();
        let endless = Options { length: usize::MAX, ..options() };
        generate(&spec(&[]), None, &Point::Random, &mut DataSets::new(None), &endless, |c| {
            heard.push(c);
            heard.chars().count() < 30
        })
        .unwrap();
        assert_eq!(heard, short);
    }

    #[test]
    fn draws_follow_the_distribution() {
        let logits = [0.5f32.ln(), 0.125f32.ln(), 0.375f32.ln()];
        let at = |uniform| options().draw(&logits, uniform);
        assert_eq!([at(0.0), at(0.49), at(0.51), at(0.87), at(0.88), at(0.999)], [0, 0, 2, 2, 1, 1]);
        assert_eq!(Options { temperature: 0.0, ..options() }.draw(&logits, 0.99), 0);
        assert_eq!(Options { top_k: Some(2), ..options() }.draw(&logits, 0.99), 2);
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        let message = |options: &Options| text(options).unwrap_err().to_string();
        let unknown = message(&Options { prompt: "a€".to_owned(), ..options() });
        assert!(unknown.starts_with("prompt: `€` does not occur in the training text, expected some of "), "{unknown}");
        let hot = message(&Options { temperature: -1.0, ..options() });
        assert_eq!(hot, "temperature: expected a number, 0 or more, got -1");
        let mut data_sets = DataSets::new(None);
        let spec = Spec::resolve(&Document::empty("defaults")).unwrap();
        let none = generate(&spec, None, &Point::Random, &mut data_sets, &options(), |_| true).unwrap_err().to_string();
        assert_eq!(
            none,
            "defaults: data `digits` is no text, expected a model of one; try one trained on `cicero`, `tiny-shakespeare` or `text`"
        );
    }
}
