use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use redis::AsyncCommands;
use tokio::sync::{mpsc, Mutex, Semaphore};
use tonic::{Request, Response, Status};

use crate::bank::Bank;
use crate::lock::Locks;
use crate::pb::ledger_server::Ledger;
use crate::pb::{BalanceReply, BalanceRequest, RatesReply, RatesRequest, TransferReply, TransferRequest};
use crate::store::{Account, Store};

pub struct LedgerService {
    pub store: Store,
    pub bank: Arc<Bank>,
    pub locks: Locks,
    pub redis: redis::aio::MultiplexedConnection,
    pub nats: async_nats::jetstream::Context,
    pub audit: mpsc::UnboundedSender<String>,
    pub totals: Mutex<i64>,
    pub gate: Arc<Semaphore>,
}

fn internal<E: std::fmt::Display>(error: E) -> Status {
    Status::internal(error.to_string())
}

#[tonic::async_trait]
impl Ledger for LedgerService {
    async fn transfer(&self, request: Request<TransferRequest>) -> Result<Response<TransferReply>, Status> {
        let order = request.into_inner();
        let id = self.store.add_transfer(order.source, order.target, order.amount).await.map_err(internal)?;
        self.nats.publish("transfers.created", id.to_string().into()).await.map_err(internal)?; // finds: dual-write, floating-effect
        let _ = self.audit.send(format!("transfer {id}"));
        Ok(Response::new(TransferReply { id }))
    }

    async fn rates(&self, request: Request<RatesRequest>) -> Result<Response<RatesReply>, Status> {
        let currencies = request.into_inner().currencies;
        let calls = currencies.iter().map(|currency| self.bank.rate(currency));
        let rates = join_all(calls).await.into_iter().collect::<Result<Vec<_>, _>>().map_err(internal)?; // finds: unbounded-fanout
        Ok(Response::new(RatesReply { rates }))
    }

    async fn balance(&self, request: Request<BalanceRequest>) -> Result<Response<BalanceReply>, Status> {
        let account = self.cached_account(request.into_inner().account).await.map_err(internal)?;
        Ok(Response::new(BalanceReply { balance: account.balance }))
    }
}

impl LedgerService {
    async fn cached_account(&self, id: i64) -> anyhow::Result<Account> {
        let mut con = self.redis.clone();
        let key = format!("account:{id}");
        if let Some(text) = con.get::<_, Option<String>>(&key).await? {
            return Ok(serde_json::from_str(&text)?);
        }
        let account = self.store.account(id).await?; // finds: cache-stampede
        con.set_ex::<_, _, ()>(&key, serde_json::to_string(&account)?, 300).await?;
        Ok(account)
    }

    pub async fn rename(&self, id: i64, name: &str) -> anyhow::Result<()> {
        self.store.rename(id, name).await?;
        self.redis.clone().del::<_, ()>(format!("account:{id}")).await?;
        Ok(())
    }

    pub async fn withdraw(&self, id: i64, amount: i64) -> anyhow::Result<()> {
        let account = self.store.account(id).await?;
        anyhow::ensure!(account.balance >= amount, "not enough");
        self.store.set_balance(id, account.balance - amount).await?; // finds: lost-update
        Ok(())
    }

    pub async fn withdraw_checked(&self, id: i64, amount: i64) -> anyhow::Result<()> {
        let account = self.store.account(id).await?;
        anyhow::ensure!(self.store.set_balance_if(id, account.balance - amount, account.version).await?, "changed meanwhile");
        self.redis.clone().del::<_, ()>(format!("account:{id}")).await?;
        Ok(())
    }

    pub async fn open(&self, id: i64, name: &str) -> anyhow::Result<Account> {
        self.store.rename(id, name).await?;
        self.redis.clone().del::<_, ()>(format!("account:{id}")).await?;
        Ok(self.store.account_lagging(id).await?)
    }

    pub async fn settle(&self, id: i64) -> anyhow::Result<()> {
        let mut tx = self.store.begin().await?;
        sqlx::query("UPDATE transfers SET state = 'settled' WHERE id = ?").bind(id).execute(&mut *tx).await?;
        self.bank.pay_out_once(id as u64, 10).await?; // finds: remote-call-in-transaction
        tx.commit().await?;
        Ok(())
    }

    pub async fn close(&self, id: i64) -> anyhow::Result<()> {
        let mut tx = self.store.begin().await?;
        sqlx::query("UPDATE transfers SET state = 'closed' WHERE id = ?").bind(id).execute(&mut *tx).await?;
        tx.commit().await?;
        self.bank.pay_out_once(id as u64, 10).await?;
        Ok(())
    }

    pub async fn rebalance(&self, id: i64) -> anyhow::Result<()> {
        self.locks
            .with("rebalance", Duration::from_secs(5), async {
                let rate = self.bank.rate("EUR").await?;
                self.store.set_balance(id, rate as i64).await?; // finds: lock-without-fenced-write
                Ok(())
            })
            .await?;
        Ok(())
    }

    pub async fn count(&self, currency: &str) -> anyhow::Result<()> {
        let mut total = self.totals.lock().await;
        let rate = self.bank.rate(currency).await?; // finds: lock-held-across-await
        *total += rate as i64;
        Ok(())
    }

    pub async fn rates_bounded(&self, currencies: Vec<String>) -> Vec<f64> {
        let calls = currencies.into_iter().map(|currency| async move {
            let _permit = self.gate.acquire().await.ok()?;
            self.bank.rate(&currency).await.ok()
        });
        join_all(calls).await.into_iter().flatten().collect()
    }
}
