//! An example or two for the help of every command. `tests/cli/examples.rs` runs all of them, in this order.

use clap::Command;

/// What is typed, by command.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("demo", &["onedge demo --steps 60"]),
    ("train", &["onedge train --set steps=50 --set tuner=greedy", "onedge train spec.toml --set batch=64 --out first"]),
    ("resume", &["onedge resume cdat --steps 90"]),
    ("fork", &["onedge fork cdat --at 40 --set tuner=greedy"]),
    ("compare", &["onedge compare spec.toml --set 'seed=[0, 1]'"]),
    ("sweep", &["onedge sweep sweep.toml --jobs 2", "onedge sweep sweep.toml --table-only --value test.accuracy"]),
    ("measure", &["onedge measure cdat", "onedge measure spec.toml --set model.hidden=[32] --json"]),
    ("evaluate", &["onedge evaluate wine", "onedge evaluate wine new.csv --json"]),
    ("predict", &["onedge predict wine new.csv -o predictions.csv"]),
    ("data", &["onedge data --set data=csv --set data.path=wine.csv", "onedge data spec.toml --json"]),
    (
        "plan",
        &[
            "onedge plan spec.toml --set batch=64",
            "onedge plan spec.toml --ranks 1,2,8,64 --latency 5us --bandwidth 10GB/s",
        ],
    ),
    ("generate", &["onedge generate cicero --prompt 'Quo usque' -n 80"]),
    ("runs", &["onedge runs --where 'tuner=cdat and final_loss<9' --sort final_loss"]),
    ("runs list", &["onedge runs list --columns folder,status,test.accuracy --limit 5"]),
    ("runs show", &["onedge runs show cdat"]),
    ("runs compare", &["onedge runs compare cdat greedy"]),
    ("runs tag", &["onedge runs tag cdat baseline"]),
    ("runs untag", &["onedge runs untag cdat baseline"]),
    ("runs note", &["onedge runs note cdat 'the one in the picture'"]),
    ("runs export", &["onedge runs export cdat greedy --format json -o steps.json"]),
    ("runs delete", &["onedge runs delete old --yes"]),
    ("runs index", &["onedge runs index"]),
    ("serve", &["onedge serve --port 0"]),
    ("export", &["onedge export cdat -o steps.csv", "onedge export wine --format onnx -o model.onnx"]),
    ("plot", &["onedge plot cdat greedy -o picture.svg"]),
    ("theory", &["onedge theory figure-9", "onedge theory run --set steps=500 --out spiral"]),
    ("figure", &["onedge figure 9 --preset tiny"]),
    ("study", &["onedge study generalisation --preset tiny"]),
    ("report", &["onedge report --figures runs/figures/tiny"]),
    ("list", &["onedge list tuners cdat"]),
    ("explain", &["onedge explain tuner.sigma", "onedge explain edge"]),
    ("completions", &["onedge completions bash > onedge.bash"]),
];

/// The command with examples below the help of each of its own commands.
pub fn with_examples(command: Command) -> Command {
    below(command, "")
}

fn below(command: Command, path: &str) -> Command {
    let path = path.to_owned();
    command.mut_subcommands(move |command| {
        let own = format!("{path} {}", command.get_name()).trim().to_owned();
        let examples = EXAMPLES.iter().find(|(known, _)| *known == own).map(|(_, examples)| examples);
        let command = match examples {
            None => command,
            Some(examples) => {
                let heading = if examples.len() == 1 { "Example" } else { "Examples" };
                let lines: String = examples.iter().map(|example| format!("\n  {example}")).collect();
                command.after_help(format!("{heading}:{lines}"))
            }
        };
        below(command, &own)
    })
}
