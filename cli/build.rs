//! Names the program: a hash of all sources that say what it concludes. Outcomes of another one are not reused.

include!("../facts/source_hash.rs");

fn main() -> std::io::Result<()> {
    let hash = source_hash(&[
        "src",
        "../facts/src",
        "../extract/src",
        "../engine/src",
        "../queries/src",
        "../queries/rules",
        "../queries/models",
        "Cargo.toml",
        "../Cargo.lock",
    ])?;
    println!("cargo::rustc-env=DISTSYS_PROGRAM={}-{hash:016x}", env!("CARGO_PKG_VERSION"));
    Ok(())
}
