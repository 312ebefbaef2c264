//! Every served request in every served version, from frame to frame: encoded by a client's encoder, checked, parsed,
//! answered, encoded, and read back by a client's decoder.
//!
//! The encoder refuses a field that a version does not have, so an answer that sets one too many fails here.

#![allow(clippy::unwrap_used)]

mod client;
mod data;
mod groups;
mod topics;

use client::Client;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_served_version_is_answered_in_its_own_fields() {
    let client = Client::new();
    topics::check(&client).await;
    data::check(&client).await;
    groups::check(&client).await;
    let served: BTreeSet<(i16, i16)> = crate::wire::versions::SERVED
        .iter()
        .flat_map(|(api, lowest, highest)| (*lowest..=*highest).map(|version| (*api as i16, version)))
        .collect();
    let answered = client.answered();
    assert_eq!(served.difference(&answered).collect::<Vec<_>>(), Vec::<&(i16, i16)>::new());
}
