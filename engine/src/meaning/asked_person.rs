//! Loops that ask somebody at a keyboard in each turn: who answers sees what came of the last one.

use distsys_facts::{RegionId, SiteId};

use super::scopes::Builder;

/// Libraries that ask.
const ASKING: &[&str] = &[
    "click",
    "typer",
    "questionary",
    "inquirer",
    "enquirer",
    "prompts",
    "prompt_toolkit",
    "readline",
    "getpass",
    "dialoguer",
    "promptui",
];

/// What they, and languages, call asking.
const ASKS: &[&str] =
    &["ask", "confirm", "input", "question", "prompt", "getpass", "select", "run", "interact", "interact_text"];

impl Builder<'_, '_, '_> {
    pub(super) fn asks_a_person(&self, region: RegionId) -> bool {
        let program = self.reader.program;
        let sites = program.sites(program.region(region).function);
        sites.filter(|row| program.region_within(row.region, region)).any(|row| self.asks_at(row.site))
    }

    fn asks_at(&self, site: SiteId) -> bool {
        let program = self.reader.program;
        let Some(call) = program.call(site) else { return false };
        let global = call.callee.and_then(|var| program.global(var)).map(|path| program.text(path));
        if matches!(global, Some("input" | "prompt" | "confirm")) {
            return true;
        }
        let resolution = self.reader.resolution;
        let of_library = resolution.external_at(site).iter().map(|(_, path, _)| resolution.paths.text(*path));
        of_library.into_iter().any(|path| {
            let mut parts = path.split(['.', '/']);
            let asks = path.rsplit('.').next().is_some_and(|last| ASKS.contains(&last));
            asks && (parts.next().is_some_and(|root| ASKING.contains(&root))
                || path.split(['.', '/']).any(|part| part == "prompt"))
        })
    }
}
