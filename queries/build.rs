//! Lists the library models in `models/` for `src/models.rs`, so that adding a library is adding a file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("models");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut list = String::from("pub(crate) const FILES: &[(&str, &str, &str)] = &[\n");
    for folder in sorted(&root)? {
        println!("cargo::rerun-if-changed={}", folder.display());
        let language = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in sorted(&folder)? {
            if file.extension().is_some_and(|extension| extension == "toml") {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                // Writing to a string cannot fail.
                let _ = writeln!(
                    list,
                    "    ({language:?}, \"models/{language}/{name}\", include_str!({:?})),",
                    file.display().to_string()
                );
            }
        }
    }
    list.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("model_files.rs");
    fs::write(out, list)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    Ok(entries)
}
