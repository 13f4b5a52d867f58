package orders

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"example.com/orders/internal/infra"
)

var ErrChanged = errors.New("changed meanwhile")

type Repository struct {
	databases *infra.Databases
}

func NewRepository(databases *infra.Databases) *Repository {
	return &Repository{databases: databases}
}

func (r *Repository) Insert(ctx context.Context, tx *sql.Tx, order *Order) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO orders (id, customer, sku, cents, state) VALUES ($1, $2, $3, $4, 'new') ON CONFLICT (id) DO NOTHING`,
		order.ID, order.Customer, order.SKU, order.Cents)
	return err
}

func (r *Repository) Find(ctx context.Context, id string) (*Order, error) {
	var order Order
	err := r.databases.Primary.QueryRowContext(ctx, `SELECT id, customer, sku, cents, state, version, updated_at FROM orders WHERE id = $1`, id).
		Scan(&order.ID, &order.Customer, &order.SKU, &order.Cents, &order.State, &order.Version, &order.UpdatedAt)
	if err != nil {
		return nil, err
	}
	return &order, nil
}

// Summary is good enough from the copy.
func (r *Repository) Summary(ctx context.Context, id string) (string, error) {
	var state string
	err := r.databases.Replica.QueryRowContext(ctx, `SELECT state FROM orders WHERE id = $1`, id).Scan(&state) // finds: write-then-replica-read
	return state, err
}

func (r *Repository) MarkPaid(ctx context.Context, id string) error {
	_, err := r.databases.Primary.ExecContext(ctx, `UPDATE orders SET state = 'paid' WHERE id = $1`, id)
	return err
}

// Reprice writes only what nobody has changed meanwhile.
func (r *Repository) Reprice(ctx context.Context, id string, cents, version int64) error {
	result, err := r.databases.Primary.ExecContext(ctx, `UPDATE orders SET cents = $2, version = version + 1 WHERE id = $1 AND version = $3`, id, cents, version)
	if err != nil {
		return err
	}
	changed, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if changed == 0 {
		return ErrChanged
	}
	return nil
}

// Import keeps the later of two changes, by the clocks of two machines.
func (r *Repository) Import(ctx context.Context, id, state string, at time.Time) error {
	_, err := r.databases.Primary.ExecContext(ctx, `UPDATE orders SET state = $2, updated_at = $3 WHERE id = $1 AND updated_at < $3`, id, state, at) // finds: last-write-wins, cache-not-invalidated
	return err
}

// Credit reads a balance and writes it back.
func (r *Repository) Credit(ctx context.Context, customer string, cents int64) error {
	var balance int64
	if err := r.databases.Primary.QueryRowContext(ctx, `SELECT balance FROM credits WHERE customer = $1`, customer).Scan(&balance); err != nil {
		return err
	}
	_, err := r.databases.Primary.ExecContext(ctx, `UPDATE credits SET balance = $2 WHERE customer = $1`, customer, balance+cents) // finds: lost-update
	return err
}

// Debit lets the database count.
func (r *Repository) Debit(ctx context.Context, customer string, cents int64) error {
	_, err := r.databases.Primary.ExecContext(ctx, `UPDATE credits SET balance = balance - $2 WHERE customer = $1`, customer, cents)
	return err
}

// Reserve decides by what the copy says.
func (r *Repository) Reserve(ctx context.Context, sku string) error {
	var left int
	if err := r.databases.Replica.QueryRowContext(ctx, `SELECT left_over FROM stock WHERE sku = $1`, sku).Scan(&left); err != nil { // finds: replica-read-modify-write
		return err
	}
	if left > 0 {
		_, err := r.databases.Primary.ExecContext(ctx, `UPDATE stock SET reserved = true WHERE sku = $1`, sku)
		return err
	}
	return errors.New("sold out")
}
