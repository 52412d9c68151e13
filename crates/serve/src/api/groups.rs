use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Pairs, answer, one};
use super::runs::query;
use crate::app::Shared;
use crate::error::Refusal;
use crate::listing;

/// Runs that have a setting in common, with the mean and the standard error of every column of numbers: `by` (keys), `columns`, `where`.
pub async fn groups(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let by: Vec<String> =
            one(&pairs, "by").unwrap_or_default().split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect();
        if by.is_empty() {
            return Err(Refusal::wrong("by: expected a setting to group by, like tuner, got none"));
        }
        let wanted = query(&pairs)?;
        let columns = [&by[..], &wanted.columns[..]].concat();
        let table = app.table(&listing::Query { columns, ..wanted.clone() })?;
        let groups = grouped(&table.rows, by.len());
        Ok(json!({ "by": by, "columns": wanted.columns, "groups": groups, "runs": table.rows.len(), "all": table.all }))
    })
    .await
}

/// Groups by the first so many values of each row.
fn grouped(rows: &[listing::Row], by: usize) -> Vec<Value> {
    let mut groups: BTreeMap<String, (Vec<Value>, Vec<&listing::Row>)> = BTreeMap::new();
    for row in rows {
        let keys = &row.1[..by.min(row.1.len())];
        let group = groups.entry(sort_key(keys)).or_insert_with(|| (keys.to_vec(), Vec::new()));
        group.1.push(row);
    }
    let group = |(keys, rows): (Vec<Value>, Vec<&listing::Row>)| {
        let width = rows.first().map_or(0, |row| row.1.len());
        let column = |place: usize| {
            let numbers: Vec<f64> = rows.iter().filter_map(|row| row.1[place].as_f64()).collect();
            match mean(&numbers) {
                Some((mean, error)) => json!({ "mean": mean, "error": error, "count": numbers.len() }),
                None => Value::Null,
            }
        };
        let folders: Vec<&str> = rows.iter().map(|(folder, _)| &folder[..]).collect();
        json!({ "keys": keys, "runs": folders, "columns": (by..width).map(column).collect::<Vec<_>>() })
    };
    groups.into_values().map(group).collect()
}

/// By which groups are put in order: numbers by their size.
fn sort_key(keys: &[Value]) -> String {
    let part = |value: &Value| match value.as_f64() {
        Some(number) => {
            let bits = number.to_bits();
            // The bits of numbers, made to have their order.
            format!("0{:016x}", if bits >> 63 == 1 { !bits } else { bits | 1 << 63 })
        }
        None => format!("1{value}"),
    };
    keys.iter().map(part).collect::<Vec<_>>().join("\n")
}

/// The mean, and the standard error of it where there are several.
pub fn mean(numbers: &[f64]) -> Option<(f64, Option<f64>)> {
    let count = numbers.len() as f64;
    if numbers.is_empty() {
        return None;
    }
    let mean = numbers.iter().sum::<f64>() / count;
    let squares = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>();
    Some((mean, (numbers.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_their_standard_errors() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[2.0]), Some((2.0, None)));
        // The variance of 1, 3, 1, 3, 2, 2, 2, 2, 2 is 1/2: 4 over 8; of nine such means it is 1/18.
        let (mean, error) = mean(&[1.0, 3.0, 1.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0]).unwrap();
        assert!(mean == 2.0 && (error.unwrap() - (1.0 / 18.0_f64).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn groups_are_in_the_order_of_their_numbers() {
        let row = |folder: &str, key: Value, loss: f64| (folder.to_owned(), vec![key, loss.into(), "text".into()]);
        let rows = [
            row("a", 10.into(), 1.0),
            row("b", 9.5.into(), 2.0),
            row("c", (-1).into(), 3.0),
            row("d", 10.into(), 4.0),
            row("e", Value::Null, 5.0),
        ];
        let groups = grouped(&rows, 1);
        let keys: Vec<&Value> = groups.iter().map(|group| &group["keys"][0]).collect();
        assert_eq!(keys, [&json!(-1), &json!(9.5), &json!(10), &Value::Null]);
        assert_eq!(groups[2]["columns"], json!([{ "mean": 2.5, "error": 1.5, "count": 2 }, null]));
        assert_eq!(groups[2]["runs"], json!(["a", "d"]));
    }
}
