//! The calls of librdkafka that rdkafka does not wrap: taking messages in batches, commits with leader epochs
//! and an answer of their own, the length of a queue, and the offsets of consumer groups.
//!
//! The only file of the workspace with `unsafe` in it. Three facts carry its proofs; they are librdkafka's
//! documentation (`rdkafka.h`, "Thread-safety", `rd_kafka_queue_*`, `rd_kafka_consume_batch_queue`):
//!
//! 1. Every call used here may be made from any thread. Hence the `Send` and `Sync` below.
//! 2. A queue handle is a counted reference: it stays valid until `rd_kafka_queue_destroy`, provided that the
//!    client lives. Each type here owns an `Arc` of its client and destroys its queue before dropping it.
//! 3. A message from `rd_kafka_consume_batch_queue` belongs to the caller until `rd_kafka_message_destroy`, and
//!    what it points to (topic, key, payload, headers) lives as long. [`Message`] borrows from [`Batch`], which destroys
//!    its messages when it is dropped; nothing that outlives it points into them.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    ptr, slice,
    sync::Arc,
    time::Duration,
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    client::Client,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::IsError,
    types::RDKafkaErrorCode,
};
use rdkafka_sys as sys;
use tokio::sync::Notify;

/// A queue of librdkafka and the client it belongs to.
///
/// Dropping it may drop the last reference to the client, which blocks: its owner sees to the place.
struct Queue<C: ConsumerContext> {
    pointer: ptr::NonNull<sys::rd_kafka_queue_t>,
    client: Arc<BaseConsumer<C>>,
    /// What the queue's callback points to; kept until the callback is taken off.
    wake: Option<Arc<Notify>>,
}

/// The queue into which the partitions of a consumer are led, away from its main queue.
pub(crate) struct MessageQueue<C: ConsumerContext> {
    queue: Queue<C>,
    room: Vec<*mut sys::rd_kafka_message_t>,
}

/// Messages taken from a queue. They are destroyed with it.
pub(crate) struct Batch<'a> {
    messages: &'a mut [*mut sys::rd_kafka_message_t],
}

/// A message, or an error that stands in a partition's queue in its place.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a>(&'a sys::rd_kafka_message_t);

/// Who set a timestamp, as librdkafka says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    Unknown,
    Producer,
    Broker,
}

/// The consumer's main queue, which only says how much stands in it.
pub(crate) struct EventQueue<C: ConsumerContext>(Queue<C>);

/// Where the answer to one commit arrives.
pub(crate) struct CommitReply<C: ConsumerContext>(Queue<C>);

/// What is asked about the committed offsets of one group.
#[derive(Clone, Copy)]
pub(crate) enum GroupCall<'a> {
    List,
    Alter(&'a TopicPartitionList),
    Delete(&'a TopicPartitionList),
    /// The group as a whole.
    DeleteGroup,
}

/// One partition of the answer to a [`GroupCall`].
#[derive(Debug)]
pub(crate) struct GroupOffset {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// Negative when nothing is committed.
    pub(crate) offset: i64,
    pub(crate) error: Option<RDKafkaErrorCode>,
}

// SAFETY: fact 1; the client, `BaseConsumer`, is itself `Send` and `Sync`, and so is `Notify`.
unsafe impl<C: ConsumerContext> Send for Queue<C> {}
// SAFETY: as above.
unsafe impl<C: ConsumerContext> Sync for Queue<C> {}
// SAFETY: `room` holds no live pointer outside `take`, which has the only reference then; the queue is `Send`.
unsafe impl<C: ConsumerContext> Send for MessageQueue<C> {}
// SAFETY: `room` is reached through `&mut self` only; the queue is `Sync`.
unsafe impl<C: ConsumerContext> Sync for MessageQueue<C> {}

// === impl Queue ===

impl<C: ConsumerContext> Queue<C> {
    /// Creates a queue of its own.
    fn new(client: &Arc<BaseConsumer<C>>) -> Self {
        // SAFETY: the client is alive for the call.
        let pointer = unsafe { sys::rd_kafka_queue_new(client.client().native_ptr()) };
        Self::own(pointer, client).expect("librdkafka's allocator aborts instead of returning null")
    }

    fn own(pointer: *mut sys::rd_kafka_queue_t, client: &Arc<BaseConsumer<C>>) -> Option<Self> {
        let pointer = ptr::NonNull::new(pointer)?;
        Some(Self { pointer, client: client.clone(), wake: None })
    }

    /// Wakes `wake` whenever the queue is no longer empty.
    fn wake_when_filled(&mut self, wake: Arc<Notify>) {
        /// Runs on librdkafka's threads with the queue's lock held: it may only leave a mark.
        unsafe extern "C" fn filled(_: *mut sys::rd_kafka_t, wake: *mut c_void) {
            // SAFETY: `wake` is the `Notify` below, which `Queue` keeps until the callback is off; taking it off and
            // running it exclude each other by the queue's lock.
            let wake = unsafe { &*wake.cast_const().cast::<Notify>() };
            wake.notify_one();
        }
        let opaque = Arc::as_ptr(&wake).cast_mut().cast::<c_void>();
        // SAFETY: fact 2; `opaque` lives until `drop` takes the callback off, because `self.wake` keeps it.
        unsafe { sys::rd_kafka_queue_cb_event_enable(self.pointer.as_ptr(), Some(filled), opaque) };
        self.wake = Some(wake);
    }

    fn len(&self) -> usize {
        // SAFETY: fact 2.
        unsafe { sys::rd_kafka_queue_length(self.pointer.as_ptr()) }
    }
}

impl<C: ConsumerContext> Drop for Queue<C> {
    fn drop(&mut self) {
        // SAFETY: fact 2: the handle is valid and not used after this; the callback goes before what it points to.
        unsafe {
            if self.wake.is_some() {
                sys::rd_kafka_queue_cb_event_enable(self.pointer.as_ptr(), None, ptr::null_mut());
            }
            sys::rd_kafka_queue_destroy(self.pointer.as_ptr());
        }
    }
}

// === impl MessageQueue ===

impl<C: ConsumerContext> MessageQueue<C> {
    /// Creates a queue from which at most `batch` messages are taken at a time.
    pub(crate) fn new(client: &Arc<BaseConsumer<C>>, wake: Arc<Notify>, batch: usize) -> Self {
        let mut queue = Queue::new(client);
        queue.wake_when_filled(wake);
        Self { queue, room: vec![ptr::null_mut(); batch] }
    }

    /// Leads a partition's messages into this queue. To be called before each assignment of the partition:
    /// librdkafka undoes it when the partition is given up.
    ///
    /// Returns whether the partition has a queue.
    #[must_use]
    pub(crate) fn lead_here(&self, topic: &str, partition: i32) -> Option<()> {
        let topic = CString::new(topic).ok()?;
        let client = &self.queue.client;
        // SAFETY: the client is alive and `topic` is a C string for the time of the call.
        let pointer = unsafe {
            sys::rd_kafka_queue_get_partition(client.client().native_ptr(), topic.as_ptr(), partition)
        };
        let partition = Queue::own(pointer, client)?;
        // SAFETY: fact 2 for both queues; librdkafka keeps its own reference to the target.
        unsafe { sys::rd_kafka_queue_forward(partition.pointer.as_ptr(), self.queue.pointer.as_ptr()) };
        Some(())
    }

    /// Takes what is there, at most `count` and at most a batch, without waiting.
    pub(crate) fn take(&mut self, count: usize) -> Batch<'_> {
        let count = count.min(self.room.len());
        // SAFETY: `room` has space for `count` pointers; the call writes that many at most and says how many.
        let taken = unsafe {
            sys::rd_kafka_consume_batch_queue(self.queue.pointer.as_ptr(), 0, self.room.as_mut_ptr(), count)
        };
        let taken = usize::try_from(taken).unwrap_or(0);
        Batch { messages: &mut self.room[..taken] }
    }

    /// Returns how many messages and errors stand in the queue.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

// === impl Batch ===

impl Batch<'_> {
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Message<'_>> + Clone {
        // SAFETY: fact 3: each pointer is a live message of ours, unchanged until `self` is dropped.
        self.messages.iter().map(|message| Message(unsafe { &**message }))
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.messages.iter_mut() {
            // SAFETY: fact 3; each is destroyed once, and the borrows that `iter` gave out have ended.
            unsafe { sys::rd_kafka_message_destroy(*message) };
            *message = ptr::null_mut();
        }
    }
}

// === impl Message ===

impl<'a> Message<'a> {
    /// Tells whether an error stands in the message's place.
    pub(crate) fn is_error(self) -> bool {
        self.0.err.is_error()
    }

    /// Returns the error that stands in the message's place, with its text.
    pub(crate) fn error(self) -> Option<(RDKafkaErrorCode, String)> {
        if !self.0.err.is_error() {
            return None;
        }
        // SAFETY: fact 3; librdkafka returns null or a C string that lives with the message.
        let text = unsafe {
            let text = sys::rd_kafka_message_errstr(self.0);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        };
        let code = RDKafkaErrorCode::from(self.0.err);
        Some((code, text.unwrap_or_else(|| code.to_string())))
    }

    /// Returns what tells two topics apart more cheaply than their names, within one batch.
    pub(crate) fn topic_id(self) -> usize {
        self.0.rkt as usize
    }

    pub(crate) fn topic(self) -> &'a str {
        if self.0.rkt.is_null() {
            return "";
        }
        // SAFETY: fact 3; the topic lives with the message and its name is a C string.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.0.rkt)) };
        name.to_str().unwrap_or("")
    }

    pub(crate) fn partition(self) -> i32 {
        self.0.partition
    }

    pub(crate) fn offset(self) -> i64 {
        self.0.offset
    }

    pub(crate) fn key(self) -> Option<&'a [u8]> {
        // SAFETY: fact 3; `key` and `key_len` describe one piece of memory, or `key` is null.
        unsafe { bytes(self.0.key, self.0.key_len) }
    }

    pub(crate) fn value(self) -> Option<&'a [u8]> {
        // SAFETY: fact 3; as for the key.
        unsafe { bytes(self.0.payload, self.0.len) }
    }

    pub(crate) fn timestamp(self) -> (Clock, i64) {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: fact 3; `kind` is written before the call returns.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(self.0, &mut kind) };
        let clock = match kind {
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => Clock::Unknown,
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => Clock::Producer,
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Clock::Broker,
        };
        (clock, timestamp)
    }

    pub(crate) fn leader_epoch(self) -> Option<i32> {
        // SAFETY: fact 3.
        let epoch = unsafe { sys::rd_kafka_message_leader_epoch(self.0) };
        (epoch >= 0).then_some(epoch)
    }

    /// Calls `each` with every header in order. A name that is not UTF-8 is given with replacement characters.
    pub(crate) fn headers(self, mut each: impl FnMut(&str, Option<&[u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: fact 3; `headers` is written when the call succeeds, and belongs to the message.
        let found = unsafe { sys::rd_kafka_message_headers(self.0, &mut headers) };
        if found.is_error() || headers.is_null() {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut length) = (ptr::null::<c_char>(), ptr::null::<c_void>(), 0);
            // SAFETY: `headers` lives with the message; an index past the end is an error, not a fault; the three
            // are written when the call succeeds.
            let found =
                unsafe { sys::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut length) };
            if found.is_error() {
                return;
            }
            // SAFETY: `name` is a C string and `value` null or `length` bytes, both living with the message.
            let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value.cast_mut(), length)) };
            each(&name.to_string_lossy(), value);
        }
    }
}

/// # Safety
///
/// `start` is null, or points to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *mut c_void, length: usize) -> Option<&'a [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { slice::from_raw_parts(start.cast_const().cast::<u8>(), length) })
}

// === impl EventQueue ===

impl<C: ConsumerContext> EventQueue<C> {
    /// Returns `None` for a consumer without a group.
    pub(crate) fn of(client: &Arc<BaseConsumer<C>>) -> Option<Self> {
        // SAFETY: the client is alive for the call.
        let pointer = unsafe { sys::rd_kafka_queue_get_consumer(client.client().native_ptr()) };
        Queue::own(pointer, client).map(Self)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

// === impl CommitReply ===

impl<C: ConsumerContext> CommitReply<C> {
    /// Starts to commit `offsets`; `wake` is woken when the answer is there.
    pub(crate) fn to(
        client: &Arc<BaseConsumer<C>>,
        offsets: &TopicPartitionList,
        wake: Arc<Notify>,
    ) -> Result<Self, RDKafkaErrorCode> {
        let mut queue = Queue::new(client);
        queue.wake_when_filled(wake);
        // SAFETY: client, list and queue are alive for the call, which copies the list and counts its own reference to
        // the queue; without a callback the answer becomes an event in the queue.
        let code = unsafe {
            sys::rd_kafka_commit_queue(
                client.client().native_ptr(),
                offsets.ptr(),
                queue.pointer.as_ptr(),
                None,
                ptr::null_mut(),
            )
        };
        if code.is_error() { Err(code.into()) } else { Ok(Self(queue)) }
    }

    /// Returns the answer when it is there: the commit's error, or the first partition's.
    pub(crate) fn poll(&self) -> Option<Result<(), RDKafkaErrorCode>> {
        // SAFETY: fact 2; the event is ours until it is destroyed below, and so is the list in it.
        unsafe {
            let event = sys::rd_kafka_queue_poll(self.0.pointer.as_ptr(), 0);
            if event.is_null() {
                return None;
            }
            let mut code = sys::rd_kafka_event_error(event);
            let list = sys::rd_kafka_event_topic_partition_list(event);
            if !code.is_error() && !list.is_null() && (*list).cnt > 0 {
                let count = usize::try_from((*list).cnt).unwrap_or(0);
                let partitions = slice::from_raw_parts((*list).elems, count);
                if let Some(refused) = partitions.iter().find(|partition| partition.err.is_error()) {
                    code = refused.err;
                }
            }
            sys::rd_kafka_event_destroy(event);
            Some(if code.is_error() { Err(code.into()) } else { Ok(()) })
        }
    }
}

/// Sets the leader epoch of the partition at `index`.
pub(crate) fn set_leader_epoch(list: &mut TopicPartitionList, index: usize, epoch: i32) {
    assert!(index < list.count(), "partition {index} of {}", list.count());
    // SAFETY: the index was checked against the list, which is borrowed for us alone.
    unsafe { sys::rd_kafka_topic_partition_set_leader_epoch((*list.ptr()).elems.add(index), epoch) };
}

/// Returns the leader epoch of the partition at `index`.
pub(crate) fn leader_epoch(list: &TopicPartitionList, index: usize) -> Option<i32> {
    assert!(index < list.count(), "partition {index} of {}", list.count());
    // SAFETY: the index was checked against the list, which is borrowed.
    let epoch = unsafe { sys::rd_kafka_topic_partition_get_leader_epoch((*list.ptr()).elems.add(index)) };
    (epoch >= 0).then_some(epoch)
}

// === impl GroupCall ===

/// The longest time-out that librdkafka takes for an admin call.
const ADMIN_TIMEOUT_MAX: Duration = Duration::from_secs(3600);

/// How much longer than the call's own time-out its event is waited for: librdkafka always gives one.
const EVENT_GRACE: Duration = Duration::from_millis(500);

impl GroupCall<'_> {
    /// Makes the call and waits for its answer on this thread.
    pub(crate) fn ask<C: ClientContext>(
        self,
        client: &Client<C>,
        group: &CStr,
        timeout: Duration,
    ) -> Result<Vec<GroupOffset>, RDKafkaErrorCode> {
        let timeout = timeout.min(ADMIN_TIMEOUT_MAX);
        let mut reason = [0; 256];
        // SAFETY: the client is alive for the call. Options, queue and event are ours alone, valid until their
        // `destroy`, which is the last use of each; librdkafka counts its own reference to the queue.
        unsafe {
            let options = sys::rd_kafka_AdminOptions_new(client.native_ptr(), self.operation());
            sys::rd_kafka_AdminOptions_set_request_timeout(
                options,
                milliseconds(timeout),
                reason.as_mut_ptr(),
                reason.len(),
            );
            let queue = sys::rd_kafka_queue_new(client.native_ptr());
            self.send(client.native_ptr(), group, options, queue);
            let event = sys::rd_kafka_queue_poll(queue, milliseconds(timeout + EVENT_GRACE));
            let answer = if event.is_null() {
                Err(RDKafkaErrorCode::OperationTimedOut)
            } else {
                let answer = self.read(event);
                sys::rd_kafka_event_destroy(event);
                answer
            };
            sys::rd_kafka_queue_destroy(queue);
            sys::rd_kafka_AdminOptions_destroy(options);
            answer
        }
    }

    fn operation(self) -> sys::rd_kafka_admin_op_t {
        use sys::rd_kafka_admin_op_t as Operation;
        match self {
            Self::List => Operation::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
            Self::Alter(_) => Operation::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
            Self::Delete(_) => Operation::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS,
            Self::DeleteGroup => Operation::RD_KAFKA_ADMIN_OP_DELETEGROUPS,
        }
    }

    /// # Safety
    ///
    /// All pointers are valid.
    unsafe fn send(
        self,
        client: *mut sys::rd_kafka_t,
        group: &CStr,
        options: *const sys::rd_kafka_AdminOptions_t,
        queue: *mut sys::rd_kafka_queue_t,
    ) {
        macro_rules! send {
            ($request:expr, $send:ident, $destroy:ident) => {{
                let mut request = $request;
                sys::$send(client, &mut request, 1, options, queue);
                sys::$destroy(request);
            }};
        }
        let group = group.as_ptr();
        // SAFETY: the caller's promise; each request copies group and list, is copied by the call, and is destroyed after
        // it, once.
        unsafe {
            match self {
                // No list asks for all partitions.
                Self::List => send!(
                    sys::rd_kafka_ListConsumerGroupOffsets_new(group, ptr::null()),
                    rd_kafka_ListConsumerGroupOffsets,
                    rd_kafka_ListConsumerGroupOffsets_destroy
                ),
                Self::Alter(list) => send!(
                    sys::rd_kafka_AlterConsumerGroupOffsets_new(group, list.ptr()),
                    rd_kafka_AlterConsumerGroupOffsets,
                    rd_kafka_AlterConsumerGroupOffsets_destroy
                ),
                Self::Delete(list) => send!(
                    sys::rd_kafka_DeleteConsumerGroupOffsets_new(group, list.ptr()),
                    rd_kafka_DeleteConsumerGroupOffsets,
                    rd_kafka_DeleteConsumerGroupOffsets_destroy
                ),
                Self::DeleteGroup => send!(
                    sys::rd_kafka_DeleteGroup_new(group),
                    rd_kafka_DeleteGroups,
                    rd_kafka_DeleteGroup_destroy
                ),
            }
        }
    }

    /// Reads the answer to one group.
    ///
    /// # Safety
    ///
    /// The event is the one that answers this call, and valid.
    unsafe fn read(self, event: *mut sys::rd_kafka_event_t) -> Result<Vec<GroupOffset>, RDKafkaErrorCode> {
        let mut count = 0;
        // SAFETY: the caller's promise; everything that is read here lives as long as the event.
        unsafe {
            let code = sys::rd_kafka_event_error(event);
            if code.is_error() {
                return Err(code.into());
            }
            macro_rules! groups {
                ($result:ident, $groups:ident) => {
                    sys::$groups(sys::$result(event), &mut count)
                };
            }
            let groups = match self {
                Self::List => groups!(
                    rd_kafka_event_ListConsumerGroupOffsets_result,
                    rd_kafka_ListConsumerGroupOffsets_result_groups
                ),
                Self::Alter(_) => groups!(
                    rd_kafka_event_AlterConsumerGroupOffsets_result,
                    rd_kafka_AlterConsumerGroupOffsets_result_groups
                ),
                Self::Delete(_) => groups!(
                    rd_kafka_event_DeleteConsumerGroupOffsets_result,
                    rd_kafka_DeleteConsumerGroupOffsets_result_groups
                ),
                Self::DeleteGroup => {
                    groups!(rd_kafka_event_DeleteGroups_result, rd_kafka_DeleteGroups_result_groups)
                }
            };
            if count == 0 || groups.is_null() {
                return Ok(Vec::new());
            }
            let group = *groups;
            let error = sys::rd_kafka_group_result_error(group);
            if !error.is_null() {
                return Err(sys::rd_kafka_error_code(error).into());
            }
            Ok(partitions(sys::rd_kafka_group_result_partitions(group)))
        }
    }
}

/// # Safety
///
/// The list is null or valid.
unsafe fn partitions(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<GroupOffset> {
    // SAFETY: the caller's promise; a list has `cnt` elements, whose topics are C strings.
    unsafe {
        if list.is_null() || (*list).cnt <= 0 {
            return Vec::new();
        }
        let count = usize::try_from((*list).cnt).unwrap_or(0);
        let read = |partition: &sys::rd_kafka_topic_partition_t| GroupOffset {
            topic: CStr::from_ptr(partition.topic).to_string_lossy().into_owned(),
            partition: partition.partition,
            offset: partition.offset,
            error: partition.err.is_error().then(|| partition.err.into()),
        };
        slice::from_raw_parts((*list).elems, count).iter().map(read).collect()
    }
}

fn milliseconds(time: Duration) -> c_int {
    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
}
