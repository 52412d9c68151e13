//! A folder of photographs, one folder for each class, from the first images of CIFAR-10.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const SIDE: usize = 32;
const PIXELS: usize = SIDE * SIDE;
const TRAIN: usize = 900;
const TEST: usize = 300;
const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Writes `train` and `val` below `folder`, unless they are there, and gives `folder`.
///
/// # Errors
/// Files of CIFAR-10 that cannot be read; images that cannot be written.
pub fn write(cifar: &Path, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    for (file, part, count) in [("data_batch_1.bin", "train", TRAIN), ("test_batch.bin", "val", TEST)] {
        if folder.join(part).is_dir() {
            continue;
        }
        let path = cifar.join(file);
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        // Under another name until it is whole, so that one that was cut off is not taken for it.
        let unfinished = folder.join(format!("{part}.unfinished"));
        for (index, example) in bytes.chunks_exact(1 + 3 * PIXELS).take(count).enumerate() {
            let class = unfinished.join(CLASSES[usize::from(example[0])]);
            fs::create_dir_all(&class)?;
            let planes = &example[1..];
            let pixels: Vec<u8> =
                (0..PIXELS).flat_map(|i| [planes[i], planes[PIXELS + i], planes[2 * PIXELS + i]]).collect();
            let mut encoder =
                png::Encoder::new(File::create(class.join(format!("{index:04}.png")))?, SIDE as u32, SIDE as u32);
            encoder.set_color(png::ColorType::Rgb);
            encoder.write_header()?.write_image_data(&pixels)?;
        }
        fs::rename(&unfinished, folder.join(part))?;
    }
    Ok(folder.to_owned())
}
