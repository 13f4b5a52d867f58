package orders

import "time"

type Order struct {
	ID        string    `json:"id"`
	Customer  string    `json:"customer"`
	SKU       string    `json:"sku"`
	Cents     int64     `json:"cents"`
	State     string    `json:"state"`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
}
