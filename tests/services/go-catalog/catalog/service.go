package catalog

import (
	"context"
	"time"

	"github.com/avast/retry-go/v4"
	"go.uber.org/zap"

	"example.com/catalog/gen/pricingpb"
)

type announcer interface {
	Changed(ctx context.Context, sku string) error
}

type Service struct {
	products *Repository
	cache    *Cache
	pricing  pricingpb.PricingClient
	events   announcer
	logger   *zap.Logger
}

func NewService(products *Repository, cache *Cache, pricing pricingpb.PricingClient, events announcer, logger *zap.Logger) *Service {
	return &Service{products: products, cache: cache, pricing: pricing, events: events, logger: logger}
}

// Product lets one caller load for all.
func (s *Service) Product(ctx context.Context, sku string) (*Product, error) {
	if product, err := s.cache.get(ctx, sku); err == nil {
		return product, nil
	}
	found, err, _ := s.cache.group.Do(sku, func() (any, error) {
		product, err := s.products.Find(ctx, sku)
		if err != nil {
			return nil, err
		}
		if err := s.cache.put(ctx, product); err != nil {
			s.logger.Warn("not cached", zap.Error(err))
		}
		return product, nil
	})
	if err != nil {
		return nil, err
	}
	return found.(*Product), nil
}

// Reprice writes, drops the copy, and reads what may not be there yet.
func (s *Service) Reprice(ctx context.Context, sku string, cents int64) (*Product, error) {
	if err := s.products.SetPrice(ctx, sku, cents); err != nil {
		return nil, err
	}
	if err := s.cache.drop(ctx, sku); err != nil {
		return nil, err
	}
	if err := s.events.Changed(ctx, sku); err != nil {
		s.logger.Warn("nobody is told", zap.String("sku", sku), zap.Error(err))
	}
	return s.products.Find(ctx, sku) // finds: write-then-replica-read
}

// Discount drops the copy after the change.
func (s *Service) Discount(ctx context.Context, sku string, cents int64) error {
	if err := s.products.DiscountLocked(ctx, sku, cents); err != nil {
		return err
	}
	return s.cache.drop(ctx, sku)
}

// Quote is a read, tried three times, each for a second.
func (s *Service) Quote(ctx context.Context, sku string) (int64, error) {
	var cents int64
	err := retry.Do(func() error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		answer, err := s.pricing.Quote(ctx, &pricingpb.QuoteRequest{Sku: sku})
		if err != nil {
			return err
		}
		cents = answer.Cents
		return nil
	}, retry.Attempts(3))
	return cents, err
}

// Warm asks with a context that never ends.
func (s *Service) Warm(sku string) error {
	_, err := s.pricing.Quote(context.Background(), &pricingpb.QuoteRequest{Sku: sku}) // finds: missing-timeout
	return err
}
