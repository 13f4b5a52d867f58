diesel::table! {
    customers (id) {
        id -> Int8,
        name -> Text,
        email -> Text,
        cents -> Int8,
    }
}

diesel::table! {
    invoices (id) {
        id -> Int8,
        customer -> Int8,
        cents -> Int8,
        state -> Text,
    }
}
