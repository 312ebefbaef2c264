//! The last row of each key. Pure.

use crate::cell::Cell;
use std::collections::HashMap;

/// Returns the rows whose key does not come again later, in their order; the first `keys` cells of a row are its key.
///
/// Writing only these ends as writing all, because an upsert writes every column.
pub(crate) fn of_each_key<'a, 'c>(rows: &'a [Vec<Cell<'c>>], keys: usize) -> Vec<&'a [Cell<'c>]> {
    let mut last: HashMap<Vec<u8>, usize> = HashMap::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        last.insert(signature(&row[..keys]), index);
    }
    let mut indices: Vec<usize> = last.into_values().collect();
    indices.sort_unstable();
    indices.into_iter().map(|index| rows[index].as_slice()).collect()
}

/// Returns bytes that are the same for the same cells, and only for those.
fn signature(cells: &[Cell<'_>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 * cells.len());
    let mut add = |mark: u8, content: &[u8]| {
        bytes.push(mark);
        bytes.extend((content.len() as u64).to_le_bytes());
        bytes.extend(content);
    };
    for cell in cells {
        match cell {
            Cell::Integer(value) => add(1, &value.to_le_bytes()),
            Cell::Text(text) => add(2, text.as_bytes()),
            Cell::Bytes(value) => add(3, value),
            other => add(0, format!("{other:?}").as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: Cell<'static>, other: i64) -> Vec<Cell<'static>> {
        vec![key, Cell::Integer(other)]
    }

    #[test]
    fn the_last_row_of_a_key_stays_in_its_place() {
        let rows =
            [row(1.into(), 0), row(2.into(), 1), row(1.into(), 2), row("1".into(), 3), row(Cell::Null, 4)];
        let kept: Vec<_> = of_each_key(&rows, 1).iter().map(|row| row[1].clone()).collect();
        assert_eq!(kept, [1, 2, 3, 4].map(Cell::Integer));
    }

    #[test]
    fn keys_of_several_cells_are_not_mixed_up() {
        let rows = [vec!["ab".into(), "c".into()], vec!["a".into(), Cell::from("bc")]];
        assert_eq!(of_each_key(&rows, 2).len(), 2);
    }
}
