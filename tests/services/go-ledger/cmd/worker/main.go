package main

import (
	"context"
	"log"
	"os"

	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stripe/stripe-go/v76/client"

	"example.com/ledger/bank"
	"example.com/ledger/ledger"
	"example.com/ledger/queue"
)

func main() {
	pool, err := pgxpool.New(context.Background(), os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	handlers := queue.NewHandlers(ledger.NewStore(pool), bank.NewCards(client.New(os.Getenv("STRIPE_KEY"), nil)))
	mux := asynq.NewServeMux()
	mux.HandleFunc(queue.TypePayout, handlers.Payout)
	mux.HandleFunc(queue.TypeStatement, handlers.Statement)
	mux.HandleFunc(queue.TypeInterest, handlers.Interest)
	server := asynq.NewServer(asynq.RedisClientOpt{Addr: os.Getenv("REDIS_ADDR")}, asynq.Config{Concurrency: 8})
	if err := server.Run(mux); err != nil {
		log.Fatal(err)
	}
}
