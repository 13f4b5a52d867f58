// Included by build scripts; no part of the crate.

/// A hash of the files at and below `paths`, in the order of their names; what is not there (a crate that stands by itself)
/// counts as empty. The script runs again when one of them changes.
fn source_hash(paths: &[&str]) -> std::io::Result<u64> {
    use std::hash::Hasher;

    let mut hasher = std::hash::DefaultHasher::new();
    let mut open: Vec<std::path::PathBuf> = paths.iter().rev().map(std::path::PathBuf::from).collect();
    while let Some(path) = open.pop() {
        println!("cargo::rerun-if-changed={}", path.display());
        if path.is_dir() {
            let entries = std::fs::read_dir(&path)?.map(|entry| entry.map(|entry| entry.path()));
            let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
            entries.sort();
            open.extend(entries.into_iter().rev());
        } else if path.is_file() {
            let content = std::fs::read(&path)?;
            hasher.write(path.to_string_lossy().as_bytes());
            hasher.write_usize(content.len());
            hasher.write(&content);
        }
    }
    Ok(hasher.finish())
}
