package carts

type Item struct {
	ID     uint
	CartID string
	SKU    string `json:"sku"`
	Count  int    `json:"count"`
}

type Order struct {
	ID     string
	CartID string
	Cents  int64
}
