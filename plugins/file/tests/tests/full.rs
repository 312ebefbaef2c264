//! A disk that takes a part of a write, in a process of its own whose files may not grow.

use crate::{is_child, prepared_child, record, sink};
use millrace_api::{Batch, Properties};
use std::fs;

#[tokio::test]
async fn a_line_that_fits_only_in_part_is_taken_away_again() {
    if !is_child() {
        // Files of this process end at 16 blocks: a larger write is cut there, and the next one fails.
        let test = "full::a_line_that_fits_only_in_part_is_taken_away_again";
        let status = prepared_child("trap '' XFSZ; ulimit -f 16", test).status().unwrap();
        return assert!(status.success());
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines.txt");
    let mut task = sink(Properties::from([("file", file.to_str().unwrap())])).await;
    task.put(&mut Batch::new([record("before")])).await.unwrap();
    let mut batch = Batch::new((0..1000).map(|_| record(&"x".repeat(99))).collect::<Vec<_>>());
    let error = task.put(&mut batch).await.unwrap_err();
    assert!(error.trace("test").contains("File too large"), "{}", error.trace("test"));
    assert_eq!(batch.len(), 1000, "nothing was taken");
    assert_eq!(fs::read_to_string(&file).unwrap(), "before\n");
    task.put(&mut Batch::new([record("after")])).await.unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "before\nafter\n");
}
