use rocket::serde::json::Json;
use rocket::{delete, get, post, routes, Build, Rocket, State};
use serde::Deserialize;

use crate::auctions::Auctions;
use crate::repo::{add_bid, Lot};

#[derive(Deserialize)]
struct NewBid {
    amount: i32,
    bidder: i32,
}

#[get("/lots/<id>")]
async fn show(id: i32, auctions: &State<Auctions>) -> Option<Json<Lot>> {
    auctions.lot(id).await.ok().map(Json)
}

#[post("/lots/<id>/bids", data = "<bid>")]
async fn bid(id: i32, bid: Json<NewBid>, auctions: &State<Auctions>) -> Result<String, String> {
    add_bid(&auctions.pool, id, bid.amount, bid.bidder).await.map_err(|error| error.to_string())?;
    auctions.gateway.charge_once(id, bid.bidder, bid.amount).await.map_err(|error| error.to_string())
}

#[post("/lots/sellers", data = "<ids>")]
async fn sellers(ids: Json<Vec<i32>>, auctions: &State<Auctions>) -> Json<Vec<String>> {
    Json(auctions.sellers(ids.into_inner()).await)
}

#[delete("/lots/<id>")]
async fn remove(id: i32, auctions: &State<Auctions>) -> String {
    if let Err(_) = auctions.gateway.pay_out(id, 0).await {} // finds: swallowed-remote-error
    let _ = auctions.close(id, 1).await;
    "gone".into()
}

pub fn mount(rocket: Rocket<Build>) -> Rocket<Build> {
    rocket.mount("/", routes![show, bid, sellers, remove])
}
