//! `ItchReader`, `LobsterReader` and `LobsterBookReader`: files that are read as streams.

use std::path::PathBuf;
use std::sync::Mutex;

use nanobook::{
    BookSnapshot, FeedError, FeedMessage, ItchReader, LobsterBookReader, LobsterReader, Symbol,
};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::message::PyFeedMessage;
use super::read_count;
use crate::convert::{self, Arg};
use crate::errors::{BindingError, BindingResult, invalid, wrong_type};
use crate::exchange::{lock, lock_detached};
use crate::snapshot::PyBookSnapshot;
use crate::table::PyTable;

/// What a file yields, one after the other.
pub(super) trait Stream<T> {
    /// Returns the next item; [`FeedError::Interrupted`] now and then where none comes for long.
    fn next_or_stop(&mut self) -> Result<Option<T>, FeedError>;
}

impl Stream<FeedMessage> for ItchReader {
    fn next_or_stop(&mut self) -> Result<Option<FeedMessage>, FeedError> {
        let mut message = FeedMessage::default();
        let found = self.read_message_until(&mut message, || true)?;
        Ok(found.then_some(message))
    }
}

impl Stream<FeedMessage> for LobsterReader {
    fn next_or_stop(&mut self) -> Result<Option<FeedMessage>, FeedError> {
        self.next().transpose()
    }
}

impl Stream<BookSnapshot> for LobsterBookReader {
    fn next_or_stop(&mut self) -> Result<Option<BookSnapshot>, FeedError> {
        self.next().transpose()
    }
}

/// A reader and its path; no reader once it is closed.
#[derive(Debug)]
pub(crate) struct Source<R> {
    path: PathBuf,
    reader: Mutex<Option<Open<R>>>,
}

#[derive(Debug)]
struct Open<R> {
    reader: R,
    /// What the next call fails with, because the one before had something to return.
    error: Option<FeedError>,
}

impl<R: Send> Source<R> {
    fn open(
        path: Arg<'_, '_>,
        open: impl FnOnce(&PathBuf) -> Result<R, FeedError> + Send,
    ) -> BindingResult<Self> {
        let py = path.py();
        let path = convert::path(path)?;
        let reader = py
            .detach(|| open(&path))
            .map_err(|error| BindingError::feed(error, &path))?;
        Ok(Self {
            path,
            reader: Mutex::new(Some(Open {
                reader,
                error: None,
            })),
        })
    }

    /// Reads without the interpreter: a file may be slow.
    ///
    /// What stops on the way lets go of the lock, for signals call Python code, and goes on.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        mut read: impl FnMut(&mut R) -> Result<T, FeedError> + Send,
    ) -> BindingResult<T> {
        loop {
            let done = py.detach(|| {
                let mut open = lock_detached(&self.reader);
                let open = open.as_mut()?;
                Some(match open.error.take() {
                    Some(error) => Err(error),
                    None => read(&mut open.reader),
                })
            });
            match done.ok_or_else(|| self.closed())? {
                Err(FeedError::Interrupted) => py.check_signals()?,
                done => return done.map_err(|error| BindingError::feed(error, &self.path)),
            }
        }
    }

    /// Asks for what is known without reading.
    fn ask<T>(&self, py: Python<'_>, ask: impl FnOnce(&R) -> T) -> PyResult<T> {
        let open = lock(py, &self.reader);
        let open = open.as_ref().ok_or_else(|| self.closed())?;
        Ok(ask(&open.reader))
    }

    fn closed(&self) -> PyErr {
        invalid(format!("the reader of {} is closed", self.shown()))
    }

    /// Reads up to `some` items more; those before an error are there too.
    pub(super) fn take<T: Send>(
        &self,
        py: Python<'_>,
        some: usize,
        items: &mut Vec<T>,
    ) -> BindingResult<()>
    where
        R: Stream<T>,
    {
        let enough = items.len() + some;
        self.with(py, |reader| {
            while items.len() < enough {
                match reader.next_or_stop()? {
                    Some(item) => items.push(item),
                    None => break,
                }
            }
            Ok(())
        })
    }

    fn next<T: Send>(&self, py: Python<'_>) -> BindingResult<Option<T>>
    where
        R: Stream<T>,
    {
        self.with(py, R::next_or_stop)
    }

    fn close(&self, py: Python<'_>) {
        lock(py, &self.reader).take();
    }

    fn shown(&self) -> String {
        format!("{:?}", self.path.to_string_lossy())
    }

    fn repr(&self, py: Python<'_>, name: &str, offset: impl FnOnce(&R) -> u64) -> String {
        let offset = lock(py, &self.reader)
            .as_ref()
            .map(|open| offset(&open.reader));
        let state = offset.map_or_else(|| "closed".to_owned(), |offset| format!("offset={offset}"));
        format!("<{name} {} {state}>", self.shown())
    }

    fn table(&self, py: Python<'_>, count: usize) -> BindingResult<PyTable>
    where
        R: Stream<FeedMessage>,
    {
        let mut messages: Vec<FeedMessage> = Vec::new();
        while messages.len() < count {
            py.check_signals()?;
            let before = messages.len();
            let some = super::CHUNK.min(count - before);
            let failed = self.with(py, |reader| {
                while messages.len() < before + some {
                    match reader.next_or_stop() {
                        Ok(Some(message)) => messages.push(message),
                        Ok(None) => break,
                        Err(FeedError::Interrupted) => return Err(FeedError::Interrupted),
                        // What was read before it is not lost.
                        Err(error) if messages.is_empty() => return Err(error),
                        Err(error) => return Ok(Some(error)),
                    }
                }
                Ok(None)
            })?;
            if let Some(error) = failed {
                if let Some(open) = lock(py, &self.reader).as_mut() {
                    open.error = Some(error);
                }
                break;
            }
            if messages.len() - before < some {
                break;
            }
        }
        Ok(py.detach(|| PyTable::of(messages.into_iter())))
    }
}

fn read_symbols(symbols: Arg<'_, '_>) -> BindingResult<Vec<Symbol>> {
    let expected = "an iterable of symbols";
    if symbols.is_instance_of::<PyString>() {
        return Err(wrong_type("symbols", expected, symbols).into());
    }
    let read: Vec<Symbol> = convert::items(symbols, "symbols", expected)?
        .map(|symbol| convert::symbol(&symbol?))
        .collect::<BindingResult<_>>()?;
    if read.is_empty() {
        let message = "symbols has none: leave it out to read the messages of all";
        return Err(invalid(message.to_owned()).into());
    }
    Ok(read)
}

/// A NASDAQ TotalView-ITCH 5.0 file, plain or gzip, read message by message.
#[pyclass(name = "ItchReader", module = "nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PyItchReader(pub(super) Source<ItchReader>);

/// A LOBSTER message file, plain or gzip, read message by message.
#[pyclass(name = "LobsterReader", module = "nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PyLobsterReader(pub(super) Source<LobsterReader>);

/// A LOBSTER orderbook file, plain or gzip, read row by row.
#[pyclass(name = "LobsterBookReader", module = "nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PyLobsterBookReader(Source<LobsterBookReader>);

#[pymethods]
impl PyItchReader {
    #[new]
    #[pyo3(signature = (path, symbols=None))]
    fn new(path: Arg<'_, '_>, symbols: Option<Arg<'_, '_>>) -> BindingResult<Self> {
        let symbols = symbols.map(read_symbols).transpose()?;
        Source::open(path, |path| {
            let reader = ItchReader::open(path)?;
            Ok(match symbols {
                Some(symbols) => reader.with_symbols(&symbols),
                None => reader,
            })
        })
        .map(Self)
    }

    /// How many bytes have been read, after decompression: where the next message begins.
    #[getter]
    fn offset(&self, py: Python<'_>) -> PyResult<u64> {
        self.0.ask(py, ItchReader::offset)
    }

    /// Return the symbol of an instrument, or ``None`` before its directory message was read.
    fn symbol(&self, py: Python<'_>, instrument: Arg<'_, '_>) -> PyResult<Option<String>> {
        let instrument = convert::integer(instrument, "instrument")?;
        let symbol = self.0.ask(py, |reader| reader.symbol(instrument))?;
        Ok(symbol.map(String::from))
    }

    /// Read messages as columns: so many, or all that are left.
    #[pyo3(signature = (count=None))]
    fn read_table(&self, py: Python<'_>, count: Option<Arg<'_, '_>>) -> BindingResult<PyTable> {
        self.0.table(py, read_count(count)?)
    }

    /// Close the file.
    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type=None, exc_value=None, traceback=None))]
    #[expect(unused_variables, reason = "the protocol passes them")]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: Option<Arg<'_, '_>>,
        exc_value: Option<Arg<'_, '_>>,
        traceback: Option<Arg<'_, '_>>,
    ) {
        self.0.close(py);
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> BindingResult<Option<PyFeedMessage>> {
        Ok(self.0.next(py)?.map(PyFeedMessage))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.0.repr(py, "ItchReader", ItchReader::offset)
    }
}

#[pymethods]
impl PyLobsterReader {
    #[new]
    fn new(path: Arg<'_, '_>) -> BindingResult<Self> {
        Source::open(path, |path| LobsterReader::open(path)).map(Self)
    }

    /// How many bytes have been read, after decompression: where the next line begins.
    #[getter]
    fn offset(&self, py: Python<'_>) -> PyResult<u64> {
        self.0.ask(py, LobsterReader::offset)
    }

    /// Read messages as columns: so many, or all that are left.
    #[pyo3(signature = (count=None))]
    fn read_table(&self, py: Python<'_>, count: Option<Arg<'_, '_>>) -> BindingResult<PyTable> {
        self.0.table(py, read_count(count)?)
    }

    /// Close the file.
    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type=None, exc_value=None, traceback=None))]
    #[expect(unused_variables, reason = "the protocol passes them")]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: Option<Arg<'_, '_>>,
        exc_value: Option<Arg<'_, '_>>,
        traceback: Option<Arg<'_, '_>>,
    ) {
        self.0.close(py);
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> BindingResult<Option<PyFeedMessage>> {
        Ok(self.0.next(py)?.map(PyFeedMessage))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.0.repr(py, "LobsterReader", LobsterReader::offset)
    }
}

#[pymethods]
impl PyLobsterBookReader {
    #[new]
    fn new(path: Arg<'_, '_>) -> BindingResult<Self> {
        Source::open(path, |path| LobsterBookReader::open(path)).map(Self)
    }

    /// How many bytes have been read, after decompression: where the next row begins.
    #[getter]
    fn offset(&self, py: Python<'_>) -> PyResult<u64> {
        self.0.ask(py, LobsterBookReader::offset)
    }

    /// Close the file.
    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type=None, exc_value=None, traceback=None))]
    #[expect(unused_variables, reason = "the protocol passes them")]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: Option<Arg<'_, '_>>,
        exc_value: Option<Arg<'_, '_>>,
        traceback: Option<Arg<'_, '_>>,
    ) {
        self.0.close(py);
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> BindingResult<Option<PyBookSnapshot>> {
        let book: Option<BookSnapshot> = self.0.next(py)?;
        Ok(book.map(PyBookSnapshot))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.0
            .repr(py, "LobsterBookReader", LobsterBookReader::offset)
    }
}
