//! Your own network on your own arrays: a residual network with a learned scale and the Huber loss, learning rate tuned.

use onedge::{data::Dataset, data::Targets, fit, nn::Init, nn::losses};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 256 points of a surface.
    let x: Vec<f64> = (0..512).map(|i| ((i * i * 7 + i * 13) % 1009) as f64 / 504.5 - 1.0).collect();
    let y: Vec<f64> = x.chunks(2).map(|x| (3.0 * x[0]).sin() * x[1]).collect();
    let data = Dataset::from_arrays(&x, &[256, 2], Targets::values(&y, 1)?)?;
    let huber = losses::build("huber", Default::default())?;
    let fitted = fit(data, huber, |layers, x| {
        let scale = layers.parameter("scale", &[], Init::Constant(0.5));
        let h = layers.dense(x, 32).tanh();
        let h = h + scale * layers.dense(h, 32).tanh();
        layers.dense(h, 1)
    })?
    .steps(200)
    .run()?;
    println!("{:?}: loss {:.4} -> {:.4}", fitted.outcome.stop, fitted.records[0].loss, fitted.train["loss"]);
    Ok(())
}
