#![allow(clippy::unwrap_used)]

use super::batch::testing::Sample;
use super::*;
use bytes::BytesMut;
use proptest::prelude::*;
use std::fs::OpenOptions;

const ROOMY: u64 = 1 << 30;

fn open(folder: &Path, segment_bytes: u64, last_stop: LastStop) -> Log {
    Log::open(folder, segment_bytes, last_stop).unwrap()
}

fn append(log: &mut Log, sample: &Sample) -> Placed {
    let bytes = sample.build();
    let header = BatchHeader::check(&bytes).unwrap();
    log.append(&bytes, &header, RecordTime::Producer).unwrap()
}

/// Reads the whole log with fetches of `bytes_max` and returns its batches.
fn batches(log: &mut Log, bytes_max: usize) -> Vec<Vec<u8>> {
    let mut batches = Vec::new();
    let mut offset = log.start_offset();
    while let Some(slice) = log.read(offset, bytes_max).unwrap() {
        let mut bytes = BytesMut::new();
        slice.read_into(&mut bytes).unwrap();
        while !bytes.is_empty() {
            let header = BatchHeader::check(&bytes).unwrap();
            assert!(header.last_offset() >= offset, "a fetch never returns only older batches");
            offset = header.last_offset() + 1;
            batches.push(bytes.split_to(header.size).to_vec());
        }
    }
    assert_eq!(offset, log.next_offset());
    batches
}

#[test]
fn batches_get_offsets_and_come_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), ROOMY, LastStop::Clean);
    assert!(log.read(0, 1_000).unwrap().is_none());
    assert_eq!(append(&mut log, &Sample::of(&["a", "b"])).base_offset, 0);
    assert_eq!(append(&mut log, &Sample::of(&["c"])).base_offset, 2);
    assert_eq!((log.start_offset(), log.next_offset()), (0, 3));
    assert!(matches!(log.read(4, 1), Err(ReadError::OutOfRange(4))));
    assert!(matches!(log.read(-1, 1), Err(ReadError::OutOfRange(-1))));
    let read = batches(&mut log, 1);
    assert_eq!(read.len(), 2);
    assert_eq!(batches(&mut log, 1 << 20), read);
}

#[test]
fn a_batch_sent_again_is_found_even_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::of(&["a", "b"]).by(5, 0, 0);
    let mut log = open(folder.path(), ROOMY, LastStop::Clean);
    append(&mut log, &Sample::of(&["x"]));
    assert_eq!(append(&mut log, &sample), Placed { base_offset: 1, novelty: Novelty::Written });
    let mut log = open(folder.path(), ROOMY, LastStop::Killed);
    assert_eq!(append(&mut log, &sample), Placed { base_offset: 1, novelty: Novelty::SentAgain });
    assert_eq!(append(&mut log, &Sample::of(&["c"]).by(5, 0, 2)).base_offset, 3);
}

#[test]
fn segments_roll_and_are_read_across() {
    let folder = tempfile::tempdir().unwrap();
    let one = Sample::of(&["some text that fills a segment"]).build().len() as u64;
    let mut log = open(folder.path(), 3 * one, LastStop::Clean);
    for _ in 0..10 {
        append(&mut log, &Sample::of(&["some text that fills a segment"]));
    }
    assert_eq!(segment_bases(folder.path()).unwrap(), [0, 3, 6, 9]);
    assert_eq!(batches(&mut log, 1).len(), 10);
    let mut log = open(folder.path(), 3 * one, LastStop::Clean);
    assert_eq!(batches(&mut log, 1 << 20).len(), 10);
    assert_eq!(append(&mut log, &Sample::of(&["on"])).base_offset, 10);
    log.flush().unwrap();
}

#[test]
fn records_are_found_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), 2_000, LastStop::Clean);
    for at in 0..100 {
        let mut sample = Sample::of(&["a", "b"]);
        sample.timestamp = 1_000 + at * 10;
        append(&mut log, &sample);
    }
    let found = |offset, timestamp| Some(Found { offset, timestamp });
    assert_eq!(log.find_time(0).unwrap(), found(0, 1_000));
    assert_eq!(log.find_time(1_001).unwrap(), found(1, 1_001));
    assert_eq!(log.find_time(1_002).unwrap(), found(2, 1_010));
    assert_eq!(log.find_time(1_500).unwrap(), found(100, 1_500));
    assert_eq!(log.find_time(1_992).unwrap(), None);
    assert_eq!(log.find_latest_time().unwrap(), found(199, 1_991));
}

#[test]
fn the_broker_can_give_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), ROOMY, LastStop::Clean);
    let bytes = Sample::of(&["a", "b"]).build();
    let header = BatchHeader::check(&bytes).unwrap();
    log.append(&bytes, &header, RecordTime::Broker(77_000)).unwrap();
    assert_eq!(log.find_time(2_000).unwrap(), Some(Found { offset: 0, timestamp: 77_000 }));
    batches(&mut log, 1);
}

#[test]
fn segments_behind_a_damaged_one_are_kept_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), 1, LastStop::Clean);
    for value in ["a", "b", "c"] {
        append(&mut log, &Sample::of(&[value]));
    }
    drop(log);
    let damaged = Segment::new(folder.path(), 1).path().to_owned();
    OpenOptions::new().write(true).open(&damaged).unwrap().set_len(65).unwrap();
    let mut log = open(folder.path(), 1, LastStop::Killed);
    assert_eq!(log.next_offset(), 1);
    assert_eq!(batches(&mut log, 1).len(), 1);
    assert!(folder.path().join("00000000000000000002.damaged").exists());
}

/// Writes `samples`, cuts the file at `length`, and says what a killed broker's successor must find.
fn check_cut(samples: &[Sample], length: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), ROOMY, LastStop::Clean);
    let mut ends = Vec::new();
    for sample in samples {
        append(&mut log, sample);
        ends.push(log.last().size());
    }
    let written = batches(&mut log, 1 << 20);
    let path = log.last().path().to_owned();
    drop(log);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
    let whole = ends.iter().filter(|end| **end <= length).count();
    let mut log = open(folder.path(), ROOMY, LastStop::Killed);
    assert_eq!(batches(&mut log, 1), written[..whole], "cut at {length}");
    assert_eq!(fs::metadata(&path).unwrap().len(), whole.checked_sub(1).map_or(0, |last| ends[last]));
    let placed = append(&mut log, &Sample::of(&["after"]));
    assert_eq!(placed.base_offset, log.next_offset() - 1);
    assert_eq!(batches(&mut log, 1 << 20).len(), whole + 1);
}

#[test]
fn a_log_cut_at_every_byte_keeps_its_whole_batches() {
    let samples = [
        Sample::of(&["first"]),
        Sample::of(&["second", "third"]).by(3, 0, 0),
        Sample::of(&["fourth"]).by(3, 0, 2),
    ];
    let total: usize = samples.iter().map(|sample| sample.build().len()).sum();
    for length in 0..=total {
        check_cut(&samples, length as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_byte_never_shows_a_wrong_batch(
        sizes in prop::collection::vec(0_usize..40_000, 1..6), at in any::<prop::sample::Index>(), flip in 1_u8..,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(folder.path(), ROOMY, LastStop::Clean);
        for size in &sizes {
            append(&mut log, &Sample::of(&[&"x".repeat(*size)]));
        }
        let written = batches(&mut log, 1 << 20);
        let path = log.last().path().to_owned();
        drop(log);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&path, bytes).unwrap();
        let read = {
            let mut log = open(folder.path(), ROOMY, LastStop::Killed);
            batches(&mut log, 1)
        };
        // The leader epoch, which the broker sets itself, is the only field that nothing covers.
        let covered = |batch: &Vec<u8>| [&batch[..batch::PREFIX_BYTES], &batch[batch::OWN_BYTES..]].concat();
        let sound = written.iter().zip(&read).all(|(old, new)| covered(old) == covered(new));
        prop_assert!(sound && read.len() <= written.len());
    }

    #[test]
    fn any_fetch_size_reads_the_same_batches(
        sizes in prop::collection::vec(0_usize..30_000, 1..30), bytes_max in 1_usize..200_000, segment in 1_u64..300_000,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(folder.path(), segment, LastStop::Clean);
        for size in &sizes {
            append(&mut log, &Sample::of(&[&"x".repeat(*size)]));
        }
        let read = batches(&mut log, bytes_max);
        prop_assert_eq!(read.len(), sizes.len());
        prop_assert_eq!(batches(&mut open(folder.path(), segment, LastStop::Clean), bytes_max), read);
    }
}
