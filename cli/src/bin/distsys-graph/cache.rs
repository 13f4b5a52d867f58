//! Where the cache is, and the command that cleans it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use distsys_graph::CacheFolder;
use etcetera::BaseStrategy;

use crate::args::CacheArguments;

/// The folder that serves analyses. None if it is not wanted, or there is no home to keep it in. The user's own is not taken
/// where it lies inside what is analysed; one that is named is.
pub(crate) fn folder(arguments: &CacheArguments) -> Option<CacheFolder> {
    match &arguments.cache_dir {
        _ if arguments.no_cache => None,
        Some(folder) => Some(CacheFolder::new(folder)),
        None => Some(CacheFolder::new(default_folder()?).outside_only()),
    }
}

pub(crate) fn clean(folder: Option<&Path>) -> anyhow::Result<ExitCode> {
    let folder = folder.map(Path::to_path_buf).or_else(default_folder);
    let folder = folder.context("the user has no cache folder; name the cache with --cache-dir")?;
    let removed = CacheFolder::new(&folder).clean()?;
    writeln!(anstream::stdout(), "{}: {:.1} MB removed", folder.display(), removed as f64 / 1e6)?;
    Ok(ExitCode::SUCCESS)
}

fn default_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("distsys-graph"))
}
