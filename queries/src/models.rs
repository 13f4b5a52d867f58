//! The library models that are compiled in, and a project's own.

use std::sync::{Arc, OnceLock};

use distsys_engine::model::LibraryInfo;
use distsys_engine::{Family, ModelError, ModelSet};

include!(concat!(env!("OUT_DIR"), "/model_files.rs"));

/// The built-in models with the project's own (`(origin, TOML text)`), whose `language = "…"` line says where they belong.
/// Without any of its own they are read once a process: reading them costs more than a small project does.
pub fn model_set(own: &[(String, String)]) -> Result<Arc<ModelSet>, ModelError> {
    static BUILT_IN: OnceLock<Result<Arc<ModelSet>, ModelError>> = OnceLock::new();
    match own {
        [] => BUILT_IN.get_or_init(|| read_models(&[]).map(Arc::new)).clone(),
        _ => read_models(own).map(Arc::new),
    }
}

/// Reads the built-in models and the project's own from their texts.
pub fn read_models(own: &[(String, String)]) -> Result<ModelSet, ModelError> {
    let mut set = ModelSet::default();
    for (language, origin, text) in FILES {
        let family = Family::from_name(language).ok_or_else(|| ModelError {
            origin: (*origin).to_owned(),
            message: format!("no language is called `{language}`"),
        })?;
        set.add(family, origin, text)?;
    }
    for (origin, text) in own {
        let (family, text) = own_family(origin, text)?;
        set.add(family, origin, &text)?;
    }
    Ok(set)
}

/// The libraries that the built-in models know.
pub fn built_in_models() -> Result<Vec<LibraryInfo>, ModelError> {
    Ok(model_set(&[])?.libraries.clone())
}

/// Takes the `language` line out of a project's own model.
fn own_family(origin: &str, text: &str) -> Result<(Family, String), ModelError> {
    let fail = |message: String| ModelError { origin: origin.to_owned(), message };
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| fail(error.to_string()))?;
    let language = table.remove("language");
    let name = language.as_ref().and_then(toml::Value::as_str).unwrap_or_default();
    let family = Family::from_name(name)
        .ok_or_else(|| fail("a line `language = \"python\"` (or java, rust, typescript) is missing".to_owned()))?;
    Ok((family, table.to_string()))
}
