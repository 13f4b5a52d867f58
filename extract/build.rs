//! Names the extractor: a hash of the sources that say what facts a text gives. Facts that another one read are not reused.

include!("../facts/source_hash.rs");

fn main() -> std::io::Result<()> {
    let hash = source_hash(&["src", "../facts/src", "Cargo.toml", "../Cargo.lock"])?;
    println!("cargo::rustc-env=DISTSYS_EXTRACTOR={}-{hash:016x}", env!("CARGO_PKG_VERSION"));
    Ok(())
}
