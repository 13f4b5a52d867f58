package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"example.com/orders/internal/api"
	"example.com/orders/internal/billing"
	"example.com/orders/internal/infra"
	"example.com/orders/internal/jobs"
	"example.com/orders/internal/orders"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("stopped", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	databases, err := infra.OpenDatabases()
	if err != nil {
		return err
	}
	defer databases.Close()
	rdb := infra.OpenRedis()
	bus := infra.NewBus(os.Getenv("KAFKA_BROKERS"))
	defer bus.Close()

	repository := orders.NewRepository(databases)
	cache := orders.NewCache(rdb)
	payments := billing.NewPayments(os.Getenv("PAYMENTS_URL"))
	service := orders.NewService(databases, repository, cache, payments, bus)

	sweeper := jobs.NewSweeper(databases, rdb, service)
	go sweeper.Run(ctx)

	server := &http.Server{
		Addr:              ":8080",
		Handler:           api.Routes(service, payments),
		ReadHeaderTimeout: 5 * time.Second,
	}
	go func() {
		<-ctx.Done()
		if err := server.Shutdown(context.Background()); err != nil {
			slog.Warn("not shut down", "error", err)
		}
	}()
	return server.ListenAndServe()
}
