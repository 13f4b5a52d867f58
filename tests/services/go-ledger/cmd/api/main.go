package main

import (
	"context"
	"log"
	"os"

	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go"
	"github.com/stripe/stripe-go/v76/client"

	"example.com/ledger/bank"
	"example.com/ledger/ledger"
	"example.com/ledger/queue"
)

func main() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	nc, err := nats.Connect(os.Getenv("NATS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	js, err := nc.JetStream()
	if err != nil {
		log.Fatal(err)
	}
	jobs := queue.New(asynq.NewClient(asynq.RedisClientOpt{Addr: os.Getenv("REDIS_ADDR")}))
	cards := bank.NewCards(client.New(os.Getenv("STRIPE_KEY"), nil))
	service := ledger.NewService(ledger.NewStore(pool), jobs, cards, js)

	app := echo.New()
	h := &handlers{service: service}
	app.POST("/transfers", h.transfer)
	app.POST("/deposits", h.deposit)
	app.POST("/topups", h.topUp)
	app.PUT("/accounts/:id/limit", h.limit)
	app.GET("/accounts/:id", h.show)
	log.Fatal(app.Start(":8080"))
}
