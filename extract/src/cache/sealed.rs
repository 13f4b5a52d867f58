//! Files that tell whether they are whole: a mark, a hash, and the body that it is of.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

const MARK: &[u8; 8] = b"DSGC0001";
const HASH: usize = 32;

/// The body of the file, if it is there and whole.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = fs::read(path).ok()?;
    let hash = bytes.strip_prefix(MARK)?.get(..HASH)?;
    let body = bytes.get(MARK.len() + HASH..)?;
    if blake3::hash(body).as_bytes() != hash {
        return None;
    }
    bytes.drain(..MARK.len() + HASH);
    Some(bytes)
}

/// Puts the file in its place at once, or not at all.
pub(super) fn write(path: &Path, body: &[u8]) -> io::Result<()> {
    let hash = blake3::hash(body);
    replace(path, &[MARK, hash.as_bytes(), body])
}

/// As [`write`], without mark and hash.
pub(super) fn replace(path: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    let mut file = tempfile::Builder::new().prefix(super::folder::TEMPORARY).tempfile_in(folder)?;
    for piece in pieces {
        file.write_all(piece)?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_is_not_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("index");
        assert_eq!(read(&path), None);
        write(&path, b"body").expect("it can be written");
        assert_eq!(read(&path).as_deref(), Some(&b"body"[..]));
        let whole = fs::read(&path).expect("it was just written");
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("it can be written");
            assert_eq!(read(&path), None, "{length}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).expect("it can be written");
            assert_eq!(read(&path), None, "{at}");
        }
    }
}
