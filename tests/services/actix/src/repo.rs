use diesel::prelude::*;
use diesel_async::{scoped_futures::ScopedFutureExt, AsyncConnection, AsyncPgConnection, RunQueryDsl};
use sqlx::PgPool;

use crate::cache;
use crate::locks::Lock;
use crate::schema::{customers, invoices};
use crate::state::State;

#[derive(Queryable, Selectable)]
#[diesel(table_name = customers)]
pub struct Customer {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub cents: i64,
}

#[derive(Insertable)]
#[diesel(table_name = invoices)]
pub struct NewInvoice {
    pub customer: i64,
    pub cents: i64,
}

fn key(id: i64) -> String {
    format!("customer:{id}")
}

pub async fn name_of(state: &State, id: i64) -> anyhow::Result<String> {
    if let Some(name) = cache::read(&state.redis, &key(id)).await? {
        return Ok(name);
    }
    let mut connection = state.pool.get().await?;
    let customer: Customer = customers::table.find(id).first(&mut connection).await?; // finds: cache-stampede
    cache::write(&state.redis, &key(id), &customer.name).await?;
    Ok(customer.name)
}

pub async fn rename(state: &State, id: i64, name: &str) -> anyhow::Result<()> {
    let mut connection = state.pool.get().await?;
    diesel::update(customers::table.find(id)).set(customers::name.eq(name)).execute(&mut connection).await?;
    cache::drop(&state.redis, &key(id)).await
}

pub async fn anonymise(state: &State, id: i64) -> anyhow::Result<()> {
    let mut connection = state.pool.get().await?;
    diesel::update(customers::table.find(id)).set(customers::name.eq("-")).execute(&mut connection).await?; // finds: cache-not-invalidated
    Ok(())
}

pub async fn change_email(state: &State, id: i64, email: &str) -> anyhow::Result<()> {
    let mut connection = state.pool.get().await?;
    diesel::update(customers::table.find(id)).set(customers::email.eq(email)).execute(&mut connection).await?;
    Ok(())
}

pub async fn create(connection: &mut AsyncPgConnection, customer: i64, cents: i64) -> anyhow::Result<()> {
    diesel::insert_into(invoices::table).values(&NewInvoice { customer, cents }).execute(connection).await?; // finds: post-without-idempotency-key
    Ok(())
}

pub async fn create_once(pool: &PgPool, request: &str, customer: i64, cents: i64) -> anyhow::Result<()> {
    sqlx::query("INSERT INTO invoices (request, customer, cents) VALUES ($1, $2, $3) ON CONFLICT (request) DO NOTHING")
        .bind(request)
        .bind(customer)
        .bind(cents)
        .execute(pool)
        .await?;
    Ok(())
}

pub async fn pay(state: &State, id: i64) -> anyhow::Result<()> {
    let mut tx = state.sql.begin().await?;
    let (cents,): (i64,) = sqlx::query_as("SELECT cents FROM invoices WHERE id = $1 FOR UPDATE").bind(id).fetch_one(&mut *tx).await?;
    state.bank.charge_once(&format!("invoice-{id}"), cents).await?; // finds: remote-call-in-transaction
    sqlx::query("UPDATE invoices SET state = 'paid' WHERE id = $1").bind(id).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

pub async fn pay_after(state: &State, id: i64) -> anyhow::Result<()> {
    let (cents,): (i64,) = sqlx::query_as("SELECT cents FROM invoices WHERE id = $1").bind(id).fetch_one(&state.sql).await?;
    state.bank.charge_once(&format!("invoice-{id}"), cents).await?;
    sqlx::query("UPDATE invoices SET state = 'paid' WHERE id = $1").bind(id).execute(&state.sql).await?;
    Ok(())
}

pub async fn confirm(state: &State, id: i64) -> anyhow::Result<()> {
    sqlx::query("UPDATE invoices SET state = 'confirmed' WHERE id = $1").bind(id).execute(&state.sql).await?;
    state.events.publish("invoices", &id.to_string(), "confirmed").await?; // finds: dual-write
    Ok(())
}

pub async fn confirm_inside(state: &State, id: i64) -> anyhow::Result<()> {
    let mut connection = state.pool.get().await?;
    connection
        .transaction::<_, anyhow::Error, _>(|connection| {
            async move {
                diesel::update(invoices::table.find(id)).set(invoices::state.eq("confirmed")).execute(connection).await?;
                state.events.publish("invoices", &id.to_string(), "confirmed").await?; // finds: enqueue-before-commit
                Ok(())
            }
            .scope_boxed()
        })
        .await
}

pub async fn credit(pool: &PgPool, id: i64, cents: i64) -> anyhow::Result<()> {
    let (balance,): (i64,) = sqlx::query_as("SELECT cents FROM customers WHERE id = $1").bind(id).fetch_one(pool).await?;
    sqlx::query("UPDATE customers SET cents = $1 WHERE id = $2").bind(balance + cents).bind(id).execute(pool).await?; // finds: lost-update
    Ok(())
}

pub async fn credit_atomic(pool: &PgPool, id: i64, cents: i64) -> anyhow::Result<()> {
    sqlx::query("UPDATE customers SET cents = cents + $1 WHERE id = $2").bind(cents).bind(id).execute(pool).await?;
    Ok(())
}

pub async fn credit_diesel(connection: &mut AsyncPgConnection, id: i64, cents: i64) -> anyhow::Result<()> {
    diesel::update(customers::table.find(id)).set(customers::cents.eq(customers::cents + cents)).execute(connection).await?;
    Ok(())
}

pub async fn settle(state: &State, id: i64, cents: i64) -> anyhow::Result<()> {
    let lock = Lock::acquire(&state.redis, &format!("customer-{id}"), 10).await?;
    let (balance,): (i64,) = sqlx::query_as("SELECT cents FROM customers WHERE id = $1").bind(id).fetch_one(&state.sql).await?; // finds: lock-not-released-on-error
    sqlx::query("UPDATE customers SET cents = $1 WHERE id = $2").bind(balance - cents).bind(id).execute(&state.sql).await?; // finds: lock-without-fenced-write
    lock.release().await
}

pub async fn spend(state: &State, id: i64, cents: i64) -> anyhow::Result<()> {
    let (balance,): (i64,) = sqlx::query_as("SELECT cents FROM customers WHERE id = $1").bind(id).fetch_one(&state.read_replica).await?; // finds: replica-read-modify-write
    anyhow::ensure!(balance >= cents, "too little");
    sqlx::query("UPDATE customers SET cents = $1 WHERE id = $2").bind(balance - cents).bind(id).execute(&state.sql).await?;
    Ok(())
}

pub async fn set_limit(state: &State, id: i64, cents: i64) -> anyhow::Result<i64> {
    sqlx::query("UPDATE limits SET cents = $1 WHERE customer = $2").bind(cents).bind(id).execute(&state.sql).await?;
    let (shown,): (i64,) = sqlx::query_as("SELECT cents FROM limits WHERE customer = $1").bind(id).fetch_one(&state.read_replica).await?; // finds: write-then-replica-read
    Ok(shown)
}
