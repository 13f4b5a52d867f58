//! What a path says of a file: what it is for, and whether it is anybody's own code.

use distsys_facts::{DiagnosticKind, Role};

/// Folders that hold other people's code or build output, wherever they stand.
const VENDORED: &[&str] = &[
    "node_modules",
    "bower_components",
    "vendor",
    "vendored",
    "third_party",
    "thirdparty",
    "third-party",
    "site-packages",
    ".venv",
    "venv",
    "virtualenv",
    "__pypackages__",
    ".yarn",
    ".pnpm",
];
const BUILD_OUTPUT: &[&str] = &[
    "dist",
    "build",
    "target",
    "out",
    ".next",
    ".nuxt",
    ".output",
    "coverage",
    "__pycache__",
    ".tox",
    ".nox",
    "htmlcov",
];

/// Why a folder in `above` is not entered. A package of Java may be called `vendor` for what it is about.
pub(super) fn folder_to_skip(above: &str, name: &str) -> Option<DiagnosticKind> {
    if VENDORED.contains(&name) && !is_within_packages(above) {
        Some(DiagnosticKind::Vendored)
    } else if BUILD_OUTPUT.contains(&name) {
        Some(DiagnosticKind::Generated)
    } else {
        None
    }
}

/// Why a file is left out for its name.
pub(super) fn file_to_skip(name: &str) -> Option<DiagnosticKind> {
    let generated = [
        ".min.js",
        ".min.mjs",
        ".bundle.js",
        "_pb2.py",
        "_pb2_grpc.py",
        "_pb.js",
        "_pb.ts",
        ".generated.ts",
        ".gen.ts",
        ".g.ts",
    ];
    generated.iter().any(|end| name.ends_with(end)).then_some(DiagnosticKind::Generated)
}

/// What a file is for, by its path.
pub(super) fn role(path: &str) -> Role {
    let (folders, name) = match path.rsplit_once('/') {
        Some((folders, name)) => (folders, name),
        None => ("", path),
    };
    let stem = name.split('.').next().unwrap_or(name);
    if is_of_test_source_set(folders) {
        return Role::Test;
    }
    let mut role = Role::Source;
    let mut in_package = false;
    for folder in folders.split('/') {
        // `src/main/java/com/example/demo`: a package is named for who made it, not for what it is for.
        in_package |= name.ends_with(".java") && matches!(folder, "java" | "com" | "org" | "net" | "io" | "dev");
        match folder {
            "test" | "tests" | "__tests__" | "testing" | "__mocks__" | "mocks" | "e2e" | "cypress" | "playwright"
            | "testcontainers" | "testdata" | "test_utils" | "test-utils" | "spec" | "specs" | "fixtures"
            | "integration_tests" | "integration-tests" | "test_runner" | "testlib" | "testutil" | "testutils"
            | "testhelpers" | "test_helpers" | "test-helpers" | "testkit" | "test-plugins" | "test_plugins"
            | "test-apps" | "test_apps" => return Role::Test,
            _ if ["-tests", "_tests", "-e2e"].iter().any(|end| folder.ends_with(end)) => return Role::Test,
            "examples" | "example" | "benches" | "bench" | "benchmarks" | "benchmark" | "docs" | "doc" | "samples"
            | "demo" | "demos" | "stories" | "tutorial" | "tutorials" | "script" | "scripts" | "_scripts"
            | "scripts-dev" | "dev-scripts" | "contrib" | "xtask"
                if !in_package =>
            {
                role = Role::Example;
            }
            "seed" | "seeds" | "seeders" => role = Role::Example,
            _ if folder.ends_with("bench") => role = Role::Example,
            // A module beside others: `shop-examples`.
            _ if !in_package
                && ["-examples", "-example", "-samples", "-sample", "-demos", "-demo"]
                    .iter()
                    .any(|end| folder.ends_with(end)) =>
            {
                role = Role::Example;
            }
            // Configuration of tools, templates, hooks.
            _ if folder.starts_with('.') => role = Role::Example,
            "migrations" | "versions" if role == Role::Source => role = Role::Migration,
            _ => {}
        }
    }
    // Steps of behaviour tests, and what is set up for them.
    let is_step = folders.contains("features/steps") || folders.ends_with("features") && name == "environment.py";
    // `jest.setup.ts`: what a runner of tests is set up with.
    let is_setup = matches!(stem, "jest" | "vitest" | "playwright" | "cypress") && name.matches('.').count() > 1;
    let is_test = is_step
        || is_setup
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || matches!(stem, "conftest" | "tests" | "test" | "testing" | "test_helpers")
        || [".test.", ".spec.", ".e2e.", ".cy.", "-test.", "_spec."].iter().any(|part| name.contains(part));
    // Data made up to try things out with, or what shows how.
    let is_made_up = matches!(stem, "seed" | "seeds" | "seeder" | "populatedb" | "populate_db")
        || ["example_", "example-"].iter().any(|begin| stem.starts_with(begin))
        || ["random", "fake", "dummy", "sample", "demo"]
            .iter()
            .any(|word| stem.strip_prefix(word).is_some_and(|rest| matches!(rest, "_data" | "-data" | "Data")));
    match (is_test, is_made_up) {
        (true, _) => Role::Test,
        (false, true) => Role::Example,
        (false, false) => role,
    }
}

/// `src/main/java/org`
fn is_within_packages(folder: &str) -> bool {
    let folders: Vec<&str> = folder.split('/').collect();
    folders.windows(3).any(|part| part[0] == "src" && part[2] == "java")
}

/// Whether a file is in a source set of Gradle or Maven that only tests use: `src/integrationTest/java`, `src/it/java`.
fn is_of_test_source_set(folders: &str) -> bool {
    let folders: Vec<&str> = folders.split('/').collect();
    let is_for_tests = |set: &str| {
        let set = set.to_ascii_lowercase();
        set == "it" || ["test", "integration", "e2e", "jmh", "benchmark"].iter().any(|word| set.contains(word))
    };
    folders.windows(3).any(|part| part[0] == "src" && part[2] == "java" && is_for_tests(part[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_by_path() {
        for path in [
            "a/tests/x.py",
            "src/x.test.ts",
            "x_test.py",
            "src/tests.rs",
            "__tests__/a.js",
            "conftest.py",
            "lib/k8s-e2e-tests/src/a.rs",
            "features/steps/login.py",
            "web/playwright/mail.ts",
            "sdk/jest.e2e-global-setup.ts",
        ] {
            assert_eq!(role(path), Role::Test, "{path}");
        }
        assert_eq!(folder_to_skip("shop", "vendor"), Some(DiagnosticKind::Vendored));
        assert_eq!(folder_to_skip("shop/src/main/java/com/example", "vendor"), None);
        let package = "src/main/java/com/example/demo/Orders.java";
        assert_eq!(role(package), Role::Source);
        assert_eq!(role(&format!("examples/shop/{package}")), Role::Example);
        for set in ["test", "integrationTest", "integration", "it", "testFixtures"] {
            assert_eq!(role(&format!("shop/src/{set}/java/com/example/Orders.java")), Role::Test, "{set}");
        }
        assert_eq!(role("shop/src/main/java/com/example/integration/Orders.java"), Role::Source);
        for path in ["src/playwright.ts", "src/contest.py", "latest/x.rs", "src/attestation.ts", "tests_of_faith.py"] {
            assert_eq!(role(path), Role::Source, "{path}");
        }
        for path in ["prisma/seed.ts", "shop/random_data.py", "database/seeders/orders.ts", "commands/populatedb.py"] {
            assert_eq!(role(path), Role::Example, "{path}");
        }
        assert_eq!(role("src/seedling.ts"), Role::Source);
        assert_eq!(role("src/exemplar.ts"), Role::Source);
        assert_eq!(role("app/migrations/0001_initial.py"), Role::Migration);
        assert_eq!(role("shop-examples/shop-examples-grpc/src/main/java/org/shop/Client.java"), Role::Example);
        for path in
            ["examples/a.rs", "scripts/release.py", ".semgrep/rule.py", "sdk/example_async.py", "cmd/seed/main.go"]
        {
            assert_eq!(role(path), Role::Example, "{path}");
        }
    }
}
