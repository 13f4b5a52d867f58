package queue

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hibiken/asynq"
)

const (
	TypePayout    = "ledger:payout"
	TypeStatement = "ledger:statement"
	TypeInterest  = "ledger:interest"
)

type Payout struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Cents   int64  `json:"cents"`
}

type Monthly struct {
	Account string `json:"account"`
	Month   string `json:"month"`
	Cents   int64  `json:"cents"`
}

type Queue struct {
	client *asynq.Client
}

func New(client *asynq.Client) *Queue {
	return &Queue{client: client}
}

func (q *Queue) Payout(ctx context.Context, account string, cents int64) error {
	payload, err := json.Marshal(Payout{Account: account, Cents: cents})
	if err != nil {
		return err
	}
	_, err = q.client.EnqueueContext(ctx, asynq.NewTask(TypePayout, payload), asynq.MaxRetry(5)) // finds: enqueue-before-commit
	return err
}

// Statement is the same job, however often it is asked for.
func (q *Queue) Statement(ctx context.Context, account, month string) error {
	payload, err := json.Marshal(Monthly{Account: account, Month: month})
	if err != nil {
		return err
	}
	_, err = q.client.EnqueueContext(ctx, asynq.NewTask(TypeStatement, payload), asynq.TaskID(account+month), asynq.ProcessIn(time.Hour))
	return err
}
