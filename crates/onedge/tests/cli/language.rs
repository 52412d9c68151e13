use crate::bench::Bench;

/// A language model so small that a step takes milliseconds.
const SMALL: &str = "steps = 3\nname = \"latin\"\n[data]\nname = \"cicero\"\ncontext = 8\nfirst = 20\ntest_first = 20\n\
                     [model]\nname = \"nanolm\"\ndepth = 1\nwidth = 8\nheads = 2\nqkv = 4\nmlp = 8\n";

#[test]
fn a_trained_language_model_speaks() {
    let bench = Bench::new();
    bench.write("latin.toml", SMALL);
    bench.done(&["train", "latin.toml", "-q", "--out", "latin"]);
    let speak = |more: &[&str]| bench.done(&[&["generate", "latin", "-n", "40"], more].concat()).stdout;
    let first = speak(&["--prompt", "Lorem"]);
    assert!(first.starts_with("Lorem") && first.ends_with('\n') && first.chars().count() == 46, "{first:?}");
    assert_eq!(first, speak(&["--prompt", "Lorem"]));
    assert_ne!(first, speak(&["--prompt", "Lorem", "--seed", "1"]));
    let tame = speak(&["--temperature", "0"]);
    assert_eq!(tame, speak(&["--temperature", "0", "--seed", "1"]));
    assert_eq!(tame, speak(&["--top-k", "1", "--params", "latin/params.safetensors"]));
}

#[test]
fn what_cannot_speak_is_named() {
    let bench = Bench::new();
    bench.write("latin.toml", SMALL);
    let refused = |arguments: &[&str]| {
        let output = bench.run(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        output.stderr
    };
    let message = refused(&["generate", "latin.toml"]);
    assert!(message.contains("expected the folder of a run, or `--params FILE` beside a spec"), "{message}");
    bench.done(&["train", "latin.toml", "-q", "--out", "latin"]);
    let message = refused(&["generate", "latin", "--prompt", "naïve"]);
    assert!(message.contains("`ï` does not occur in the training text"), "{message}");
    let message = refused(&["generate", "latin", "--top-k", "0"]);
    assert!(message.contains("--top-k: expected 1 to "), "{message}");
    bench.done(&["train", "a.toml", "-q", "--out", "classes"]);
    let message = refused(&["generate", "classes"]);
    assert!(message.contains("is no text, expected a model of one"), "{message}");
    let message = refused(&["train", "latin.toml", "--set", "model.heads=3"]);
    assert!(message.contains("heads"), "{message}");
    let message = refused(&["train", "latin.toml", "--set", "model=mlp"]);
    assert!(message.contains("try a model of tokens, as nanolm"), "{message}");
    let message = refused(&["train", "latin.toml", "--set", "data.context=100000"]);
    assert!(message.contains("too short, expected at least 100001 characters for a context of 100000"), "{message}");
}
