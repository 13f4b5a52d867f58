use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::scoped_futures::ScopedFutureExt;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use lapin::options::BasicPublishOptions;
use lapin::BasicProperties;
use tokio::sync::Mutex;

use crate::cache::Cache;
use crate::gateway::Gateway;
use crate::repo::{Lot, Lots};
use crate::schema::{lots, payouts};

pub struct Auctions {
    pub lots: Arc<dyn Lots>,
    pub pool: Pool<AsyncPgConnection>,
    pub gateway: Arc<Gateway>,
    pub cache: Cache,
    pub channel: lapin::Channel,
    pub open: Mutex<Vec<i32>>,
}

impl Auctions {
    pub async fn lot(&self, id: i32) -> anyhow::Result<Lot> {
        self.cache.get_or_load(&format!("lot:{id}"), 60, || self.lots.find(id)).await
    }

    pub async fn retitle(&self, id: i32, title: &str) -> anyhow::Result<()> {
        self.lots.retitle(id, title).await?;
        self.cache.forget(&format!("lot:{id}")).await
    }

    pub async fn discount(&self, id: i32, price: i32) -> anyhow::Result<()> {
        self.lots.set_price(id, price).await // finds: cache-not-invalidated
    }

    pub async fn bump(&self, id: i32, by: i32) -> anyhow::Result<()> {
        let lot = self.lots.find(id).await?;
        self.lots.set_price(id, lot.price + by).await?; // finds: lost-update
        self.cache.forget(&format!("lot:{id}")).await
    }

    pub async fn bump_safely(&self, id: i32, by: i32) -> anyhow::Result<()> {
        let lot = self.lots.find(id).await?;
        anyhow::ensure!(self.lots.set_price_at(id, lot.price + by, lot.revision).await?, "somebody else was faster");
        self.cache.forget(&format!("lot:{id}")).await
    }

    pub async fn bump_in_database(&self, id: i32, by: i32) -> anyhow::Result<()> {
        self.lots.raise(id, by).await?;
        self.cache.forget(&format!("lot:{id}")).await
    }

    pub async fn publish_title(&self, id: i32, title: &str) -> anyhow::Result<Lot> {
        self.retitle(id, title).await?;
        self.lots.find_stale(id).await
    }

    pub async fn close(&self, id: i32, amount: i32) -> anyhow::Result<()> {
        let mut conn = self.pool.get().await?;
        let gateway = self.gateway.clone();
        conn.transaction::<_, anyhow::Error, _>(|conn| {
            async move {
                diesel::insert_into(payouts::table)
                    .values((payouts::lot_id.eq(id), payouts::amount.eq(amount)))
                    .execute(conn)
                    .await?;
                gateway.charge_once(id, 1, amount).await?; // finds: remote-call-in-transaction
                Ok(())
            }
            .scope_boxed()
        })
        .await
    }

    pub async fn close_and_tell(&self, id: i32, amount: i32) -> anyhow::Result<()> {
        let mut conn = self.pool.get().await?;
        conn.transaction::<_, anyhow::Error, _>(|conn| {
            async move {
                diesel::insert_into(payouts::table)
                    .values((payouts::lot_id.eq(id), payouts::amount.eq(amount)))
                    .execute(conn)
                    .await?;
                self.tell("closed", id).await // finds: enqueue-before-commit
            }
            .scope_boxed()
        })
        .await
    }

    pub async fn close_then_tell(&self, id: i32, amount: i32) -> anyhow::Result<()> {
        let mut conn = self.pool.get().await?;
        diesel::insert_into(payouts::table)
            .values((payouts::lot_id.eq(id), payouts::amount.eq(amount)))
            .execute(&mut conn)
            .await?;
        self.tell("closed", id).await // finds: dual-write
    }

    async fn tell(&self, key: &str, id: i32) -> anyhow::Result<()> {
        self.channel
            .basic_publish("auctions", key, BasicPublishOptions::default(), id.to_string().as_bytes(), BasicProperties::default())
            .await?
            .await?;
        Ok(())
    }

    pub async fn appraise(&self, id: i32) -> anyhow::Result<()> {
        let owner = ulid::Ulid::new().to_string();
        if !self.cache.try_lock(&format!("appraise-{id}"), &owner, 3_000).await? {
            return Ok(());
        }
        let seller = self.gateway.seller(id).await?; // finds: lock-not-released-on-error
        self.lots.set_price(id, seller.len() as i32).await?; // finds: cache-not-invalidated, lock-without-fenced-write
        self.cache.unlock(&format!("appraise-{id}"), &owner).await
    }

    pub async fn count_open(&self, id: i32) -> anyhow::Result<usize> {
        let mut open = self.open.lock().await;
        let seller = self.gateway.seller(id).await?; // finds: lock-held-across-await
        open.push(seller.len() as i32);
        Ok(open.len())
    }

    pub async fn count_open_quickly(&self, id: i32) -> anyhow::Result<usize> {
        let seller = self.gateway.seller(id).await?;
        let mut open = self.open.lock().await;
        open.push(seller.len() as i32);
        Ok(open.len())
    }

    pub async fn sellers(&self, ids: Vec<i32>) -> Vec<String> {
        futures::future::join_all(ids.iter().map(|id| self.gateway.seller(*id))).await.into_iter().flatten().collect() // finds: unbounded-fanout
    }

    pub async fn sellers_in_turn(&self, ids: Vec<i32>) -> Vec<String> {
        use futures::StreamExt;
        futures::stream::iter(ids).map(|id| self.gateway.seller(id)).buffer_unordered(4).filter_map(|found| async { found.ok() }).collect().await
    }
}
