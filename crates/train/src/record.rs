use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// What was measured at one step, at the point from which the step starts.
///
/// Absent values were not measured: a tuner that never asks for the curvature leaves `curvature` empty, and the
/// spectrum is measured only every few steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Counts from 0.
    pub step: u64,
    /// The loss before the step: over all examples, or over the mini-batch of this step.
    #[serde(deserialize_with = "nan_if_null")]
    pub loss: f64,
    /// The learning rate that the tuner chose.
    #[serde(deserialize_with = "nan_if_null")]
    pub learning_rate: f64,
    /// `|g|`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_norm: Option<f64>,
    /// `|u|`, the update at unit learning rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_norm: Option<f64>,
    /// `g . u`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slope: Option<f64>,
    /// `u . H u`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curvature: Option<f64>,
    /// The largest eigenvalue of the Hessian. With a preconditioner only if asked for (`diagnostics.hessian`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<f64>,
    /// The eigenvalue of largest magnitude. Here and below: of the Hessian or, with a preconditioner P, of
    /// `P^-1/2 H P^-1/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magnitude: Option<f64>,
    /// The residual norm of the pair of largest eigenvalue: some eigenvalue lies this close to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<f64>,
    /// The largest eigenvalue of `P^-1/2 H P^-1/2`, for optimizers with a diagonal preconditioner P.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preconditioned_sharpness: Option<f64>,
    /// `(u.v)^2 / |u|^2`, with v the top eigenvector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<f64>,
    /// The cosine of the angle between this update and the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_cosine: Option<f64>,
    /// Whether every eigenvalue of this step met the tolerance before the products ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged: Option<bool>,
    /// Hessian-vector products spent on the spectrum at this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<u64>,
    /// Forward-equivalents spent on training up to and including this step, the spectrum left out.
    pub cost: f64,
    /// Seconds spent on training up to and including this step, the spectrum left out.
    pub seconds: f64,
    /// The largest eigenvalues, in descending order, if more than one was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub eigenvalues: Vec<f64>,
    /// What the other diagnostics read, by name; the standard error of a sampled one under the same name with `_error`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measured: BTreeMap<String, f64>,
    /// Points of the spectral density, `(eigenvalue, weight)`, weights adding up to 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub density: Vec<(f64, f64)>,
}

/// One column of the step records.
#[derive(Debug)]
pub struct Column {
    /// Its name in records and exports.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its value in a record, if measured.
    pub get: fn(&Record) -> Option<f64>,
}

/// Every column of a record but eigenvalues, density and what other diagnostics read, in the order in which exports show them.
pub const COLUMNS: &[Column] = &[
    Column { name: "step", doc: "the step, counted from 0", get: |r| Some(r.step as f64) },
    Column {
        name: "loss",
        doc: "the loss before the step, over all examples or over the mini-batch",
        get: |r| Some(r.loss),
    },
    Column { name: "learning_rate", doc: "the learning rate that the tuner chose", get: |r| Some(r.learning_rate) },
    Column { name: "gradient_norm", doc: "|g|", get: |r| r.gradient_norm },
    Column { name: "update_norm", doc: "|u|, the update at unit learning rate", get: |r| r.update_norm },
    Column { name: "slope", doc: "g . u", get: |r| r.slope },
    Column { name: "curvature", doc: "u . H u", get: |r| r.curvature },
    Column { name: "sharpness", doc: "the largest eigenvalue of the Hessian H", get: |r| r.sharpness },
    Column {
        name: "magnitude",
        doc: "the eigenvalue of largest magnitude, of H or of P^-1/2 H P^-1/2 where there is a preconditioner P",
        get: |r| r.magnitude,
    },
    Column {
        name: "residual",
        doc: "the residual norm of the largest eigenpair: some eigenvalue lies this close to it",
        get: |r| r.residual,
    },
    Column {
        name: "preconditioned_sharpness",
        doc: "the largest eigenvalue of P^-1/2 H P^-1/2, for optimizers with a diagonal preconditioner P",
        get: |r| r.preconditioned_sharpness,
    },
    Column { name: "alignment", doc: "(u . v)^2 / |u|^2, with v the top eigenvector", get: |r| r.alignment },
    Column {
        name: "update_cosine",
        doc: "the cosine of the angle between this update and the one before",
        get: |r| r.update_cosine,
    },
    Column {
        name: "converged",
        doc: "1 if every eigenvalue of this step met the tolerance before the products ran out, else 0",
        get: |r| r.converged.map(|converged| f64::from(u8::from(converged))),
    },
    Column {
        name: "products",
        doc: "Hessian-vector products spent on the spectrum at this step",
        get: |r| r.products.map(|products| products as f64),
    },
    Column {
        name: "cost",
        doc: "evaluations of the loss spent on training so far, diagnostics left out",
        get: |r| Some(r.cost),
    },
    Column { name: "seconds", doc: "seconds spent on training so far, diagnostics left out", get: |r| Some(r.seconds) },
];

impl Record {
    /// Learning rate times sharpness, which sits at 2 on the edge of stability of gradient descent; with a
    /// preconditioner, its preconditioned sharpness.
    pub fn edge(&self) -> Option<f64> {
        self.preconditioned_sharpness.or(self.sharpness).map(|sharpness| self.learning_rate * sharpness)
    }
}

/// JSON has no NaN: it is written as `null`.
fn nan_if_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Record {
        Record {
            step: 3,
            loss: 0.1,
            learning_rate: 1.0 / 3.0,
            gradient_norm: Some(2.5),
            update_norm: Some(2.25),
            slope: Some(-6.25),
            curvature: Some(40.5),
            sharpness: Some(12.75),
            magnitude: Some(-13.5),
            residual: Some(1e-5),
            preconditioned_sharpness: Some(7.5),
            alignment: Some(0.75),
            update_cosine: Some(-0.5),
            converged: Some(false),
            products: Some(17),
            cost: 24.0,
            seconds: 0.125,
            eigenvalues: vec![12.75, 4.5],
            measured: BTreeMap::from([("trace".to_owned(), 30.25)]),
            density: vec![(-0.5, 0.25), (12.0, 0.75)],
        }
    }

    #[test]
    fn round_trips_to_the_bit() {
        let text = serde_json::to_string(&full()).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), full());
    }

    /// Reading numbers fast loses the last bit of about one in ten of these.
    #[test]
    fn round_trips_to_the_bit_whatever_the_number() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..1000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let loss = f64::from_bits(bits);
            if loss.is_finite() {
                let text = serde_json::to_string(&Record { loss, ..Record::default() }).unwrap();
                assert_eq!(serde_json::from_str::<Record>(&text).unwrap().loss.to_bits(), bits);
            }
        }
    }

    #[test]
    fn columns_are_the_fields() {
        let serde_json::Value::Object(fields) = serde_json::to_value(full()).unwrap() else { panic!() };
        assert_eq!(fields.len(), COLUMNS.len() + 3);
        for column in COLUMNS {
            let field = &fields[column.name];
            let number = field.as_f64().or_else(|| field.as_bool().map(|truth| f64::from(u8::from(truth))));
            assert_eq!(number, (column.get)(&full()), "{}", column.name);
        }
    }

    #[test]
    fn what_was_not_measured_is_not_written() {
        let text = serde_json::to_string(&Record { loss: 1.5, ..Record::default() }).unwrap();
        assert_eq!(text, r#"{"step":0,"loss":1.5,"learning_rate":0.0,"cost":0.0,"seconds":0.0}"#);
        let lost = text.replace("1.5", "null");
        assert!(serde_json::from_str::<Record>(&lost).unwrap().loss.is_nan());
    }

    #[test]
    fn the_edge_is_the_preconditioned_one_where_there_is_a_preconditioner() {
        assert_eq!(full().edge(), Some(7.5 / 3.0));
        assert_eq!(Record { preconditioned_sharpness: None, ..full() }.edge(), Some(12.75 / 3.0));
        assert_eq!(Record::default().edge(), None);
    }
}
