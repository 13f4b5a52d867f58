//! Statements that ask how far a replica has come, or wait until it has.

use distsys_facts::VarId;

use super::reader::Reader;

/// Functions of databases that compare a replica's position with another, or wait for one.
const WAITS: &[&str] = &[
    "pg_last_wal_replay_lsn",
    "pg_last_wal_receive_lsn",
    "pg_last_xlog_replay_location",
    "pg_wal_replay_wait",
    "wait_for_executed_gtid_set",
    "wait_until_sql_thread_after_gtids",
    "master_pos_wait",
    "source_pos_wait",
    "master_gtid_wait",
];

impl Reader<'_, '_> {
    /// Whether the text of a statement asks for what a replica has replayed.
    pub(super) fn waits_for_replica(&self, statement: VarId) -> bool {
        let program = self.program;
        let written = program.template(self.root(statement)).map(|text| program.text(text));
        let written = self.constant(statement).or(written);
        written.is_some_and(|text| {
            let text = text.to_ascii_lowercase();
            WAITS.iter().any(|name| text.contains(name))
        })
    }
}
