//! How the code near a place is deployed, as manifests say it: how many instances run, how they end, which replicas of a
//! database they are given.

mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use distsys_facts::{FactBase, Id};
use distsys_queries::Finding;

use self::keys::{Aspect, aspect, document, part_of_chart, shown_key, telling};
use crate::outputs::plain;

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
    /// The part beside the service itself that it is said of: a store or a proxy that a chart brings along.
    part: Option<String>,
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
            let (folder, named) = about(path);
            for row in &rows[begin..end] {
                let (key, value) = (facts.text(row.key), facts.text(row.value));
                let Some(aspect) = aspect(key, value) else { continue };
                let service = key
                    .strip_prefix("services.")
                    .and_then(|rest| rest.split('.').next())
                    .or_else(|| names.get(document(key)).copied())
                    .or(named);
                let line = Line {
                    aspect,
                    path: path.to_owned(),
                    line: row.line,
                    key: shown_key(key, value, aspect),
                    value: (aspect != Aspect::ReplicaAddress).then(|| value.to_owned()),
                    service: service.map(str::to_owned),
                    part: part_of_chart(path, key),
                };
                by_folder.entry(folder).or_default().push(line);
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
            let is_named = |line: &&Line| match &line.part {
                Some(part) => self::words(part).any(|word| words.contains(word)),
                None => true,
            };
            found.extend(lines.iter().filter(is_meant).filter(is_named));
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

/// The folder that the manifest at `path` is about, and the service that a folder of its own is named after:
/// `shop/charts/orders/values.yaml` is about `orders` in `shop`.
fn about(path: &str) -> (&str, Option<&str>) {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut begin = 0;
    for part in folder.split('/') {
        if FOLDERS.contains(&part) {
            let service = folder[begin..].split('/').rfind(|part| !FOLDERS.contains(part));
            return (folder[..begin].trim_end_matches('/'), service);
        }
        begin += part.len() + 1;
    }
    (folder, None)
}

/// Words of a path or of a service's name; what every path may hold tells nothing.
fn words(text: &str) -> impl Iterator<Item = &str> {
    const COMMON: &[&str] =
        &["src", "app", "apps", "lib", "main", "index", "service", "services", "py", "ts", "js", "rs"];
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1 && !COMMON.contains(word))
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
    fn folders_of_manifests_name_the_folder_around_and_the_service() {
        assert_eq!(about("compose.yaml"), ("", None));
        assert_eq!(about("shop/Dockerfile"), ("shop", None));
        assert_eq!(about("shop/k8s/overlays/prod/api.yaml"), ("shop", None));
        assert_eq!(about("charts/orders/templates/x.yaml"), ("", Some("orders")));
        assert_eq!(about("shop/deploy/orders/k8s.yaml"), ("shop", Some("orders")));
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

    #[test]
    fn what_a_chart_brings_along_is_not_the_service() {
        let values = "autoscaling: {maxReplicas: 5}\nredis:\n  replicas: 3\nworker:\n  replicas: 2\n";
        let files = [("charts/shop/values.yaml", values)];
        let own = "charts/shop/values.yaml:1: autoscaling.maxReplicas: 5";
        assert_eq!(near(&files, "api/a.py"), [own]);
        assert_eq!(near(&files, "worker/a.py"), [own, "charts/shop/values.yaml:5: worker.replicas: 2"]);
    }
}
