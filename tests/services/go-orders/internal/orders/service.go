package orders

import (
	"context"
	"database/sql"
	"log/slog"

	"example.com/orders/internal/infra"
)

type charger interface {
	Charge(ctx context.Context, order string, cents int64) error
	Refund(ctx context.Context, order string, cents int64) error
}

type publisher interface {
	Publish(ctx context.Context, topic, key string, event any) error
}

type Service struct {
	databases *infra.Databases
	orders    *Repository
	cache     *Cache
	payments  charger
	bus       publisher
}

func NewService(databases *infra.Databases, orders *Repository, cache *Cache, payments charger, bus publisher) *Service {
	return &Service{databases: databases, orders: orders, cache: cache, payments: payments, bus: bus}
}

// Place sends while its transaction is open.
func (s *Service) Place(ctx context.Context, order *Order) error {
	return s.databases.InTx(ctx, func(tx *sql.Tx) error {
		if err := s.orders.Insert(ctx, tx, order); err != nil {
			return err
		}
		return s.bus.Publish(ctx, "orders.placed", order.ID, order) // finds: enqueue-before-commit
	})
}

// PlaceQuietly leaves the message in the outbox.
func (s *Service) PlaceQuietly(ctx context.Context, order *Order) error {
	return s.databases.InTx(ctx, func(tx *sql.Tx) error {
		if err := s.orders.Insert(ctx, tx, order); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO outbox (topic, payload) VALUES ('orders.placed', $1)`, order.ID)
		return err
	})
}

// Cancel asks the provider while rows are locked.
func (s *Service) Cancel(ctx context.Context, id string) error {
	return s.databases.InTx(ctx, func(tx *sql.Tx) error {
		var cents int64
		if err := tx.QueryRowContext(ctx, `SELECT cents FROM orders WHERE id = $1 FOR UPDATE`, id).Scan(&cents); err != nil {
			return err
		}
		if err := s.payments.Refund(ctx, id, cents); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE orders SET state = 'cancelled' WHERE id = $1`, id); err != nil {
			return err
		}
		return s.cache.Drop(ctx, id)
	})
}

// Get loads what the cache has lost, for everybody at once.
func (s *Service) Get(ctx context.Context, id string) (*Order, error) {
	if order, err := s.cache.Get(ctx, id); err == nil {
		return order, nil
	}
	order, err := s.orders.Find(ctx, id) // finds: cache-stampede
	if err != nil {
		return nil, err
	}
	if err := s.cache.Put(ctx, order); err != nil {
		slog.Warn("not cached", "order", id, "error", err)
	}
	return order, nil
}

func (s *Service) Pay(ctx context.Context, id string) (string, error) {
	order, err := s.orders.Find(ctx, id)
	if err != nil {
		return "", err
	}
	if err := s.payments.Charge(ctx, order.ID, order.Cents); err != nil {
		return "", err
	}
	if err := s.orders.MarkPaid(ctx, id); err != nil {
		return "", err
	}
	if err := s.cache.Drop(ctx, id); err != nil {
		slog.Warn("an old copy stays", "order", id, "error", err)
	}
	return s.orders.Summary(ctx, id)
}

// Reprice writes over the version that it has read.
func (s *Service) Reprice(ctx context.Context, id string, cents int64) error {
	order, err := s.orders.Find(ctx, id)
	if err != nil {
		return err
	}
	if err := s.orders.Reprice(ctx, id, cents, order.Version); err != nil {
		return err
	}
	return s.cache.Drop(ctx, id)
}

// Hold forgets the cached copy that other writers drop.
func (s *Service) Hold(ctx context.Context, id string) error {
	_, err := s.databases.Primary.ExecContext(ctx, `UPDATE orders SET state = 'held' WHERE id = $1`, id) // finds: cache-not-invalidated
	return err
}

// Ship tells the warehouse about what may not be stored.
func (s *Service) Ship(ctx context.Context, id string) error {
	if _, err := s.databases.Primary.ExecContext(ctx, `INSERT INTO shipments (order_id) VALUES ($1)`, id); err != nil {
		return err
	}
	return s.bus.Publish(ctx, "shipments", id, map[string]string{"order": id}) // finds: dual-write
}

// Note drops how it went.
func (s *Service) Note(ctx context.Context, id, text string) {
	_ = s.bus.Publish(ctx, "notes", id, text) // finds: swallowed-remote-error
}
