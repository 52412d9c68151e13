//! Sizes by name, each of which a setting may override.

use onedge_registry::Settings;

use crate::Error;

/// The sizes of the preset that `settings` name, in the order of `keys`, overridden by what the settings say.
///
/// # Errors
/// An unknown preset, a size of 0.
pub fn sizes<const N: usize>(
    settings: &Settings,
    keys: [&str; N],
    presets: &[(&str, [usize; N])],
) -> Result<[usize; N], Error> {
    let name = settings.text("preset");
    let Some(&(_, mut sizes)) = presets.iter().find(|(known, _)| *known == name) else {
        let known: Vec<String> = presets.iter().map(|(known, _)| format!("`{known}`")).collect();
        return Err(settings.out_of_range("preset", &known.join(" or ")).into());
    };
    for (size, key) in sizes.iter_mut().zip(keys) {
        if let Some(given) = settings.optional_count(key)? {
            *size = given;
        }
        if *size == 0 {
            return Err(settings.out_of_range(key, "a whole number, 1 or more").into());
        }
    }
    Ok(sizes)
}
