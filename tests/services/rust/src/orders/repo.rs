use sqlx::{PgExecutor, PgPool};

#[derive(sqlx::FromRow, serde::Serialize, serde::Deserialize, Clone)]
pub struct Order {
    pub id: i64,
    pub user_id: i64,
    pub total: i64,
    pub state: String,
    pub version: i64,
    pub updated_at: chrono::DateTime<chrono::Utc>,
}

pub async fn insert<'e>(db: impl PgExecutor<'e>, user: i64, total: i64) -> sqlx::Result<Order> {
    sqlx::query_as::<_, Order>("INSERT INTO orders (user_id, total, state) VALUES ($1, $2, 'new') RETURNING *")
        .bind(user)
        .bind(total)
        .fetch_one(db)
        .await
}

pub async fn insert_once(db: &PgPool, user: i64, total: i64, key: &str) -> sqlx::Result<Option<Order>> {
    sqlx::query_as::<_, Order>("INSERT INTO orders (user_id, total, state, request_key) VALUES ($1, $2, 'new', $3) ON CONFLICT (request_key) DO NOTHING RETURNING *")
        .bind(user)
        .bind(total)
        .bind(key)
        .fetch_optional(db)
        .await
}

pub async fn find<'e>(db: impl PgExecutor<'e>, id: i64) -> sqlx::Result<Order> {
    sqlx::query_as::<_, Order>("SELECT * FROM orders WHERE id = $1").bind(id).fetch_one(db).await
}

pub async fn lock<'e>(db: impl PgExecutor<'e>, id: i64) -> sqlx::Result<Order> {
    sqlx::query_as::<_, Order>("SELECT * FROM orders WHERE id = $1 FOR UPDATE").bind(id).fetch_one(db).await
}

pub async fn set_total<'e>(db: impl PgExecutor<'e>, id: i64, total: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE orders SET total = $2 WHERE id = $1").bind(id).bind(total).execute(db).await?;  // finds: cache-not-invalidated
    Ok(())
}

pub async fn set_state<'e>(db: impl PgExecutor<'e>, id: i64, state: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE orders SET state = $2 WHERE id = $1").bind(id).bind(state).execute(db).await?;
    Ok(())
}

pub async fn set_state_versioned(db: &PgPool, id: i64, state: &str, version: i64) -> sqlx::Result<bool> {
    let done = sqlx::query("UPDATE orders SET state = $2, version = version + 1 WHERE id = $1 AND version = $3")  // finds: cache-not-invalidated
        .bind(id)
        .bind(state)
        .bind(version)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}
