package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/hibiken/asynq"
)

type store interface {
	Interest(ctx context.Context, id string, cents int64) error
	Statement(ctx context.Context, id, month string) error
}

type payer interface {
	Payout(ctx context.Context, job, account string, cents int64) error
}

type Handlers struct {
	store store
	cards payer
}

func NewHandlers(store store, cards payer) *Handlers {
	return &Handlers{store: store, cards: cards}
}

// Payout sends the job's own id along.
func (h *Handlers) Payout(ctx context.Context, task *asynq.Task) error {
	var payout Payout
	if err := json.Unmarshal(task.Payload(), &payout); err != nil {
		return fmt.Errorf("payout: %w: %w", err, asynq.SkipRetry)
	}
	return h.cards.Payout(ctx, payout.ID, payout.Account, payout.Cents)
}

// Statement is stored once for each month; its failure is only told of.
func (h *Handlers) Statement(ctx context.Context, task *asynq.Task) error {
	var monthly Monthly
	if err := json.Unmarshal(task.Payload(), &monthly); err != nil {
		return fmt.Errorf("statement: %w: %w", err, asynq.SkipRetry)
	}
	if err := h.store.Statement(ctx, monthly.Account, monthly.Month); err != nil { // finds: swallowed-consumer-error
		log.Printf("no statement for %s: %v", monthly.Account, err)
	}
	return nil
}

// Interest adds.
func (h *Handlers) Interest(ctx context.Context, task *asynq.Task) error {
	var monthly Monthly
	if err := json.Unmarshal(task.Payload(), &monthly); err != nil {
		return fmt.Errorf("interest: %w: %w", err, asynq.SkipRetry)
	}
	return h.store.Interest(ctx, monthly.Account, monthly.Cents)
}
