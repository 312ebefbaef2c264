//! Finding the rows that cannot be written among those that can.

use std::ops::Range;

/// A search in rows `0..count`: the pieces that are still to be written, first piece first.
///
/// A piece that fails is cut in two, so one bad row among `n` costs about `2 log2(n)` statements. Rows are written in
/// their order, since a later one may replace an earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bisection {
    /// The next piece is the last of the list.
    left: Vec<Range<usize>>,
}

impl Bisection {
    pub fn new(count: usize) -> Self {
        let all = 0..count;
        Self { left: std::iter::once(all).filter(|all| !all.is_empty()).collect() }
    }

    /// Returns the piece to try now.
    pub fn next(&self) -> Option<Range<usize>> {
        self.left.last().cloned()
    }

    /// The piece is written.
    pub fn succeeded(&mut self) {
        self.left.pop();
    }

    /// The piece cannot be written; returns its row when it has only one.
    pub fn failed(&mut self) -> Option<usize> {
        let piece = self.left.pop()?;
        if piece.len() <= 1 {
            return Some(piece.start);
        }
        let middle = piece.start + piece.len() / 2;
        self.left.push(middle..piece.end);
        self.left.push(piece.start..middle);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Writes rows to a table that takes no row of `bad`; returns what was written, what was refused, and in how many
    /// statements.
    fn run(count: usize, bad: &BTreeSet<usize>) -> (Vec<usize>, Vec<usize>, usize) {
        let (mut written, mut refused, mut statements) = (Vec::new(), Vec::new(), 0);
        let mut search = Bisection::new(count);
        while let Some(piece) = search.next() {
            statements += 1;
            if piece.clone().any(|row| bad.contains(&row)) {
                refused.extend(search.failed());
            } else {
                written.extend(piece);
                search.succeeded();
            }
        }
        (written, refused, statements)
    }

    #[test]
    fn one_bad_row_among_a_thousand_costs_few_statements() {
        let (written, refused, statements) = run(1000, &BTreeSet::from([617]));
        assert_eq!((written.len(), refused), (999, vec![617]));
        assert!(statements <= 21, "{statements}");
    }

    #[test]
    fn no_rows_need_no_statement() {
        assert_eq!(run(0, &BTreeSet::new()), (vec![], vec![], 0));
    }

    proptest! {
        #[test]
        fn exactly_the_bad_rows_are_refused_and_the_others_written_in_order(
            count in 1usize..200,
            bad in proptest::collection::btree_set(0usize..200, 0..20),
        ) {
            let bad: BTreeSet<usize> = bad.into_iter().filter(|row| *row < count).collect();
            let (written, refused, statements) = run(count, &bad);
            prop_assert_eq!(refused, bad.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(written, (0..count).filter(|row| !bad.contains(row)).collect::<Vec<_>>());
            prop_assert!(statements < 2 * count);
        }
    }
}
