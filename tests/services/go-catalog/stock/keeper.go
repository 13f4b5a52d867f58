package stock

import (
	"context"
	"errors"
	"time"

	"github.com/go-redsync/redsync/v4"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

var ErrSoldOut = errors.New("sold out")

type Level struct {
	SKU     string `gorm:"primaryKey"`
	Left    int
	Version int
}

type announcer interface {
	Taken(ctx context.Context, sku string, n int) error
}

type Keeper struct {
	db     *gorm.DB
	locks  *redsync.Redsync
	events announcer
}

func NewKeeper(db *gorm.DB, locks *redsync.Redsync, events announcer) *Keeper {
	return &Keeper{db: db, locks: locks, events: events}
}

// Take tells of what is not committed yet.
func (k *Keeper) Take(ctx context.Context, sku string, n int) error {
	return k.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var level Level
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&level, "sku = ?", sku).Error; err != nil {
			return err
		}
		if level.Left < n {
			return ErrSoldOut
		}
		level.Left -= n
		if err := tx.Save(&level).Error; err != nil {
			return err
		}
		return k.events.Taken(ctx, sku, n)
	})
}

// Recount writes under a lock that may have expired by then.
func (k *Keeper) Recount(ctx context.Context, sku string, counted int) error {
	mutex := k.locks.NewMutex("lock:stock:"+sku, redsync.WithExpiry(10*time.Second))
	if err := mutex.LockContext(ctx); err != nil {
		return err
	}
	defer mutex.UnlockContext(ctx)
	return k.db.WithContext(ctx).Model(&Level{}).Where("sku = ?", sku).Update("left", counted).Error // finds: lock-without-fenced-write
}

// RecountSafely writes only over the version that it has read.
func (k *Keeper) RecountSafely(ctx context.Context, sku string, counted, version int) error {
	mutex := k.locks.NewMutex("lock:stock:" + sku)
	if err := mutex.LockContext(ctx); err != nil {
		return err
	}
	defer mutex.UnlockContext(ctx)
	return k.db.WithContext(ctx).Exec(`UPDATE levels SET left = ?, version = version + 1 WHERE sku = ? AND version = ?`, counted, sku, version).Error
}
