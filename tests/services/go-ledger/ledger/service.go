package ledger

import (
	"context"
	"encoding/json"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
)

type payouts interface {
	Payout(ctx context.Context, account string, cents int64) error
}

type cards interface {
	Charge(ctx context.Context, account string, cents int64) error
	Authorise(ctx context.Context, account string, cents int64) error
}

type Service struct {
	store *Store
	jobs  payouts
	cards cards
	js    nats.JetStreamContext
}

func NewService(store *Store, jobs payouts, cards cards, js nats.JetStreamContext) *Service {
	return &Service{store: store, jobs: jobs, cards: cards, js: js}
}

// Transfer sends the job before the rows are there.
func (s *Service) Transfer(ctx context.Context, transfer *Transfer) error {
	return s.store.InTx(ctx, func(tx pgx.Tx) error {
		if err := s.store.Move(ctx, tx, transfer); err != nil {
			return err
		}
		return s.jobs.Payout(ctx, transfer.To, transfer.Cents)
	})
}

func (s *Service) Deposit(ctx context.Context, deposit *Deposit) error {
	return s.store.Deposit(ctx, deposit)
}

// TopUp charges each time that it is asked.
func (s *Service) TopUp(ctx context.Context, topUp *TopUp) error {
	return s.cards.Charge(ctx, topUp.Account, topUp.Cents)
}

// Hold authorises while rows are locked.
func (s *Service) Hold(ctx context.Context, id string, cents int64) error {
	return s.store.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE accounts SET held = held + $2 WHERE id = $1`, id, cents); err != nil {
			return err
		}
		return s.cards.Authorise(ctx, id, cents)
	})
}

// SetLimit tells of it when it is done, and says so when it cannot.
func (s *Service) SetLimit(ctx context.Context, id string, cents int64) error {
	if err := s.store.SetLimit(ctx, id, cents); err != nil {
		return err
	}
	event, err := json.Marshal(map[string]any{"account": id, "limit": cents})
	if err != nil {
		return err
	}
	if _, err := s.js.Publish("limits.set", event); err != nil { // finds: dual-write
		log.Printf("limit of %s is not told: %v", id, err)
	}
	return nil
}

func (s *Service) Account(ctx context.Context, id string) (*Account, error) {
	return s.store.Account(ctx, id)
}
