package ledger

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var ErrConflict = errors.New("changed meanwhile")

type Store struct {
	pool *pgxpool.Pool
}

func NewStore(pool *pgxpool.Pool) *Store {
	return &Store{pool: pool}
}

// InTx runs work in a transaction.
func (s *Store) InTx(ctx context.Context, work func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, work)
}

func (s *Store) Account(ctx context.Context, id string) (*Account, error) {
	row := s.pool.QueryRow(ctx, `SELECT id, cents, credit_limit, version FROM accounts WHERE id = $1`, id)
	var account Account
	if err := row.Scan(&account.ID, &account.Cents, &account.Limit, &account.Version); err != nil {
		return nil, err
	}
	return &account, nil
}

// Move lets the database count, in one transaction.
func (s *Store) Move(ctx context.Context, tx pgx.Tx, transfer *Transfer) error {
	if _, err := tx.Exec(ctx, `UPDATE accounts SET cents = cents - $2 WHERE id = $1`, transfer.From, transfer.Cents); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE accounts SET cents = cents + $2 WHERE id = $1`, transfer.To, transfer.Cents); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO transfers (debtor, creditor, cents) VALUES ($1, $2, $3)`, transfer.From, transfer.To, transfer.Cents) // finds: post-without-idempotency-key
	return err
}

// Deposit is stored once for each key.
func (s *Store) Deposit(ctx context.Context, deposit *Deposit) error {
	return s.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO deposits (key, account, cents) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING`, deposit.Key, deposit.Account, deposit.Cents)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		_, err = tx.Exec(ctx, `UPDATE accounts SET cents = cents + $2 WHERE id = $1`, deposit.Account, deposit.Cents)
		return err
	})
}

// RaiseLimit adds to what was read before.
func (s *Store) RaiseLimit(ctx context.Context, id string, cents int64) error {
	account, err := s.Account(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.pool.Exec(ctx, `UPDATE accounts SET credit_limit = $2 WHERE id = $1`, id, account.Limit+cents) // finds: lost-update
	return err
}

// RaiseLimitSafely asks for the version that was read.
func (s *Store) RaiseLimitSafely(ctx context.Context, id string, cents int64) error {
	account, err := s.Account(ctx, id)
	if err != nil {
		return err
	}
	tag, err := s.pool.Exec(ctx, `UPDATE accounts SET credit_limit = $2, version = version + 1 WHERE id = $1 AND version = $3`, id, account.Limit+cents, account.Version)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return ErrConflict
	}
	return nil
}

func (s *Store) SetLimit(ctx context.Context, id string, cents int64) error {
	_, err := s.pool.Exec(ctx, `UPDATE accounts SET credit_limit = $2 WHERE id = $1`, id, cents)
	return err
}

// Interest is added again if the job comes again.
func (s *Store) Interest(ctx context.Context, id string, cents int64) error {
	_, err := s.pool.Exec(ctx, `UPDATE accounts SET cents = cents + $2 WHERE id = $1`, id, cents) // finds: redelivery-without-dedup
	return err
}

func (s *Store) Statement(ctx context.Context, id, month string) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO statements (account, month) VALUES ($1, $2) ON CONFLICT (account, month) DO NOTHING`, id, month)
	return err
}
