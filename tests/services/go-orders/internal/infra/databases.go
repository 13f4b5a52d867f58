package infra

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// Databases are the primary and the copy that reports are read from.
type Databases struct {
	Primary *sql.DB
	Replica *sql.DB
}

func OpenDatabases() (*Databases, error) {
	primary, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, fmt.Errorf("primary: %w", err)
	}
	replica, err := sql.Open("pgx", os.Getenv("DATABASE_REPLICA_URL"))
	if err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	primary.SetMaxOpenConns(20)
	replica.SetMaxOpenConns(20)
	return &Databases{Primary: primary, Replica: replica}, nil
}

func (d *Databases) Close() error {
	return errors.Join(d.Primary.Close(), d.Replica.Close())
}

// InTx runs work in a transaction of the primary.
func (d *Databases) InTx(ctx context.Context, work func(tx *sql.Tx) error) error {
	tx, err := d.Primary.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}
