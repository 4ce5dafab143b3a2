//! Market data: messages, their readers, the venue's book and the driver of an exchange.

pub(crate) mod driver;
pub(crate) mod message;
pub(crate) mod reader;
pub(crate) mod venue;

use nanobook::FeedMessage;
use pyo3::prelude::*;
use pyo3::types::PyIterator;

use crate::convert::{self, Arg};
use crate::errors::{BindingError, BindingResult};
use reader::{PyItchReader, PyLobsterReader};

/// How many messages are taken at once: signals are looked at in between.
const CHUNK: usize = 4096;

/// Where messages come from.
enum Feed<'py> {
    Itch(Bound<'py, PyItchReader>),
    Lobster(Bound<'py, PyLobsterReader>),
    Items(Bound<'py, PyIterator>),
}

impl<'py> Feed<'py> {
    fn read(value: Arg<'_, 'py>) -> PyResult<Self> {
        if let Ok(reader) = value.cast::<PyItchReader>() {
            return Ok(Self::Itch(reader.clone()));
        }
        if let Ok(reader) = value.cast::<PyLobsterReader>() {
            return Ok(Self::Lobster(reader.clone()));
        }
        let expected = "a reader, or an iterable of FeedMessage";
        convert::items(value, "feed", expected).map(Self::Items)
    }

    /// Takes up to `count` messages, hands them to `apply`, and returns how many there were.
    ///
    /// Where it fails, what came before was handed over.
    fn drain(
        &self,
        py: Python<'py>,
        count: usize,
        mut apply: impl FnMut(&[FeedMessage]),
    ) -> BindingResult<usize> {
        let mut messages = Vec::new();
        let mut done = 0;
        while done < count {
            py.check_signals()?;
            // A feed of the caller's own may look at what its messages have done.
            let chunk = match self {
                Self::Items(_) => 1,
                _ => CHUNK,
            };
            let some = chunk.min(count - done);
            messages.clear();
            let taken = match self {
                Self::Itch(reader) => reader.get().0.take(py, some, &mut messages),
                Self::Lobster(reader) => reader.get().0.take(py, some, &mut messages),
                Self::Items(items) => take_items(items, some, done, &mut messages),
            };
            apply(&messages);
            done += messages.len();
            taken?;
            if messages.len() < some {
                break;
            }
        }
        Ok(done)
    }
}

fn take_items(
    items: &Bound<'_, PyIterator>,
    some: usize,
    done: usize,
    messages: &mut Vec<FeedMessage>,
) -> Result<(), BindingError> {
    for item in items.clone().take(some) {
        let place = done + messages.len();
        messages.push(message::read_one(&item?, || format!("feed[{place}]"))?);
    }
    Ok(())
}

/// Reads how many messages to take: all when it is `None`.
fn read_count(value: Option<Arg<'_, '_>>) -> PyResult<usize> {
    value.map_or(Ok(usize::MAX), |value| convert::integer(value, "count"))
}
