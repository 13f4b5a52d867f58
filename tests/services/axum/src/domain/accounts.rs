use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QuerySelect, Set, TransactionTrait};

use super::entities::account;
use crate::infra::cache::Cache;
use crate::infra::locks::Locks;

fn key(id: i64) -> String {
    format!("account:{id}")
}

pub async fn find(db: &DatabaseConnection, cache: &Cache, id: i64) -> anyhow::Result<Option<String>> {
    if let Some(owner) = cache.get::<String>(&key(id)).await? {
        return Ok(Some(owner));
    }
    let found = account::Entity::find_by_id(id).one(db).await?; // finds: cache-stampede
    let Some(found) = found else { return Ok(None) };
    cache.put(&key(id), &found.owner, 300).await?;
    Ok(Some(found.owner))
}

pub async fn rename(db: &DatabaseConnection, cache: &Cache, id: i64, owner: String) -> anyhow::Result<()> {
    account::ActiveModel { id: Set(id), owner: Set(owner), ..Default::default() }.update(db).await?;
    cache.forget(&key(id)).await
}

pub async fn rename_all(db: &DatabaseConnection, from: &str, to: &str) -> anyhow::Result<()> {
    account::Entity::update_many() // finds: cache-not-invalidated
        .col_expr(account::Column::Owner, Expr::value(to))
        .filter(account::Column::Owner.eq(from))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn deposit(db: &DatabaseConnection, id: i64, cents: i64) -> anyhow::Result<()> {
    let found = account::Entity::find_by_id(id).one(db).await?.ok_or_else(|| anyhow::anyhow!("no account"))?;
    let balance = found.cents + cents;
    let mut active: account::ActiveModel = found.into();
    active.cents = Set(balance);
    active.update(db).await?; // finds: lost-update
    Ok(())
}

pub async fn deposit_atomic(db: &DatabaseConnection, id: i64, cents: i64) -> anyhow::Result<()> {
    account::Entity::update_many()
        .col_expr(account::Column::Cents, Expr::col(account::Column::Cents).add(cents))
        .filter(account::Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn deposit_locked(db: &DatabaseConnection, id: i64, cents: i64) -> anyhow::Result<()> {
    let tx = db.begin().await?;
    let found = account::Entity::find_by_id(id).lock_exclusive().one(&tx).await?.ok_or_else(|| anyhow::anyhow!("no account"))?;
    let balance = found.cents + cents;
    let mut active: account::ActiveModel = found.into();
    active.cents = Set(balance);
    active.update(&tx).await?;
    tx.commit().await?;
    Ok(())
}

pub async fn deposit_versioned(db: &DatabaseConnection, id: i64, cents: i64) -> anyhow::Result<()> {
    let found = account::Entity::find_by_id(id).one(db).await?.ok_or_else(|| anyhow::anyhow!("no account"))?;
    let changed = account::Entity::update_many()
        .col_expr(account::Column::Cents, Expr::value(found.cents + cents))
        .col_expr(account::Column::Version, Expr::value(found.version + 1))
        .filter(account::Column::Id.eq(id))
        .filter(account::Column::Version.eq(found.version))
        .exec(db)
        .await?;
    anyhow::ensure!(changed.rows_affected == 1, "changed meanwhile");
    Ok(())
}

pub async fn settle(db: &DatabaseConnection, locks: &Locks, id: i64, cents: i64) -> anyhow::Result<()> {
    locks
        .with(&format!("account-{id}"), 10, || async move {
            let found = account::Entity::find_by_id(id).one(db).await?.ok_or_else(|| anyhow::anyhow!("no account"))?;
            let mut active: account::ActiveModel = found.clone().into();
            active.cents = Set(found.cents - cents);
            active.update(db).await?; // finds: lock-without-fenced-write
            Ok(())
        })
        .await
}

pub async fn rename_and_show(db: &DatabaseConnection, replica: &DatabaseConnection, cache: &Cache, id: i64, owner: String) -> anyhow::Result<Option<account::Model>> {
    rename(db, cache, id, owner).await?;
    Ok(account::Entity::find_by_id(id).one(replica).await?) // finds: write-then-replica-read
}

pub async fn withdraw(db: &DatabaseConnection, replica: &DatabaseConnection, id: i64, cents: i64) -> anyhow::Result<()> {
    let found = account::Entity::find_by_id(id).one(replica).await?.ok_or_else(|| anyhow::anyhow!("no account"))?; // finds: replica-read-modify-write
    anyhow::ensure!(found.cents >= cents, "too little");
    account::ActiveModel { id: Set(id), cents: Set(found.cents - cents), ..Default::default() }.update(db).await?;
    Ok(())
}

pub async fn merge(db: &DatabaseConnection, incoming: account::Model) -> anyhow::Result<()> {
    let known = account::Entity::find_by_id(incoming.id).one(db).await?.ok_or_else(|| anyhow::anyhow!("no account"))?;
    if incoming.updated_at > known.updated_at {
        let mut active: account::ActiveModel = known.into();
        active.cents = Set(incoming.cents);
        active.updated_at = Set(incoming.updated_at);
        active.update(db).await?; // finds: last-write-wins
    }
    Ok(())
}
