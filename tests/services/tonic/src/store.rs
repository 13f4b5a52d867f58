use sqlx::{MySql, MySqlPool, Transaction};

#[derive(Clone)]
pub struct Store {
    primary: MySqlPool,
    replica: MySqlPool,
}

#[derive(sqlx::FromRow, serde::Serialize, serde::Deserialize, Clone)]
pub struct Account {
    pub id: i64,
    pub balance: i64,
    pub name: String,
    pub version: i64,
}

impl Store {
    pub async fn connect(primary: &str, replica_url: &str) -> anyhow::Result<Self> {
        Ok(Self { primary: MySqlPool::connect(primary).await?, replica: MySqlPool::connect(replica_url).await? })
    }

    pub async fn begin(&self) -> sqlx::Result<Transaction<'_, MySql>> {
        self.primary.begin().await
    }

    pub async fn account(&self, id: i64) -> sqlx::Result<Account> {
        sqlx::query_as("SELECT id, balance, name, version FROM accounts WHERE id = ?").bind(id).fetch_one(&self.primary).await
    }

    pub async fn account_lagging(&self, id: i64) -> sqlx::Result<Account> {
        sqlx::query_as("SELECT id, balance, name, version FROM accounts WHERE id = ?").bind(id).fetch_one(&self.replica).await // finds: write-then-replica-read
    }

    pub async fn set_balance(&self, id: i64, balance: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE accounts SET balance = ? WHERE id = ?").bind(balance).bind(id).execute(&self.primary).await?; // finds: cache-not-invalidated
        Ok(())
    }

    pub async fn set_balance_if(&self, id: i64, balance: i64, version: i64) -> sqlx::Result<bool> {
        let done = sqlx::query("UPDATE accounts SET balance = ?, version = version + 1 WHERE id = ? AND version = ?")
            .bind(balance)
            .bind(id)
            .bind(version)
            .execute(&self.primary)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    pub async fn rename(&self, id: i64, name: &str) -> sqlx::Result<()> {
        sqlx::query("UPDATE accounts SET name = ? WHERE id = ?").bind(name).bind(id).execute(&self.primary).await?;
        Ok(())
    }

    pub async fn add_transfer(&self, from: i64, to: i64, amount: i64) -> sqlx::Result<u64> {
        let done = sqlx::query("INSERT INTO transfers (source, target, amount) VALUES (?, ?, ?)") // finds: post-without-idempotency-key
            .bind(from)
            .bind(to)
            .bind(amount)
            .execute(&self.primary)
            .await?;
        Ok(done.last_insert_id())
    }

    pub async fn seen(&self, id: &str) -> sqlx::Result<bool> {
        let done = sqlx::query("INSERT IGNORE INTO seen_messages (id) VALUES (?)").bind(id).execute(&self.primary).await?;
        Ok(done.rows_affected() == 0)
    }

    pub async fn add(&self, id: i64, amount: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE accounts SET balance = balance + ? WHERE id = ?").bind(amount).bind(id).execute(&self.primary).await?; // finds: cache-not-invalidated
        Ok(())
    }
}
