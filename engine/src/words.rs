//! Words in identifiers and settings: what `replicaPool`, `DATABASE_READ_URL` or `lock_ttl_ms` say.

use crate::resolve::values::HandleRole;

/// The words of an identifier, key or URL in lower case: `readOnlyDB` → `read`, `only`, `db`.
pub fn words(text: &str) -> Vec<String> {
    if text.is_ascii() {
        return words_of_ascii(text.as_bytes());
    }
    let mut words = Vec::new();
    let mut word = String::new();
    let mut previous_lower = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if !c.is_alphanumeric() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            previous_lower = false;
            continue;
        }
        let next_lower = chars.peek().is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && !word.is_empty() && (previous_lower || next_lower) {
            words.push(std::mem::take(&mut word));
        }
        word.extend(c.to_lowercase());
        previous_lower = c.is_lowercase() || c.is_numeric();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// As [`words`]: nearly every name is ASCII, and every name of a tree is taken apart.
fn words_of_ascii(text: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut push = |from: usize, to: usize| {
        if from < to {
            words.push(text[from..to].iter().map(|byte| byte.to_ascii_lowercase() as char).collect());
        }
    };
    for (at, byte) in text.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            push(start, at);
            start = at + 1;
        } else if byte.is_ascii_uppercase() && at > start {
            let before = text[at - 1];
            let next_lower = text.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            if before.is_ascii_lowercase() || before.is_ascii_digit() || next_lower {
                push(start, at);
                start = at;
            }
        }
    }
    push(start, text.len());
    words
}

/// The words of a text without what is between them: `duplicate key` and `DuplicateKey` are `duplicatekey`.
fn letters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        out.extend(text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase() as char));
    } else {
        out.extend(text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase));
    }
    out
}

/// The role that a name gives to a connection held under it.
///
/// `read` alone counts (`DATABASE_READ_URL`, `readDb`), but not beside `write`, and not as the verb of a function or of
/// another noun (`read_file`): only values that models call handles take a role, and functions are asked with
/// `is_function`.
pub fn role_of_name(name: &str, is_function: bool) -> HandleRole {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if has(&["write", "writer", "primary", "master", "leader", "rw", "readwrite"]) {
        return if has(&["read", "replica"]) && !has(&["primary", "master"]) {
            HandleRole::Unknown
        } else {
            HandleRole::Primary
        };
    }
    if has(&["replica", "replicas", "readonly", "slave", "follower", "readreplica", "standby"]) {
        return HandleRole::Replica;
    }
    let pair = |first: &str, second: &str| words.windows(2).any(|pair| pair[0] == first && pair[1] == second);
    if pair("read", "only") || pair("hot", "standby") {
        return HandleRole::Replica;
    }
    if !is_function && has(&["read", "reader", "ro"]) && !has(&["bytes", "stream", "file", "buf", "buffer"]) {
        return HandleRole::Replica;
    }
    HandleRole::Unknown
}

/// The role that a text says which is there to say one: the preference of a reader (`secondaryPreferred`, `nearest`), or a name.
pub fn role_said(text: &str) -> HandleRole {
    match words(text).first().map(String::as_str) {
        Some("secondary" | "nearest") => HandleRole::Replica,
        _ => role_of_name(text, false),
    }
}

/// Whether a name is that of a key by which a receiver knows a request that it has already done.
pub fn is_idempotency_key(name: &str) -> bool {
    let text = letters(name);
    text.contains("idempot")
        || text.contains("dedup")
        || matches!(
            text.as_str(),
            "senderbatchid" | "clienttoken" | "requesttoken" | "clientrequesttoken" | "clientrequestid" | "requestid"
        )
}

/// Whether a class of this name holds what a service is configured with: `RetrySettings`, `ClientConfig`; options are given by who
/// calls.
pub fn is_settings_name(name: &str) -> bool {
    const NAMES: &[&str] = &["config", "configuration", "conf", "cfg", "setting", "settings", "properties", "limits"];
    words(name).iter().any(|word| NAMES.contains(&word.as_str()))
}

/// Whether a function's name says that it answers a question about the state of something: `isOpen`, `has_paid`.
pub fn is_predicate(name: &str) -> bool {
    words(name).first().is_some_and(|word| {
        matches!(
            word.as_str(),
            "is" | "has" | "should" | "can" | "may" | "was" | "already" | "needs" | "must" | "check"
        )
    })
}

/// Whether a field says which row it is, not what the row is like: `id`, `orderId`, `user_id`, `pk`, `slug`.
pub fn is_identity(field: &str) -> bool {
    words(field)
        .last()
        .is_some_and(|word| matches!(word.as_str(), "id" | "ids" | "pk" | "uuid" | "uid" | "guid" | "slug"))
}

/// Whether a field says how far something has come: `status`, `paid`, `sentAt`.
pub fn is_state(field: &str) -> bool {
    const STATES: &[&str] = &[
        "status",
        "state",
        "phase",
        "stage",
        "paid",
        "unpaid",
        "sent",
        "processed",
        "handled",
        "completed",
        "complete",
        "done",
        "succeeded",
        "captured",
        "charged",
        "refunded",
        "fulfilled",
        "delivered",
        "cancelled",
        "canceled",
        "confirmed",
        "finished",
        "executed",
        "applied",
        "shipped",
        "notified",
        "settled",
        "pending",
    ];
    let words = words(field);
    words.iter().any(|word| STATES.contains(&word.as_str())) || words.last().is_some_and(|word| word == "at")
}

/// Whether a name or code is that of the failure by which a database refuses a second row of one key.
pub fn is_unique_violation(text: &str) -> bool {
    let plain = letters(text);
    [
        "integrityerror",
        "uniqueviolation",
        "duplicatekey",
        "duplicatedkey",
        "uniqueconstraint",
        "duplicateentry",
        "alreadyexists",
    ]
    .iter()
    .any(|name| plain.contains(name))
        || matches!(plain.as_str(), "p2002" | "23505" | "11000" | "erdupentry")
}

/// Whether an exception of this name says that nothing was sent, for there was no connection: `ConnectTimeout`. A
/// `ConnectionError` may come after.
pub fn is_failure_to_connect(name: &str) -> bool {
    let words = words(name);
    let pair = |first: &str, second: &str| words.windows(2).any(|pair| pair[0] == first && pair[1] == second);
    let is_said = |word: &String| {
        let code = matches!(word.as_str(), "econnrefused" | "enotfound" | "ehostunreach" | "enetunreach" | "eai");
        code || word == "connect"
    };
    words.iter().any(is_said) || pair("connection", "refused") || pair("new", "connection") || pair("pool", "timeout")
}

/// Whether a call of this name only tells somebody: a log, a metric, a trace, or making the text for one.
pub fn is_report(name: &str) -> bool {
    const TELLS: &[&str] = &[
        "log",
        "logs",
        "logger",
        "logging",
        "error",
        "err",
        "warn",
        "warning",
        "info",
        "debug",
        "trace",
        "exception",
        "critical",
        "fatal",
        "print",
        "println",
        "eprintln",
        "capture",
        "report",
        "notice",
        "inc",
        "increment",
        "observe",
        "record",
        "gauge",
        "counter",
        "count",
        "histogram",
        "metric",
        "metrics",
        "labels",
        "format",
        "str",
        "repr",
        "string",
        "stringify",
        "write",
        "dbg",
        "traceback",
        "message",
        "now",
        "isoformat",
        "dumps",
    ];
    // `Errorf`, `Warnw`, `Infoln`: the same with a format, with pairs, on a line.
    let plain = |word: &str| {
        ["f", "w", "ln"].iter().find_map(|end| word.strip_suffix(end)).is_some_and(|word| TELLS.contains(&word))
    };
    words(name).iter().any(|word| TELLS.contains(&word.as_str()) || plain(word))
}

/// Whether a function, file or URL is named for telling how the program does: what is counted twice there does little harm.
pub fn is_telemetry(name: &str) -> bool {
    const TELLS: &[&str] = &[
        "telemetry",
        "metric",
        "metrics",
        "analytics",
        "log",
        "logs",
        "trace",
        "traces",
        "beacon",
        "monitoring",
        "statistics",
        "stats",
    ];
    words(name).iter().any(|word| TELLS.contains(&word.as_str()))
}

/// Whether a customer would see it twice if it were there twice, by the name of its table, class or path segment.
pub fn is_seen_twice(name: &str) -> bool {
    const THINGS: &[&str] = &[
        "order",
        "booking",
        "reservation",
        "purchase",
        "payment",
        "charge",
        "refund",
        "payout",
        "transfer",
        "withdrawal",
        "deposit",
        "invoice",
        "shipment",
        "donation",
        "transaction",
        "subscription",
        "checkout",
        "gift",
        "ride",
        "rental",
        "appointment",
        "pledge",
        "wager",
        "bid",
        "enrollment",
        "loan",
        "consignment",
        "parcel",
        "voucher",
        "redemption",
        "reimbursement",
        "disbursement",
        "remittance",
        "debit",
        "installment",
        "ticket",
        "trip",
        "prescription",
        "sale",
        "return",
        "topup",
        "pickup",
    ];
    // As entities are spelt in one word: `giftvoucher`, `supportticket`. What may end another word is left out.
    const ENDS: &[&str] = &[
        "appointment",
        "booking",
        "disbursement",
        "donation",
        "giftcard",
        "invoice",
        "payout",
        "purchase",
        "redemption",
        "refund",
        "refundrequest",
        "reimbursement",
        "remittance",
        "reservation",
        "returnrequest",
        "shipment",
        "supportticket",
        "voucher",
        "withdrawal",
    ];
    // Whose order it is, or what for: `customerorder`; a `sortorder` is none.
    const ORDERED: &[&str] = &[
        "client", "customer", "food", "guest", "lab", "laundry", "material", "meal", "part", "parts", "print",
        "purchase", "repair", "sales", "service", "shop", "store", "supply", "user", "work",
    ];
    let is_of_two = |word: &str| {
        let ends = THINGS.iter().filter_map(|thing| Some((*thing, word.strip_suffix(thing)?)));
        ends.into_iter().any(|(thing, first)| THINGS.contains(&first) || thing == "order" && ORDERED.contains(&first))
    };
    words(name).last().is_some_and(|word| {
        let word = entity_name(word);
        THINGS.contains(&word.as_str()) || ENDS.iter().any(|end| word.ends_with(end)) || is_of_two(&word)
    })
}

/// Verbs of what may be repeated: it asks, or sets a state.
const ASKS: &[&str] = &[
    "search",
    "query",
    "graphql",
    "count",
    "validate",
    "verify",
    "check",
    "lookup",
    "introspect",
    "token",
    "login",
    "authenticate",
    "auth",
    "preview",
    "estimate",
    "calculate",
    "heartbeat",
    "ping",
    "health",
    "refresh",
    "stop",
    "cancel",
    "close",
    "disable",
    "enable",
    "disconnect",
    "delete",
    "remove",
    "unlock",
    "release",
    "terminate",
    "kill",
    "renew",
    "revoke",
    "deactivate",
    "activate",
    "pause",
    "unpause",
    "resume",
    "abort",
    "status",
    "wait",
    "download",
    "unpause",
];

/// What a service works out of what it is sent, and keeps nothing of.
const COMPUTES: &[&str] = &[
    "classify",
    "convert",
    "embed",
    "embedding",
    "embeddings",
    "ocr",
    "parse",
    "predict",
    "render",
    "rerank",
    "summarize",
    "tokenize",
    "transcribe",
    "transcription",
    "transcriptions",
    "translate",
];

/// Whether a function may be repeated, as its name says: `stop_query`, `fetch_rates`, `upsert_order`.
pub fn is_repeatable_function(name: &str) -> bool {
    const ALSO: &[&str] = &["upsert", "ensure", "sync", "get", "fetch", "find", "list", "read"];
    words(name).iter().any(|word| ASKS.contains(&word.as_str()) || ALSO.contains(&word.as_str()))
}

/// Whether a procedure of another service changes something there, as its name says: `CreateShipment`, `/users.Users/Delete`.
pub fn is_change(name: &str) -> bool {
    const CHANGES: &[&str] = &[
        "activate",
        "add",
        "approve",
        "assign",
        "award",
        "book",
        "cancel",
        "capture",
        "charge",
        "confirm",
        "create",
        "credit",
        "deactivate",
        "debit",
        "delete",
        "disable",
        "dispatch",
        "enable",
        "enroll",
        "grant",
        "insert",
        "invite",
        "issue",
        "move",
        "notify",
        "pay",
        "place",
        "post",
        "provision",
        "publish",
        "put",
        "record",
        "redeem",
        "refund",
        "register",
        "reject",
        "release",
        "remove",
        "renew",
        "reserve",
        "revoke",
        "schedule",
        "send",
        "set",
        "ship",
        "store",
        "submit",
        "subscribe",
        "suspend",
        "transfer",
        "unregister",
        "unsubscribe",
        "update",
        "upsert",
        "void",
        "withdraw",
        "write",
    ];
    let last = name.rsplit(['/', '.']).next().unwrap_or(name);
    words(last).first().is_some_and(|word| CHANGES.contains(&word.as_str()))
}

/// Whether a request to this URL may be repeated whatever its method, as its last segment says: it asks (`/search`), or
/// puts something in a state that it may already be in (`/cancel`).
pub fn is_repeatable_action(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    // Object stores copy a named object to a named place, and put what is uploaded under its name.
    if path.split('/').any(|segment| matches!(segment, "copyTo" | "rewriteTo" | "moveTo" | "upload")) {
        return true;
    }
    let mut segments = path.rsplit(['/', ':']);
    let Some(last) = segments.next().filter(|last| !last.contains("{}")) else { return false };
    // `/quotes/{}/convert` does something to a quote; `/pdf/convert` only answers.
    let of_thing = segments.next() == Some("{}") && segments.next().is_some_and(|kind| !kind.is_empty());
    let words = words(last);
    words.iter().any(|word| ASKS.contains(&word.as_str()))
        || !of_thing && words.iter().any(|word| COMPUTES.contains(&word.as_str()))
}

/// One spelling for the names that a table, a model class and a collection share: `app.Orders`, `order`, `Order` → `order`.
pub fn entity_name(text: &str) -> String {
    let last = text.trim_matches(['"', '`', '[', ']', '\'']).rsplit(['.', '/', ':', '$']).next().unwrap_or(text);
    let mut name: String = words(last).concat();
    for suffix in ["model", "entity", "orm", "manager", "queryset", "repository"] {
        if name.len() > suffix.len() && name.ends_with(suffix) {
            name.truncate(name.len() - suffix.len());
            break;
        }
    }
    singular(&name)
}

fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 2) {
        return format!("{stem}y");
    }
    for suffix in ["sses", "shes", "ches", "xes", "zes"] {
        if let Some(stem) = word.strip_suffix("es").filter(|_| word.ends_with(suffix)) {
            return stem.to_owned();
        }
    }
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with('s') && !stem.ends_with('u') && !stem.ends_with('i') => {
            stem.to_owned()
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_alike_whatever_their_letters() {
        for (name, expected) in [
            ("DATABASE_READ_URL", &["database", "read", "url"][..]),
            ("readWriteDb", &["read", "write", "db"]),
            ("HTTPServer2Go", &["http", "server2", "go"]),
            ("a1B_c--D", &["a1", "b", "c", "d"]),
            ("__", &[]),
            ("X", &["x"]),
        ] {
            assert_eq!(words(name), expected, "{name}");
            // One letter that is none of ASCII, in a word of its own.
            let mut longer: Vec<&str> = expected.to_vec();
            longer.push("é");
            assert_eq!(words(&format!("{name}_é")), longer, "{name}");
            for name in [name.to_owned(), format!("{name}_é"), format!("É {name}")] {
                assert_eq!(letters(&name), words(&name).concat());
            }
        }
    }

    #[test]
    fn identifiers_fall_into_words() {
        assert_eq!(words("readOnlyDB"), ["read", "only", "db"]);
        assert_eq!(words("DATABASE_READ_URL"), ["database", "read", "url"]);
        assert_eq!(words("$replica"), ["replica"]);
        assert_eq!(words("HTTPClient2"), ["http", "client2"]);
    }

    #[test]
    fn roles_of_names() {
        for name in ["replicaPool", "DATABASE_READ_URL", "read_only", "$replica", "ReadReplica", "db_ro"] {
            assert_eq!(role_of_name(name, false), HandleRole::Replica, "{name}");
        }
        for name in ["pool", "readWriteDb", "spread", "thread_pool", "already", "proxy"] {
            assert_eq!(role_of_name(name, false), HandleRole::Unknown, "{name}");
        }
        assert_eq!(role_of_name("primary_db", false), HandleRole::Primary);
        assert_eq!(role_of_name("read_config", true), HandleRole::Unknown);
    }

    #[test]
    fn actions_that_may_be_repeated() {
        for url in [
            "{}/v1/search",
            "/oauth/token",
            "/runs/{}/cancel?now=1",
            "{}/_search/",
            "/dev/disconnect",
            "/b/{}/o/{}/copyTo/b/{}/o/{}",
            "{}/forms/convert",
            "https://speech.example.com/v1/audio:transcribe",
        ] {
            assert!(is_repeatable_action(url), "{url}");
        }
        for url in ["{}/v1/orders", "/charges", "{}", "", "/search/{}/items", "/quotes/{}/convert"] {
            assert!(!is_repeatable_action(url), "{url}");
        }
    }

    #[test]
    fn tables_and_classes_meet() {
        for name in ["orders", "Order", "public.orders", "OrderModel", "\"Orders\"", "OrderEntity"] {
            assert_eq!(entity_name(name), "order", "{name}");
        }
        assert_eq!(entity_name("order_items"), entity_name("OrderItem"));
        assert_eq!(entity_name("status"), "status");
        assert_eq!(entity_name("addresses"), "address");
    }
}
