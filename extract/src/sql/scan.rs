//! Looking at SQL without parsing it: whether it is worth a parse, and what can be said where that fails.

use distsys_facts::SqlVerb;

use super::Statement;

/// A statement without the comments before it: `-- name: CreateOrder :one`.
pub(super) fn without_head_comments(text: &str) -> &str {
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        let after = match (trimmed.strip_prefix("--"), trimmed.strip_prefix("/*")) {
            (Some(line), _) => line.split_once('\n').map(|(_, after)| after),
            (_, Some(block)) => block.split_once("*/").map(|(_, after)| after),
            _ => return rest,
        };
        match after {
            Some(after) => rest = after,
            None => return rest,
        }
    }
}

/// Whether a query takes a lock that stays until the transaction ends, or one that stays with the session until it is given
/// back, or gives such a one back.
pub(super) fn session_lock(text: &str) -> Option<&'static str> {
    const TAKES: &[&str] = &[
        "pg_advisory_lock",
        "pg_try_advisory_lock",
        "pg_advisory_lock_shared",
        "pg_try_advisory_lock_shared",
        "get_lock",
    ];
    const GIVES_BACK: &[&str] = &[
        "pg_advisory_unlock",
        "pg_advisory_unlock_shared",
        "pg_advisory_unlock_all",
        "release_lock",
        "release_all_locks",
    ];
    const TAKES_FOR_TRANSACTION: &[&str] = &[
        "pg_advisory_xact_lock",
        "pg_advisory_xact_lock_shared",
        "pg_try_advisory_xact_lock",
        "pg_try_advisory_xact_lock_shared",
    ];
    let mut called = text.split('(').map(|before| {
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        before.get(start..).unwrap_or_default().to_ascii_lowercase()
    });
    called.find_map(|name| match name.as_str() {
        name if TAKES.contains(&name) => Some("session_lock"),
        name if TAKES_FOR_TRANSACTION.contains(&name) => Some("transaction_lock"),
        name if GIVES_BACK.contains(&name) => Some("session_unlock"),
        _ => None,
    })
}

/// Whether a text may be SQL: a verb first, and for those that are English words too, the keyword that SQL has next.
pub(super) fn may_be_sql(text: &str) -> bool {
    let trimmed = text.trim_start();
    let first: String =
        trimmed.chars().take_while(char::is_ascii_alphabetic).flat_map(char::to_uppercase).take(12).collect();
    let has = |keywords: &[&str]| {
        let upper = trimmed.to_ascii_uppercase();
        keywords
            .iter()
            .any(|keyword| upper.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == *keyword))
    };
    let rest = trimmed.get(first.len()..).unwrap_or("").trim();
    match first.as_str() {
        "SELECT" => has(&["FROM"]) && shaped(rest) || rest.contains('('),
        "INSERT" | "REPLACE" => {
            has(&["INTO"]) && has(&["VALUES", "SELECT", "DEFAULT"]) || filled(rest, &["INTO", "", "{}"])
        }
        "UPDATE" => has(&["SET"]) && (text.contains('=') || filled(rest, &["", "SET", "{}"])),
        "DELETE" => has(&["FROM"]) && shaped(rest),
        "WITH" => has(&["AS"]) && text.contains('(') && has(&["SELECT", "INSERT", "UPDATE", "DELETE"]),
        "MERGE" => has(&["INTO"]) && has(&["USING"]),
        "BEGIN" | "COMMIT" | "ROLLBACK" => {
            let rest = rest.trim_end_matches(';').trim().to_ascii_uppercase();
            rest.is_empty()
                && text.trim().trim_end_matches(';') == text.trim().trim_end_matches(';').to_ascii_uppercase()
                || ["TRANSACTION", "WORK", "IMMEDIATE", "EXCLUSIVE"].contains(&rest.as_str())
                || ["ISOLATION LEVEL ", "TRANSACTION ISOLATION LEVEL "].iter().any(|start| rest.starts_with(start))
        }
        "SET" => is_serializable(trimmed),
        "START" => rest.to_ascii_uppercase().starts_with("TRANSACTION"),
        "CREATE" | "ALTER" | "DROP" => has(&["TABLE", "INDEX"]),
        "TRUNCATE" => rest.split_whitespace().count() <= 3 && !rest.is_empty(),
        _ => false,
    }
}

/// `SET TRANSACTION ISOLATION LEVEL SERIALIZABLE`
pub(super) fn is_serializable(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let words: Vec<&str> = upper.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.first() == Some(&"SET")
        && words.contains(&"TRANSACTION")
        && words.ends_with(&["ISOLATION", "LEVEL", "SERIALIZABLE"])
}

/// Whether the text begins with these words, of which an empty one is any: what the driver makes of an object stands in the hole
/// (`` sql`insert into orders ${sql(row)}` ``).
fn filled(rest: &str, words: &[&str]) -> bool {
    let mut given = rest.split_whitespace();
    words.iter().all(|word| given.next().is_some_and(|found| word.is_empty() || found.eq_ignore_ascii_case(word)))
}

/// Prose has neither operators, stars nor names with underscores, and is not written in capitals.
fn shaped(rest: &str) -> bool {
    rest.contains(['=', '*', '_', '(', ',', '<', '>', '?', '$', '{', '%', '"', '`', ';'])
        || rest.split_whitespace().any(|word| matches!(word, "FROM" | "WHERE"))
        || has_clause(rest)
}

/// `… limit 20`, `… order by name`
fn has_clause(rest: &str) -> bool {
    let lower = rest.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    words.windows(2).any(|pair| match pair {
        ["order" | "group", "by"] | ["for", "update" | "share"] => true,
        ["limit", count] => count.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    })
}

/// Placeholders of drivers and holes of templates as text that every dialect parses.
pub(super) fn without_placeholders(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    let mut holes = 0usize;
    let mut hole = String::new();
    while let Some(c) = rest.chars().next() {
        let width = c.len_utf8();
        // The caller's holes are told apart, wherever they stand.
        if rest.starts_with("{}") {
            hole = format!("hole{holes}");
            holes += 1;
        }
        let (replacement, length) = match c {
            '\'' => {
                in_string = !in_string;
                (None, width)
            }
            _ if in_string => (None, width),
            '%' if rest.starts_with("%s") => (Some("$1"), 2),
            '%' if rest.starts_with("%(") => match rest.find(")s") {
                Some(end) => (Some("$1"), end + 2),
                None => (None, width),
            },
            '{' if rest.starts_with("{}") => (Some(hole.as_str()), 2),
            // MyBatis: a value, and text; what a template of Spring Data names is the entity.
            '#' | '$' if rest[1..].starts_with('{') => {
                let end = rest.find('}').map_or(rest.len(), |end| end + 1);
                (Some(if c == '$' || rest[2..].starts_with('#') { "hole" } else { "$1" }), end)
            }
            // The schema or the table itself: `?1.orders`.
            '?' => {
                let end = 1 + rest[1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - 1);
                (Some(if rest[end..].starts_with('.') { "hole" } else { "$1" }), end)
            }
            '@' if starts_name(&rest[1..]) => (Some("$1"), 1 + name_length(&rest[1..])),
            ':' if rest.starts_with("::") => (None, 2),
            ':' if starts_name(&rest[1..]) => (Some("$1"), 1 + name_length(&rest[1..])),
            _ => (None, width),
        };
        match replacement {
            Some(text) => {
                // `orders_{}` is one name.
                if text == "$1" && out.ends_with(|c: char| c.is_alphanumeric()) {
                    out.push(' ');
                }
                out.push_str(text);
            }
            None => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    out
}

fn starts_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn name_length(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Verb and table of a statement that no parser takes.
pub(super) fn statement(text: &str) -> Option<Statement> {
    let mut words = text.split(|c: char| c.is_whitespace() || c == '(' || c == ',').filter(|word| !word.is_empty());
    let upper = text.to_ascii_uppercase();
    let first = words.next()?.to_ascii_uppercase();
    let (verb, before) = match first.as_str() {
        "SELECT" | "WITH" => (SqlVerb::Select, "FROM"),
        "INSERT" | "REPLACE" | "MERGE" => (SqlVerb::Insert, "INTO"),
        "UPDATE" => (SqlVerb::Update, "UPDATE"),
        "DELETE" => (SqlVerb::Delete, "FROM"),
        _ => return None,
    };
    let mut after = text
        .split(|c: char| c.is_whitespace() || c == '(')
        .filter(|word| !word.is_empty())
        .skip_while(|word| !word.eq_ignore_ascii_case(before));
    after.next();
    let table = after
        .find(|word| !matches!(word.to_ascii_uppercase().as_str(), "ONLY" | "IGNORE" | "LOW_PRIORITY" | "INTO"))?;
    let table = table.rsplit('.').next().unwrap_or(table).trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let mut found = Statement::new(verb, table.to_owned());
    for (clause, name) in [
        ("FOR UPDATE", "for_update"),
        ("FOR NO KEY UPDATE", "for_update"),
        ("FOR SHARE", "for_share"),
        ("FOR KEY SHARE", "for_share"),
        ("ON CONFLICT", "on_conflict"),
        ("ON DUPLICATE KEY", "on_conflict"),
        ("SKIP LOCKED", "skip_locked"),
    ] {
        if upper.contains(clause) {
            found.clauses.push(name);
        }
    }
    Some(found)
}

/// What the named parts write of a statement that no parser takes: `changed AS (UPDATE orders …)`.
pub(super) fn written_parts(text: &str) -> Vec<Statement> {
    let mut words = text.split(|c: char| c.is_whitespace()).filter(|word| !word.is_empty()).peekable();
    if !words.peek().is_some_and(|first| first.eq_ignore_ascii_case("WITH")) {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        let before = rest[..at].trim_end();
        let is_part = before.get(before.len().saturating_sub(3)..).is_some_and(|end| end.eq_ignore_ascii_case(" as"));
        rest = &rest[at + 1..];
        parts.extend(statement(rest).filter(|part| is_part && part.verb != SqlVerb::Select).map(|mut part| {
            part.clauses.clear();
            part
        }));
    }
    parts
}
