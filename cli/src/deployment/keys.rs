//! What the keys of manifests say, and whom it concerns.

use distsys_queries::Category;

/// What a line of a manifest bears on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
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

/// What a key says something of, if anything.
pub(super) fn aspect(key: &str, value: &str) -> Option<Aspect> {
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
        "schedule" => Aspect::Schedule,
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
pub(super) fn shown_key(key: &str, value: &str, aspect: Aspect) -> String {
    if aspect != Aspect::ReplicaAddress || !(key.ends_with(".name") || key.ends_with(']')) {
        return key.to_owned();
    }
    let key = key.strip_suffix(".name").unwrap_or(key);
    format!("{key} {}", value.split('=').next().unwrap_or(value))
}

/// What bears on the findings of a category.
pub(super) fn telling(category: Category) -> &'static [Aspect] {
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

/// What the values of a chart are about, if not the chart's own service: the key on top, if it does not itself say something
/// of how a service runs.
pub(super) fn part_of_chart(path: &str, key: &str) -> Option<String> {
    const OWN: &[&str] =
        &["deployment", "autoscaling", "hpa", "strategy", "updateStrategy", "env", "extraEnv", "lifecycle"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let (top, _) = key.split_once('.').filter(|_| name.starts_with("values"))?;
    let top = top.split('[').next().unwrap_or(top);
    (!OWN.contains(&top)).then(|| top.to_owned())
}

/// What the paths of a document begin with: `[1].`, or nothing.
pub(super) fn document(key: &str) -> &str {
    match key.starts_with('[') {
        true => key.find("].").map_or("", |at| &key[..at + 2]),
        false => "",
    }
}
