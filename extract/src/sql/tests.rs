use super::*;

fn one(text: &str) -> Statement {
    read(text).into_iter().next().unwrap_or_else(|| panic!("no SQL in {text}"))
}

#[test]
fn a_comment_may_come_first() {
    assert_eq!(one("-- name: Count :one\nSELECT count(*) FROM \"Order\"").table, "Order");
    assert_eq!(one("/* billing */ DELETE FROM orders WHERE id = $1").verb, SqlVerb::Delete);
}

#[test]
fn verbs_tables_and_clauses() {
    let read = one("SELECT * FROM public.orders WHERE id = $1 FOR UPDATE");
    assert_eq!((read.verb, read.table.as_str(), &read.clauses[..]), (SqlVerb::Select, "orders", &["for_update"][..]));
    let write = one("UPDATE accounts SET balance = balance - %s WHERE id = %(id)s");
    assert_eq!(
        (write.verb, write.table.as_str(), &write.clauses[..]),
        (SqlVerb::Update, "accounts", &["increment"][..])
    );
    let versioned = one("UPDATE quotas SET bytes = $1, version = version + 1 WHERE tenant = $2");
    assert!(versioned.clauses.is_empty());
    assert_eq!(one("UPDATE quotas SET version = version + 1 WHERE tenant = $1").clauses, ["increment"]);
    assert_eq!(one("INSERT INTO t (a) VALUES (?) ON CONFLICT DO NOTHING").clauses, ["on_conflict"]);
    assert_eq!(one("INSERT INTO t (a) VALUES (:a) ON DUPLICATE KEY UPDATE a = 1").clauses, ["on_conflict"]);
    for kept in ["a = excluded.a", "b = t.b", "a = excluded.a, b = b"] {
        let text = format!("INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET {kept} RETURNING id");
        assert_eq!(one(&text).clauses, ["on_conflict", "if_absent", "returning"], "{kept}");
    }
    for set in ["b = excluded.b", "b = excluded.b + 1", "b = GREATEST(t.b, excluded.b)"] {
        let text = format!("INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET {set}");
        assert_eq!(one(&text).clauses, ["on_conflict"], "{set}");
    }
    let adding = "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = t.b + excluded.b";
    assert_eq!(one(adding).clauses, ["on_conflict", "increment"]);
    let adding = "INSERT INTO t (a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE b = b + VALUES(b)";
    assert_eq!(one(adding).clauses, ["on_conflict", "increment"]);
    assert_eq!(one("UPDATE jobs SET state = 'done' WHERE id = ? AND state = 'new'").clauses, ["atomic_where"]);
    assert_eq!(one("UPDATE jobs SET leasedUntil = ? WHERE id = ? AND leasedUntil = ?").clauses, ["atomic_where"]);
    let lease = one(
        "INSERT INTO locks (id, lease_until) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until WHERE locks.lease_until <= now()",
    );
    assert_eq!(
        (&lease.clauses[..], &lease.where_columns[..]),
        (&["on_conflict", "takes_over"][..], &["id".to_owned()][..])
    );
    let taken =
        one("UPDATE locks SET owner = ?, expires_at = ? WHERE id = ? AND (expires_at IS NULL OR expires_at < ?)");
    assert_eq!(taken.clauses, ["atomic_where", "takes_over"]);
    let claim = "WITH new AS (INSERT INTO seen (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id)";
    for (rest, clauses) in [
        ("UPDATE t SET n = n + 1 WHERE EXISTS (SELECT 1 FROM new)", &["increment", "atomic_where"][..]),
        ("UPDATE t SET n = n + 1 FROM new WHERE t.id = new.id", &["increment", "atomic_where"]),
        ("INSERT INTO bills (id) SELECT id FROM new", &["atomic_where"]),
        ("UPDATE t SET n = n + 1 WHERE NOT EXISTS (SELECT 1 FROM new)", &["increment"]),
        ("UPDATE t SET n = n + 1 WHERE id = $2", &["increment"]),
    ] {
        assert_eq!(one(&format!("{claim} {rest}")).clauses, clauses, "{rest}");
    }
    // Who prolongs asks for the end, not for which of two changes is the newer.
    assert_eq!(one("UPDATE locks SET expires_at = ? WHERE id = ? AND expires_at > ?").clauses, ["atomic_where"]);
    assert_eq!(
        one("UPDATE profiles SET updated_at = ? WHERE id = ? AND updated_at < ?").clauses,
        ["atomic_where", "newer_wins"]
    );
    let put = "INSERT INTO seats (id, taken, seen_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET";
    let later = "WHERE excluded.seen_at > seats.seen_at";
    for (set, wins) in
        [("taken = excluded.taken, seen_at = excluded.seen_at", true), ("seen_at = excluded.seen_at", false)]
    {
        let clauses = one(&format!("{put} {set} {later}")).clauses;
        assert_eq!(clauses.contains(&"newer_wins"), wins, "{set}");
    }
    let own_clock = put.replace("$3", "now()");
    let clauses = one(&format!("{own_clock} taken = excluded.taken, seen_at = excluded.seen_at {later}")).clauses;
    assert_eq!(clauses, ["on_conflict"]);
    for (asked, wins) in [("seen_at < $3", true), ("seen_at < $4", false)] {
        let clauses = one(&format!("UPDATE seats SET taken = $2, seen_at = $3 WHERE id = $1 AND {asked}")).clauses;
        assert_eq!(clauses.contains(&"newer_wins"), wins, "{asked}");
    }
    let mapped = one("update lots set taken = taken + #{n} where code = #{code, jdbcType=VARCHAR}");
    assert_eq!((mapped.table.as_str(), &mapped.clauses[..]), ("lots", &["increment"][..]));
    let script = one("<script>update lots set n = n + 1 <if test=\"code != null\">where code = #{code}</if></script>");
    assert_eq!((script.table.as_str(), &script.clauses[..]), ("lots", &["increment"][..]));
    let tagged = one("<script>update lots <set>n = n + 1</set> <where>a <> 'x' and code = #{code}</where></script>");
    assert_eq!((tagged.table.as_str(), &tagged.clauses[..]), ("lots", &["increment"][..]));
    assert_eq!(one("select e from #{#entityName} e where e.id = ?1").verb, SqlVerb::Select);
    assert_eq!(one("BEGIN").columns, ["begin"]);
    assert_eq!(one("DELETE FROM carts WHERE user_id = {}").table, "carts");
    assert_eq!(one("INSERT INTO {} (a) VALUES (1)").verb, SqlVerb::Insert);
}

#[test]
fn what_named_parts_write_is_done() {
    let all = |text: &str| -> Vec<(SqlVerb, String)> {
        read(text).into_iter().map(|statement| (statement.verb, statement.table)).collect()
    };
    let gone = "WITH gone AS (DELETE FROM jobs WHERE due < now() RETURNING id)";
    assert_eq!(all(&format!("{gone} SELECT id FROM gone")), [(SqlVerb::Delete, "jobs".to_owned())]);
    assert_eq!(
        all(&format!(
            "{gone}, kept AS (INSERT INTO archive SELECT id FROM gone RETURNING id) SELECT count(*) FROM kept"
        )),
        [(SqlVerb::Delete, "jobs".to_owned()), (SqlVerb::Insert, "archive".to_owned())]
    );
    assert_eq!(
        all(&format!("{gone} INSERT INTO runs (job) SELECT id FROM gone")),
        [(SqlVerb::Insert, "runs".to_owned()), (SqlVerb::Delete, "jobs".to_owned())]
    );
    let due = one("WITH due AS (SELECT id FROM jobs WHERE state = 'new' FOR UPDATE SKIP LOCKED) SELECT id FROM due");
    assert_eq!((due.table.as_str(), &due.clauses[..]), ("jobs", &["for_update", "skip_locked"][..]));
    assert_eq!(due.where_columns, ["state"]);
    let odd = "WITH batch (id) AS (?0), changed AS (\n UPDATE ?1.account a SET seen = 1 FROM batch b RETURNING a.id) SELECT * FROM changed";
    assert_eq!(all(odd)[1..], [(SqlVerb::Update, "account".to_owned())]);
    let picked = "WITH picked AS (SELECT id FROM jobs LIMIT 9 FOR UPDATE SKIP LOCKED)";
    let claim = one(&format!("{picked} UPDATE jobs SET state = 'taken' FROM picked WHERE jobs.id = picked.id"));
    assert_eq!(claim.clauses, ["for_update", "skip_locked"]);
}

#[test]
fn locks_that_the_session_holds() {
    assert_eq!(one("SELECT pg_try_advisory_lock($1)").clauses, ["session_lock"]);
    assert_eq!(one("select get_lock('jobs', 10)").clauses, ["session_lock"]);
    assert_eq!(one("SELECT pg_advisory_unlock_all()").clauses, ["session_unlock"]);
    assert_eq!(one("SELECT pg_advisory_xact_lock({})").clauses, ["transaction_lock"]);
    assert_eq!(one("SELECT budget_lock(1)").clauses, [""; 0]);
}

#[test]
fn text_that_is_no_sql_is_let_be() {
    for text in [
        "select a file",
        "Update your order",
        "delete",
        "Insert coin",
        "begin with the end",
        "commit often",
        "With love",
        "select one of them from the list",
        "insert {} into {}",
        "update your settings, {}",
    ] {
        assert!(read(text).is_empty(), "{text}: {:?}", read(text));
    }
}

#[test]
fn what_does_not_parse_still_has_verb_and_table() {
    let odd = one("UPDATE orders SET (( WHERE nothing = 1");
    assert_eq!((odd.verb, odd.table.as_str()), (SqlVerb::Update, "orders"));
    let row = one("insert into orders {}");
    assert_eq!((row.verb, row.table.as_str()), (SqlVerb::Insert, "orders"));
    assert_eq!(one("update {} set state = {} where id = {}").table, "{0}");
    assert_eq!(one("select {} from {} where id = $1").table, "{1}");
    assert_eq!(one("select * from {}_archive where note = '{}' and id = {}").table, "");
    let set = one("update orders set {} where id = {}");
    assert_eq!((set.verb, set.table.as_str()), (SqlVerb::Update, "orders"));
}
