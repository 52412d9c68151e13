//! Specs: what is read is printed back and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_fuzz::told;
use onedge_spec::{Document, Spec};

fuzz_target!(|text: &str| {
    let (text, set) = text.split_once('\u{1}').unwrap_or((text, ""));
    let read = Document::parse("a.toml", text).and_then(|mut document| {
        set.lines().try_for_each(|line| document.set(line))?;
        Spec::resolve(&document)
    });
    match read {
        Err(error) => told(&error),
        Ok(spec) => {
            let printed = spec.to_toml();
            let again = Document::parse("again", &printed).and_then(|document| Spec::resolve(&document));
            let again = again.unwrap_or_else(|error| panic!("{error}\n{printed}"));
            assert_eq!(again.settings_to_toml(), spec.settings_to_toml());
            assert_eq!(again.digest(), spec.digest());
        }
    }
});
