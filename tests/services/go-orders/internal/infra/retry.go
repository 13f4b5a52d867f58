package infra

import (
	"context"
	"math/rand"
	"time"
)

// Retry tries work up to attempts times, with a wait that grows.
func Retry(ctx context.Context, attempts int, work func(ctx context.Context) error) error {
	var err error
	for attempt := 0; attempt < attempts; attempt++ {
		if err = work(ctx); err == nil {
			return nil
		}
		wait := time.Duration(100<<attempt) * time.Millisecond
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait + time.Duration(rand.Intn(100))*time.Millisecond):
		}
	}
	return err
}
