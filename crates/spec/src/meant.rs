//! What somebody most likely means who writes a key or a name that there is not.

use onedge_registry::{Error, Setting};

use crate::{Document, sections};

/// What other tools call a setting, and what it is called here.
const ELSEWHERE: [(&str, &str); 14] = [
    ("lr", "tuner.rate"),
    ("learning_rate", "tuner.rate"),
    ("step_size", "tuner.rate"),
    ("epochs", "steps"),
    ("iterations", "steps"),
    ("max_steps", "steps"),
    ("batchsize", "batch"),
    ("weight_decay", "decay"),
    ("random_seed", "seed"),
    ("hidden_sizes", "hidden"),
    ("layers", "hidden"),
    ("dtype", "precision"),
    ("file", "path"),
    ("dataset", "data"),
];

/// The keys that may be meant by `key` outside of any section; none if nothing is like it.
pub(crate) fn outside(document: &Document, key: &str) -> Vec<String> {
    let called = here(key);
    let is_whole = called.contains('.') || sections::is_choice(called);
    if is_whole || crate::ROOT.iter().any(|setting| setting.key == called) {
        return vec![called.to_owned()];
    }
    let (mut chosen_have, mut others_have) = (Vec::new(), Vec::new());
    for section in sections::ALL {
        let chosen = document.sections.get(section.key).and_then(|given| given.get("name"));
        let chosen = chosen.map(|name| name.to_string().trim_matches('"').to_owned());
        let chosen = chosen.or(sections::default_name(section.key).map(str::to_owned)).unwrap_or_default();
        let has = |name: &str| (section.settings)(document.catalogue(), name).is_ok_and(|table| lists(&table, called));
        let dotted = format!("{}.{called}", section.key);
        if has(&chosen) {
            chosen_have.push(dotted);
        } else if document.catalogue().names(section.key).into_iter().any(has) {
            others_have.push(dotted);
        }
    }
    if chosen_have.is_empty() { others_have } else { chosen_have }
}

/// An unknown key of a section, with what may be meant by it: a setting under another name, or another entry that has it.
pub(crate) fn within(document: &Document, section: &sections::Section, table: &[Setting], source: Error) -> Error {
    let Error::UnknownKey { owner, key, nearest } = source else { return source };
    let called = here(&key);
    let called = called.strip_prefix(&format!("{}.", section.key)).unwrap_or(called);
    let has = |name: &&str| (section.settings)(document.catalogue(), name).is_ok_and(|table| lists(&table, called));
    let nearest = if lists(table, called) {
        vec![called.to_owned()]
    } else {
        let entries = document.catalogue().names(section.key).into_iter().filter(has);
        let entries: Vec<String> = entries.take(3).map(|name| format!("{} = {name}", section.key)).collect();
        if entries.is_empty() { nearest } else { entries }
    };
    Error::UnknownKey { owner, key, nearest }
}

/// A name that another section knows is most likely meant for that one.
pub(crate) fn name(document: &Document, source: Error) -> Error {
    let Error::UnknownName { what, name, nearest } = source else { return source };
    let knows = |section: &&sections::Section| document.catalogue().names(section.key).contains(&name.as_str());
    let nearest = match sections::ALL.iter().find(knows) {
        Some(section) => vec![format!("{} = {name}", section.key)],
        None => nearest,
    };
    Error::UnknownName { what, name, nearest }
}

fn here(key: &str) -> &str {
    let plain = key.to_lowercase().replace('-', "_");
    ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == plain).map_or(key, |(_, here)| here)
}

fn lists(table: &[Setting], key: &str) -> bool {
    table.iter().any(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use crate::{Document, Spec};

    fn advice(text: &str) -> String {
        let message = Spec::resolve(&Document::parse("a.toml", text).unwrap()).unwrap_err().to_string();
        message.rsplit_once("; try ").unwrap().1.to_owned()
    }

    #[test]
    fn what_other_tools_call_a_setting_is_led_to_its_name_here() {
        for (text, expected) in [
            ("epochs = 3", "`steps`"),
            ("batchsize = 3", "`batch`"),
            ("lr = 0.1", "`tuner.rate`"),
            ("hidden = [3]", "`model.hidden`"),
            ("sigma = 2", "`tuner.sigma`"),
            ("dataset = \"csv\"", "`data`"),
            ("[tuner]\nname = \"constant\"\nlearning_rate = 0.1", "`rate`"),
            ("[tuner]\nlr = 0.1", "`tuner = constant` or `tuner = warmup-constant` or `tuner = warmup-linear`"),
            ("[tuner]\nsgma = 2", "`sigma`"),
        ] {
            assert_eq!(advice(text), expected, "{text}");
        }
    }
}
