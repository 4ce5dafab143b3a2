//! Framing of saved states and atomic files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::PersistenceError;

/// What stands at the front of a saved state.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u32,
}

/// Magic, version, and the payload's length.
const HEADER_LEN: usize = 8 + 4 + 8;
const CHECKSUM_LEN: usize = 8;

/// Returns magic, version, length, payload and checksum.
pub(crate) fn to_frame(frame: Frame, image: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN];
    bytes = postcard::to_extend(image, bytes).expect("a state in memory can be written to memory");
    let len = (bytes.len() - HEADER_LEN) as u64;
    bytes[..8].copy_from_slice(&frame.magic);
    bytes[8..12].copy_from_slice(&frame.version.to_le_bytes());
    bytes[12..HEADER_LEN].copy_from_slice(&len.to_le_bytes());
    let checksum = xxh3_64(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Returns the payload of a frame, once magic, version, length and checksum are right.
pub(crate) fn from_frame<T: DeserializeOwned>(
    frame: Frame,
    bytes: &[u8],
) -> Result<T, PersistenceError> {
    let Some((magic, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(cut(bytes.len()));
    };
    if *magic != frame.magic {
        return Err(PersistenceError::malformed(
            "the data does not start like a saved state of this kind",
        ));
    }
    let Some((version, rest)) = rest.split_first_chunk::<4>() else {
        return Err(cut(bytes.len()));
    };
    let version = u32::from_le_bytes(*version);
    if version != frame.version {
        return Err(PersistenceError::malformed(format!(
            "the data has version {version}; this version of nanobook reads {}",
            frame.version
        )));
    }
    let Some((len, rest)) = rest.split_first_chunk::<8>() else {
        return Err(cut(bytes.len()));
    };
    let len = u64::from_le_bytes(*len);
    if len.checked_add(CHECKSUM_LEN as u64) != Some(rest.len() as u64) {
        return Err(PersistenceError::malformed(format!(
            "the data is {} bytes and should be {}: it is cut, too long, or damaged",
            bytes.len(),
            len.saturating_add((HEADER_LEN + CHECKSUM_LEN) as u64)
        )));
    }
    let (payload, checksum) = rest.split_at(rest.len() - CHECKSUM_LEN);
    let computed = xxh3_64(&bytes[..bytes.len() - CHECKSUM_LEN]);
    if checksum != computed.to_le_bytes() {
        return Err(PersistenceError::malformed(
            "the checksum does not fit: the data is damaged",
        ));
    }
    match postcard::take_from_bytes(payload) {
        Ok((image, [])) => Ok(image),
        Ok((_, rest)) => Err(PersistenceError::malformed(format!(
            "{} bytes are left over behind the state",
            rest.len()
        ))),
        Err(error) => Err(PersistenceError::malformed(format!(
            "the data is damaged: {error}"
        ))),
    }
}

fn cut(len: usize) -> PersistenceError {
    PersistenceError::malformed(format!("the data is cut after {len} bytes"))
}

/// Writes a file so that a crash leaves the old one or the new one: to a temporary file in the
/// same directory, flushed to disk, then renamed.
pub(crate) fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let path = &target_of(path)?;
    let Some(name) = path.file_name() else {
        let kind = if path.as_os_str().is_empty() {
            io::ErrorKind::NotFound
        } else {
            io::ErrorKind::InvalidInput
        };
        return Err(io::Error::new(
            kind,
            format!("'{}' does not name a file", path.display()),
        ));
    };
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let (temporary, file) = create_temporary(directory, name)?;
    let result = write_and_rename(file, &temporary, path, write);
    if result.is_err() {
        // The first error is the one to tell; a file left behind is not worth hiding it.
        let _ = fs::remove_file(&temporary);
        return result;
    }
    sync_directory(directory)
}

/// Returns the path that a rename may replace: where a link leads, and only if what is there now is
/// a file that may be written.
fn target_of(path: &Path) -> io::Result<PathBuf> {
    let Ok(found) = fs::symlink_metadata(path) else {
        // Nothing is there yet, or the error comes again where it can be told.
        return Ok(path.to_owned());
    };
    let (path, found) = if found.is_symlink() {
        let path = fs::canonicalize(path)?;
        let found = fs::metadata(&path)?;
        (path, found)
    } else {
        (path.to_owned(), found)
    };
    // A device, a pipe or a directory would be gone after the rename.
    if !found.is_file() {
        let kind = if found.is_dir() {
            io::ErrorKind::IsADirectory
        } else {
            io::ErrorKind::InvalidInput
        };
        return Err(io::Error::new(
            kind,
            format!("{} is not a regular file", path.display()),
        ));
    }
    if found.permissions().readonly() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} is read-only", path.display()),
        ));
    }
    Ok(path)
}

/// Creates a file beside the target that no other writer has.
fn create_temporary(directory: &Path, name: &std::ffi::OsStr) -> io::Result<(PathBuf, File)> {
    let mut attempt = 0_u32;
    loop {
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{attempt}.tmp"));
        let temporary = directory.join(temporary);
        match File::create_new(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {
                attempt += 1;
            }
            result => return result.map(|file| (temporary, file)),
        }
    }
}

fn write_and_rename(
    file: File,
    temporary: &Path,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    let file = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    if let Ok(metadata) = fs::metadata(path) {
        // A replaced file keeps its permissions.
        file.set_permissions(metadata.permissions())?;
    }
    file.sync_all()?;
    drop(file);
    fs::rename(temporary, path)
}

/// Makes a rename durable, where directories can be flushed.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}
