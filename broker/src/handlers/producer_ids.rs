//! InitProducerId: ids for idempotent producers.

use super::{code, disk_failed};
use crate::shared::{Shared, lock};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

/// Gives a new id. A transactional producer is told at once that it may not be one, with the code that clients take as
/// final; others they repeat until a time-out.
pub fn init(shared: &Shared, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let outcome = match &request.transactional_id {
        Some(id) => {
            tracing::warn!(transactional_id = %id.as_str(), "refused a producer: this broker has no transactions");
            Err(ResponseError::TransactionalIdAuthorizationFailed)
        }
        None => {
            lock(&shared.producer_ids).take().map_err(|error| disk_failed("keeping producer ids", &error))
        }
    };
    InitProducerIdResponse::default()
        .with_error_code(code(&outcome))
        .with_producer_id(ProducerId(outcome.unwrap_or(-1)))
        .with_producer_epoch(if outcome.is_ok() { 0 } else { -1 })
}
