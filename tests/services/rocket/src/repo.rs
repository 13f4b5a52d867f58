use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use crate::schema::{bids, handled_messages, lots, payouts};

#[derive(Queryable, Selectable, serde::Serialize, serde::Deserialize, Clone)]
#[diesel(table_name = lots)]
pub struct Lot {
    pub id: i32,
    pub title: String,
    pub price: i32,
    pub seller: i32,
    pub revision: i32,
}

#[async_trait]
pub trait Lots: Send + Sync {
    async fn find(&self, id: i32) -> anyhow::Result<Lot>;
    async fn find_stale(&self, id: i32) -> anyhow::Result<Lot>;
    async fn set_price(&self, id: i32, price: i32) -> anyhow::Result<()>;
    async fn set_price_at(&self, id: i32, price: i32, revision: i32) -> anyhow::Result<bool>;
    async fn raise(&self, id: i32, by: i32) -> anyhow::Result<()>;
    async fn retitle(&self, id: i32, title: &str) -> anyhow::Result<()>;
}

pub struct PgLots {
    pool: Pool<AsyncPgConnection>,
    read_replica: Pool<AsyncPgConnection>,
}

#[async_trait]
impl Lots for PgLots {
    async fn find(&self, id: i32) -> anyhow::Result<Lot> {
        let mut conn = self.pool.get().await?;
        Ok(lots::table.find(id).select(Lot::as_select()).first(&mut conn).await?)
    }

    async fn find_stale(&self, id: i32) -> anyhow::Result<Lot> {
        let mut conn = self.read_replica.get().await?;
        Ok(lots::table.find(id).select(Lot::as_select()).first(&mut conn).await?) // finds: write-then-replica-read
    }

    async fn set_price(&self, id: i32, price: i32) -> anyhow::Result<()> {
        let mut conn = self.pool.get().await?;
        diesel::update(lots::table.find(id)).set(lots::price.eq(price)).execute(&mut conn).await?;
        Ok(())
    }

    async fn set_price_at(&self, id: i32, price: i32, revision: i32) -> anyhow::Result<bool> {
        let mut conn = self.pool.get().await?;
        let changed = diesel::update(lots::table.filter(lots::id.eq(id)).filter(lots::revision.eq(revision)))
            .set((lots::price.eq(price), lots::revision.eq(revision + 1)))
            .execute(&mut conn)
            .await?;
        Ok(changed == 1)
    }

    async fn raise(&self, id: i32, by: i32) -> anyhow::Result<()> {
        let mut conn = self.pool.get().await?;
        diesel::update(lots::table.find(id)).set(lots::price.eq(lots::price + by)).execute(&mut conn).await?;
        Ok(())
    }

    async fn retitle(&self, id: i32, title: &str) -> anyhow::Result<()> {
        let mut conn = self.pool.get().await?;
        diesel::update(lots::table.find(id)).set(lots::title.eq(title)).execute(&mut conn).await?;
        Ok(())
    }
}

pub async fn add_bid(pool: &Pool<AsyncPgConnection>, lot: i32, amount: i32, bidder: i32) -> anyhow::Result<usize> {
    let mut conn = pool.get().await?;
    Ok(diesel::insert_into(bids::table) // finds: post-without-idempotency-key
        .values((bids::lot_id.eq(lot), bids::amount.eq(amount), bids::bidder.eq(bidder)))
        .execute(&mut conn)
        .await?)
}

pub async fn first_time(conn: &mut AsyncPgConnection, id: &str) -> QueryResult<bool> {
    let inserted = diesel::insert_into(handled_messages::table)
        .values(handled_messages::id.eq(id))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(inserted == 1)
}
