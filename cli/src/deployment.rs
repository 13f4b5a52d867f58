//! How the code near a place is deployed, as manifests say it: how many instances run, how they end, which replicas of a
//! database they are given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use distsys_facts::{FactBase, Id};
use distsys_queries::{Category, Finding};

use crate::outputs::plain;

/// What a line of a manifest bears on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Aspect {
    /// How many run at once.
    Instances,
    /// How long a process has to end, and by which signal.
    Shutdown,
    /// What runs beside one another while a version is replaced.
    Rollout,
    /// The address of a replica of a database is given by this name.
    ReplicaAddress,
    Schedule,
}

/// A line of a manifest that says something of how the code is deployed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    aspect: Aspect,
    path: String,
    line: u32,
    key: String,
    /// None where it may be a secret.
    value: Option<String>,
    /// The service that it is said of, if it has a name.
    service: Option<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", plain(&self.path), self.line, plain(&self.key))?;
        match &self.value {
            Some(value) if value.chars().count() > LONGEST => {
                write!(f, ": {}…", plain(&value.chars().take(LONGEST).collect::<String>()))
            }
            Some(value) => write!(f, ": {}", plain(value)),
            None => Ok(()),
        }
    }
}

/// What all manifests say, by the folder that they are about.
#[derive(Debug, Default)]
pub(crate) struct Deployment<'f> {
    by_folder: BTreeMap<&'f str, Vec<Line>>,
}

/// Folders for manifests, which are about the folder that they stand in.
const FOLDERS: &[&str] = &[
    ".github",
    "workflows",
    "k8s",
    "kubernetes",
    "kube",
    "deploy",
    "deployment",
    "deployments",
    "manifests",
    "helm",
    "chart",
    "charts",
    "templates",
    "infra",
    "infrastructure",
    "ops",
    "docker",
    "compose",
    "base",
    "overlays",
    "prod",
    "production",
    "staging",
];

/// More is a list, not a help.
const MOST: usize = 12;
const MOST_OF_FINDING: usize = 3;
/// Of a value, in characters.
const LONGEST: usize = 120;

impl<'f> Deployment<'f> {
    pub(crate) fn of(facts: &'f FactBase) -> Self {
        let mut by_folder: BTreeMap<&str, Vec<Line>> = BTreeMap::new();
        let rows = &facts.relations.manifest;
        let key_of = |at: usize| facts.text(rows[at].key);
        let mut begin = 0;
        while begin < rows.len() {
            let file = rows[begin].file;
            let end = begin + rows[begin..].iter().take_while(|row| row.file == file).count();
            let path = facts.text(facts.relations.file[file.index()].path);
            // Documents of a file are told apart by what their paths begin with.
            let names: BTreeMap<&str, &str> = (begin..end)
                .filter_map(|at| Some((key_of(at).strip_suffix("metadata.name")?, facts.text(rows[at].value))))
                .collect();
            for row in &rows[begin..end] {
                let (key, value) = (facts.text(row.key), facts.text(row.value));
                let Some(aspect) = aspect(key, value) else { continue };
                let service = key
                    .strip_prefix("services.")
                    .and_then(|rest| rest.split('.').next())
                    .or_else(|| names.get(document(key)).copied());
                let line = Line {
                    aspect,
                    path: path.to_owned(),
                    line: row.line,
                    key: shown_key(key, value, aspect),
                    value: (aspect != Aspect::ReplicaAddress).then(|| value.to_owned()),
                    service: service.map(str::to_owned),
                };
                by_folder.entry(about(path)).or_default().push(line);
            }
            begin = end;
        }
        for lines in by_folder.values_mut() {
            lines.sort();
            lines.dedup();
        }
        Deployment { by_folder }
    }

    /// What is said of the code at `path`, the nearest first. Where manifests name several services, those count whose name
    /// is in the path: of which of them the code is a part is not known else.
    pub(crate) fn near(&self, path: &str) -> Vec<&Line> {
        let words: BTreeSet<&str> = words(path).collect();
        let folders =
            std::iter::successors(Some(path), |path| Some(path.rsplit_once('/').map_or("", |(folder, _)| folder)))
                .skip(1)
                .scan(false, |ended, folder| (!std::mem::replace(ended, folder.is_empty())).then_some(folder));
        let mut found = Vec::new();
        for lines in folders.filter_map(|folder| self.by_folder.get(folder)) {
            let services: BTreeSet<&str> = lines.iter().filter_map(|line| line.service.as_deref()).collect();
            let is_meant = |line: &&Line| match &line.service {
                Some(service) => services.len() == 1 || self::words(service).any(|word| words.contains(word)),
                None => services.len() <= 1,
            };
            found.extend(lines.iter().filter(is_meant));
        }
        found.truncate(MOST);
        found
    }

    /// Whether anything that manifests may say bears on `finding`.
    pub(crate) fn bears_on(finding: &Finding) -> bool {
        !telling(finding.rule.category).is_empty()
    }

    /// What bears on `finding`.
    pub(crate) fn of_finding(&self, finding: &Finding) -> Vec<&Line> {
        let telling = telling(finding.rule.category);
        let mut lines = self.near(&finding.primary.path);
        lines.retain(|line| telling.contains(&line.aspect) && line.is_telling());
        lines.truncate(MOST_OF_FINDING);
        lines
    }
}

impl Line {
    /// Whether a report is to name it: one instance is what every reader thinks of, and command lines are for those who look
    /// deeper.
    fn is_telling(&self) -> bool {
        let instances = || self.value.as_deref().and_then(|value| value.trim().parse::<u32>().ok());
        self.aspect != Aspect::Instances || instances().is_some_and(|count| count > 1)
    }
}

/// The folder that the manifest at `path` is about.
fn about(path: &str) -> &str {
    let mut folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    loop {
        let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        if !FOLDERS.contains(&name) {
            return folder;
        }
        folder = above;
    }
}

/// What the paths of a document begin with: `[1].`, or nothing.
fn document(key: &str) -> &str {
    match key.starts_with('[') {
        true => key.find("].").map_or("", |at| &key[..at + 2]),
        false => "",
    }
}

/// Words of a path or of a service's name; what every path may hold tells nothing.
fn words(text: &str) -> impl Iterator<Item = &str> {
    const COMMON: &[&str] =
        &["src", "app", "apps", "lib", "main", "index", "service", "services", "py", "ts", "js", "rs"];
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1 && !COMMON.contains(word))
}

fn aspect(key: &str, value: &str) -> Option<Aspect> {
    let parts: Vec<&str> = key.split(['.', '[', ']']).filter(|part| !part.is_empty()).collect();
    let last = parts.iter().rev().find(|part| part.bytes().any(|byte| !byte.is_ascii_digit()))?;
    Some(match *last {
        "replicas" | "replicaCount" | "minReplicas" | "maxReplicas" | "minReplicaCount" | "maxReplicaCount"
        | "numprocs" | "parallelism" => Aspect::Instances,
        "CMD" | "ENTRYPOINT" | "command" | "args" if sets_workers(value) => Aspect::Instances,
        "terminationGracePeriodSeconds" | "stop_grace_period" | "stop_signal" | "STOPSIGNAL" => Aspect::Shutdown,
        _ if parts.contains(&"preStop") => Aspect::Shutdown,
        "maxSurge" | "maxUnavailable" | "concurrencyPolicy" => Aspect::Rollout,
        "type" if parts.contains(&"strategy") => Aspect::Rollout,
        "schedule" | "cron" => Aspect::Schedule,
        _ if names_replica(&parts, value) => Aspect::ReplicaAddress,
        _ => return None,
    })
}

/// A command line that says how many workers it starts.
fn sets_workers(command: &str) -> bool {
    ["--workers", "--concurrency", "--processes", "--worker-connections"].iter().any(|option| command.contains(option))
}

/// A variable that is given the address of a replica: `env[2].name` of Kubernetes, `environment.NAME` or
/// `environment[0]` of compose, `ENV.NAME` of a Dockerfile, `data.NAME` of a map of configuration.
fn names_replica(parts: &[&str], value: &str) -> bool {
    let name = match parts {
        [.., "env", _, "name"] => value,
        [.., "environment", number] if number.bytes().all(|byte| byte.is_ascii_digit()) => value,
        [.., "environment" | "ENV" | "data" | "env", name] => name,
        _ => return false,
    };
    let name = name.split('=').next().unwrap_or(name).to_ascii_uppercase();
    let of_replica = ["REPLICA", "READ_ONLY", "READONLY", "READER"].iter().any(|word| name.contains(word));
    of_replica && ["URL", "URI", "HOST", "DSN", "ADDR", "ENDPOINT"].iter().any(|word| name.contains(word))
}

/// The key, with the name of the variable where that is the value.
fn shown_key(key: &str, value: &str, aspect: Aspect) -> String {
    if aspect != Aspect::ReplicaAddress || !(key.ends_with(".name") || key.ends_with(']')) {
        return key.to_owned();
    }
    let key = key.strip_suffix(".name").unwrap_or(key);
    format!("{key} {}", value.split('=').next().unwrap_or(value))
}

/// What bears on the findings of a category.
fn telling(category: Category) -> &'static [Aspect] {
    use Aspect::{Instances, ReplicaAddress, Rollout, Schedule, Shutdown};
    match category {
        Category::Replication => &[ReplicaAddress],
        Category::Time => &[Instances, Schedule],
        Category::Messaging | Category::EndToEnd | Category::Runtime => &[Instances, Shutdown],
        Category::Fencing | Category::Ordering | Category::Schema => &[Instances, Rollout],
        Category::Bounds
        | Category::Caching
        | Category::HotSpots
        | Category::Transactions
        | Category::Capacity
        | Category::Consensus => &[Instances],
        Category::Retries | Category::Observability | Category::Deviance => &[],
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::{Analysis, Source};

    use super::*;

    const K8S: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: orders\nspec:\n  replicas: 3\n  template:\n    spec:\n      \
        terminationGracePeriodSeconds: 5\n      containers:\n        - env:\n            - name: DATABASE_REPLICA_URL\n              value: postgres://u:secret@h/d\n";

    fn near(files: &[(&str, &str)], path: &str) -> Vec<String> {
        let sources = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
        let report = Analysis::of_sources(sources).run().expect("it runs");
        let deployment = Deployment::of(report.facts());
        deployment.near(path).into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn manifests_are_about_the_folder_around_theirs() {
        let files = [("shop/k8s/orders.yaml", K8S), ("shop/orders/views.py", ""), ("other/x.py", "")];
        assert_eq!(
            near(&files, "shop/orders/views.py"),
            [
                "shop/k8s/orders.yaml:6: spec.replicas: 3",
                "shop/k8s/orders.yaml:9: spec.template.spec.terminationGracePeriodSeconds: 5",
                "shop/k8s/orders.yaml:12: spec.template.spec.containers[0].env[0] DATABASE_REPLICA_URL",
            ]
        );
        assert!(near(&files, "other/x.py").is_empty());
    }

    #[test]
    fn of_several_services_only_that_of_the_code_counts() {
        let compose = "services:\n  orders:\n    deploy: {replicas: 4}\n  mail:\n    stop_grace_period: 30s\n    environment:\n      - READ_REPLICA_HOST=secret\n";
        let files = [("compose.yaml", compose)];
        assert_eq!(near(&files, "orders/src/a.ts"), ["compose.yaml:3: services.orders.deploy.replicas: 4"]);
        assert_eq!(
            near(&files, "mail/a.py"),
            [
                "compose.yaml:5: services.mail.stop_grace_period: 30s",
                "compose.yaml:7: services.mail.environment[0] READ_REPLICA_HOST",
            ]
        );
        assert!(near(&files, "billing/a.py").is_empty());
    }
}
