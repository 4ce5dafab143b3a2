//! Files, compressed or not, and what their errors mean.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

use super::FeedError;

/// How much is read at once.
const BUFFER: usize = 1 << 16;

/// A file as a reader sees it.
pub(super) type Input = Box<dyn BufRead + Send>;

/// What a gzip file begins with (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens a file; a compressed one is known by its first bytes, whatever its name.
pub(super) fn open(path: &Path) -> Result<Input, FeedError> {
    let file = File::open(path).map_err(FeedError::Io)?;
    let mut plain = BufReader::with_capacity(BUFFER, file);
    let start = plain.fill_buf().map_err(FeedError::Io)?;
    if !start.starts_with(&GZIP) {
        return Ok(Box::new(plain));
    }
    gunzip(plain)
}

#[cfg(feature = "gzip")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it cannot")]
fn gunzip(compressed: BufReader<File>) -> Result<Input, FeedError> {
    // A file may be several streams, one after the other, as some tools write it in parallel.
    let plain = flate2::bufread::MultiGzDecoder::new(compressed);
    Ok(Box::new(BufReader::with_capacity(BUFFER, plain)))
}

#[cfg(not(feature = "gzip"))]
fn gunzip(_: BufReader<File>) -> Result<Input, FeedError> {
    Err(FeedError::malformed(
        0,
        "the file is compressed, and this build has no feature `gzip`",
    ))
}

/// Says of an error whether the data are to blame or the system.
pub(super) fn error(offset: u64, error: std::io::Error) -> FeedError {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            FeedError::malformed(offset, format!("the compressed data are damaged: {error}"))
        }
        ErrorKind::UnexpectedEof => FeedError::malformed(offset, "the compressed data are cut"),
        _ => FeedError::Io(error),
    }
}
