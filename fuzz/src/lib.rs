//! Fuzz targets: those of `distsys-hostile`, which has the examples to begin with, too (`cargo run -p distsys-hostile --
//! --corpus fuzz/corpus`).

pub use distsys_hostile;
pub use libfuzzer_sys;

/// The target of this name.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            if let Some(target) = $crate::distsys_hostile::targets::target($name) {
                target.run(bytes);
            }
        });
    };
}
