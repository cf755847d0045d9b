//! The id that a topic was made with: what tells a topic from another of the same name.
//!
//! The library's safe face does not have it, so this module asks the C library itself, and is the
//! only one that does. Its argument for safety: the client outlives the call, which borrows it and
//! blocks; every object that the C library gives away is owned by a guard that frees it once, with
//! the function that the C library names for it; what is borrowed from the result is copied before
//! the guard of the result goes; no pointer is used before it was seen not to be null.
#![allow(unsafe_code)]

use crate::error::Error;
use rdkafka::ClientContext;
use rdkafka::bindings as c;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::ffi::CString;
use std::fmt;
use std::time::Duration;

/// A topic's id; two topics of one name that were made one after the other have two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicId(u128);

impl TopicId {
    /// From its number.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u128 {
        self.0
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Something of the C library's that is freed once.
struct Owned<T> {
    it: *mut T,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    fn new(it: *mut T, free: unsafe extern "C" fn(*mut T)) -> Result<Self, Error> {
        if it.is_null() {
            return Err(Error::Transient("describe topics: out of memory".to_owned()));
        }
        Ok(Self { it, free })
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: it is not null, was given to this guard alone, and `free` is its own function.
        unsafe { (self.free)(self.it) }
    }
}

/// Asks for a topic's id and blocks until the brokers have answered; none where they are too old to
/// give ids.
pub(crate) fn ask<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    at_most: Duration,
) -> Result<Option<TopicId>, Error> {
    let what = format!("describe topic `{topic}`");
    let name = CString::new(topic)
        .map_err(|_| Error::Rejected(format!("{what}: the name has a zero byte")))?;
    let timeout_ms = i32::try_from(at_most.as_millis()).unwrap_or(i32::MAX);
    let rk = client.native_ptr();
    let mut names = [name.as_ptr()];
    // SAFETY: `rk` is a live client, borrowed for this call; `names` has one string and is copied
    // by the C library; all results go into guards before they are used.
    let event = unsafe {
        let topics = c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let topics = Owned::new(topics, c::rd_kafka_TopicCollection_destroy)?;
        let operation = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = c::rd_kafka_AdminOptions_new(rk, operation);
        let options = Owned::new(options, c::rd_kafka_AdminOptions_destroy)?;
        c::rd_kafka_AdminOptions_set_request_timeout(
            options.it,
            timeout_ms,
            std::ptr::null_mut(),
            0,
        );
        let queue = Owned::new(c::rd_kafka_queue_new(rk), c::rd_kafka_queue_destroy)?;
        c::rd_kafka_DescribeTopics(rk, topics.it, options.it, queue.it);
        // Bound: a second more than the request has, so that its own answer comes first.
        let event = c::rd_kafka_queue_poll(queue.it, timeout_ms.saturating_add(1_000));
        if event.is_null() {
            return Err(Error::Transient(format!("{what}: no answer")));
        }
        Owned::new(event, c::rd_kafka_event_destroy)?
    };
    read(&event, &what)
}

/// The id in an answer about one topic.
fn read(event: &Owned<c::rd_kafka_event_t>, what: &str) -> Result<Option<TopicId>, Error> {
    let none = || Error::Transient(format!("{what}: an empty answer"));
    // SAFETY: `event` lives as long as this call, and all that is read here belongs to it; arrays
    // are only read at 0 where their count says that there is one.
    unsafe {
        refused(c::rd_kafka_event_error(event.it).into(), what)?;
        let result = c::rd_kafka_event_DescribeTopics_result(event.it);
        if result.is_null() {
            return Err(none());
        }
        let mut count = 0;
        let topics = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if topics.is_null() || count == 0 || (*topics).is_null() {
            return Err(none());
        }
        let topic = *topics;
        let error = c::rd_kafka_TopicDescription_error(topic);
        if !error.is_null() {
            refused(c::rd_kafka_error_code(error).into(), what)?;
        }
        let id = c::rd_kafka_TopicDescription_topic_id(topic);
        if id.is_null() {
            return Ok(None);
        }
        let most = c::rd_kafka_Uuid_most_significant_bits(id).cast_unsigned();
        let least = c::rd_kafka_Uuid_least_significant_bits(id).cast_unsigned();
        let number = u128::from(most) << 64 | u128::from(least);
        // Brokers without ids answer zero.
        Ok((number != 0).then_some(TopicId(number)))
    }
}

fn refused(code: Code, what: &str) -> Result<(), Error> {
    if code == Code::NoError { Ok(()) } else { Err(Error::of(code, what)) }
}
