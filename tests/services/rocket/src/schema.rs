diesel::table! {
    lots (id) {
        id -> Int4,
        title -> Text,
        price -> Int4,
        seller -> Int4,
        closes_at -> Timestamptz,
        revision -> Int4,
    }
}

diesel::table! {
    bids (id) {
        id -> Int4,
        lot_id -> Int4,
        amount -> Int4,
        bidder -> Int4,
    }
}

diesel::table! {
    payouts (id) {
        id -> Int4,
        lot_id -> Int4,
        amount -> Int4,
    }
}

diesel::table! {
    handled_messages (id) {
        id -> Text,
    }
}
