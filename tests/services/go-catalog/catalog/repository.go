package catalog

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

type Repository struct {
	primary *gorm.DB
	replica *gorm.DB
}

func NewRepository(primary, replica *gorm.DB) *Repository {
	return &Repository{primary: primary, replica: replica}
}

// Find reads the copy.
func (r *Repository) Find(ctx context.Context, sku string) (*Product, error) {
	var product Product
	if err := r.replica.WithContext(ctx).First(&product, "sku = ?", sku).Error; err != nil {
		return nil, err
	}
	return &product, nil
}

func (r *Repository) SetPrice(ctx context.Context, sku string, cents int64) error {
	return r.primary.WithContext(ctx).Model(&Product{}).Where("sku = ?", sku).Update("cents", cents).Error
}

// Seen lets the database count.
func (r *Repository) Seen(ctx context.Context, sku string) error {
	return r.primary.WithContext(ctx).Model(&View{}).Where("sku = ?", sku).UpdateColumn("count", gorm.Expr("count + ?", 1)).Error
}

// Discount computes here what the database should.
func (r *Repository) Discount(ctx context.Context, sku string, cents int64) error {
	var product Product
	if err := r.primary.WithContext(ctx).First(&product, "sku = ?", sku).Error; err != nil {
		return err
	}
	product.Cents -= cents
	return r.primary.WithContext(ctx).Save(&product).Error // finds: lost-update, cache-not-invalidated
}

// DiscountLocked does the same under the row's lock, and whoever calls it drops the copy.
func (r *Repository) DiscountLocked(ctx context.Context, sku string, cents int64) error {
	return r.primary.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var product Product
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&product, "sku = ?", sku).Error; err != nil {
			return err
		}
		product.Cents -= cents
		return tx.Save(&product).Error
	})
}

// Sync keeps whichever change is the later one.
func (r *Repository) Sync(ctx context.Context, change Product) error {
	var stored Product
	if err := r.primary.WithContext(ctx).First(&stored, "sku = ?", change.SKU).Error; err != nil {
		return err
	}
	if stored.UpdatedAt.After(change.UpdatedAt) {
		return nil
	}
	return r.primary.WithContext(ctx).Model(&Product{}).Where("sku = ?", change.SKU).Updates(Product{Name: change.Name}).Error // finds: last-write-wins, cache-not-invalidated
}

// Import takes rows that may be there.
func (r *Repository) Import(ctx context.Context, products []Product) error {
	return r.primary.WithContext(ctx).Clauses(clause.OnConflict{UpdateAll: true}).Create(&products).Error
}
