//! The checks for entries of one's own, on those of the library, and on entries that break them.

use onedge_registry::{Default, Entry, Kind, setting};
use onedge_run::contract::{check_data_set, check_diagnostic, check_loss, check_model, check_optimizer, check_tuner};
use onedge_spec::Catalogue;
use onedge_tune::{Error, Events, Line, State, Tuner, tuners};

#[test]
fn entries_of_the_library_pass() {
    let catalogue = Catalogue::standard();
    for name in ["cdat", "greedy", "armijo", "controlled", "polyak"] {
        check_tuner(&catalogue, name, &[]).unwrap();
    }
    for name in ["momentum", "adam", "muon", "schedule-free-sgd", "prodigy"] {
        check_optimizer(&catalogue, name, &[]).unwrap();
    }
    for (name, given) in [
        ("mlp", &["model.activation=tanh"][..]),
        ("linear", &[]),
        ("convnet", &["model.channels=[4]"]),
        (
            "nanolm",
            &["model.width=8", "model.depth=1", "model.heads=2", "model.qkv=8", "model.mlp=8", "model.activation=gelu"],
        ),
    ] {
        check_model(&catalogue, name, given).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in ["cross-entropy", "squared", "huber", "hinge"] {
        check_loss(&catalogue, name, &["model.activation=tanh"]).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    check_data_set(&catalogue, "mixture", &["data.examples=32"]).unwrap();
    for name in ["trace", "noise-scale", "sharpening"] {
        check_diagnostic(&catalogue, name, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// A tuner whose rate grows with each call, and which may forget that, or take any state.
struct Growing {
    calls: f64,
    events: Events,
    forgets: bool,
    takes_all: bool,
    sign: f64,
}

impl Tuner for Growing {
    fn learning_rate(&mut self, _: &mut dyn Line) -> Result<f64, Error> {
        self.calls += 1.0;
        Ok(self.sign * 1e-3 * self.calls)
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        if self.forgets { self.events.state() } else { self.events.state().with_scalar("calls", self.calls) }
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("growing");
        self.events = Events::read(&mut reader)?;
        if !self.forgets {
            self.calls = reader.scalar("calls")?;
        }
        if self.takes_all { Ok(()) } else { Ok(reader.finish()?) }
    }
}

const fn growing(name: &'static str, build: tuners::Make) -> Entry<tuners::Make> {
    Entry { name, summary: "a rate that grows", doc: "0.001 (t + 1).", settings: &[], build }
}

static GOOD: Entry<tuners::Make> = growing("good", |_| Ok(made(false, false, 1.0)));
static FORGETFUL: Entry<tuners::Make> = growing("forgetful", |_| Ok(made(true, false, 1.0)));
static CARELESS: Entry<tuners::Make> = growing("careless", |_| Ok(made(false, true, 1.0)));
static BACKWARDS: Entry<tuners::Make> = growing("backwards", |_| Ok(made(false, false, -1.0)));
static UNTOLD: Entry<tuners::Make> = Entry {
    settings: &[setting("rate", Kind::Integer, Default::Is("0.5"), "no integer")],
    ..growing("untold", |_| Ok(made(false, false, 1.0)))
};

fn made(forgets: bool, takes_all: bool, sign: f64) -> Box<dyn Tuner> {
    Box::new(Growing { calls: 0.0, events: Events::default(), forgets, takes_all, sign })
}

#[test]
fn what_breaks_the_contract_is_told() {
    let check = |entry: &'static Entry<tuners::Make>| {
        let catalogue = Catalogue::standard().with_tuner(entry).unwrap();
        check_tuner(&catalogue, entry.name, &[]).map_err(|violation| violation.to_string())
    };
    assert_eq!(check(&GOOD), Ok(()));
    let told = |entry, what: &str| {
        let message = check(entry).unwrap_err();
        assert!(message.contains(what), "{message}");
    };
    told(&FORGETFUL, "restored at step 1 it goes another way");
    told(&CARELESS, "took a state with a number in it that is none of its own");
    told(&UNTOLD, "the default \"0.5\" is no value of its kind");
    told(&BACKWARDS, "step 0");
}
