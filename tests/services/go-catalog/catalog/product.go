package catalog

import "time"

type Product struct {
	SKU       string `gorm:"primaryKey"`
	Name      string
	Cents     int64
	UpdatedAt time.Time
}

// View is how often somebody has looked.
type View struct {
	SKU   string `gorm:"primaryKey"`
	Count int64
}

// TableName is not what the type is called.
func (Product) TableName() string {
	return "catalog_products"
}
