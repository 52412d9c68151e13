use onedge_objective::Real;
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::{eigenvalue_error, every, positive, tolerance};
use crate::{Block, Error, Hessian, Lanczos, Wanted, lanczos};

/// Curvature and sharpness of every layer: of the diagonal blocks of the Hessian.
#[derive(Debug)]
struct Layers {
    sharpness: bool,
    products: usize,
    tolerance: f64,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "layers",
    summary: "curvature along the update and sharpness of every layer",
    doc: "For each parameter tensor b, with the diagonal block H_b of the Hessian: u_b . H_b u_b, and the largest eigenvalue \
          of H_b by Lanczos. Readings: <tensor>/curvature and <tensor>/sharpness. The curvatures do not add up to u . H u: \
          what couples layers is in none of them. Cost: one curvature and up to layers_products products a tensor.",
    settings: &[
        every("layers_every"),
        setting("layers_sharpness", Kind::Flag, Default::Is("true"), "also the sharpness of each"),
        eigenvalue_error("layers_error"),
        setting("layers_products", Kind::Integer, Default::Is("50"), "products for one sharpness at most"),
    ],
    build: Make {
        readings: &["*/curvature", "*/sharpness"],
        f32: |settings| Ok(Box::new(make(settings)?)),
        f64: |settings| Ok(Box::new(make(settings)?)),
    },
};

fn make(settings: &Settings) -> Result<Layers, RegistryError> {
    let (products, tolerance) = (positive(settings, "layers_products")?, tolerance(settings, "layers_error")?);
    Ok(Layers { sharpness: settings.flag("layers_sharpness"), products, tolerance })
}

impl<T: Real> Diagnostic<T> for Layers {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let (layers, update, threads, seed) = (point.layers, point.step.update, point.threads, point.seed);
        let mut readings = Vec::new();
        let mut part = vec![T::ZERO; update.len()];
        for layer in layers {
            part.fill(T::ZERO);
            part[layer.range.clone()].copy_from_slice(&update[layer.range.clone()]);
            let curvature = point.objective()?.curvature(&part)?;
            readings.push(Reading::exact(format!("{}/curvature", layer.name), curvature));
            if self.sharpness {
                let options = Lanczos {
                    wanted: Wanted::Algebraic,
                    max_products: self.products,
                    tolerance: self.tolerance,
                    threads,
                    ..Lanczos::top(1, seed)
                };
                let mut hessian = Hessian::new(point.objective()?);
                let mut block = Block::new(&mut hessian, layer.range.clone())?;
                let spectrum = lanczos(&mut block, &options, None)?;
                let value = spectrum.largest().map(|pair| pair.value);
                readings.extend(value.map(|value| Reading::exact(format!("{}/sharpness", layer.name), value)));
            }
        }
        Ok(readings)
    }
}
