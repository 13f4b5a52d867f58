mod auctions;
mod cache;
mod gateway;
mod repo;
mod routes;
mod schema;
mod workers;

#[rocket::main]
async fn main() -> anyhow::Result<()> {
    routes::mount(rocket::build()).launch().await?;
    Ok(())
}
