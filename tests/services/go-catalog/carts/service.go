package carts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
	"gorm.io/gorm"
)

type announcer interface {
	Ordered(ctx context.Context, order string) error
}

type Service struct {
	db     *gorm.DB
	events announcer
	logger *zap.Logger
	mails  *http.Client
	slow   *http.Client
}

func NewService(db *gorm.DB, events announcer, logger *zap.Logger) *Service {
	return &Service{
		db:     db,
		events: events,
		logger: logger,
		mails:  &http.Client{Timeout: 10 * time.Second},
		slow:   &http.Client{}, // finds: missing-timeout
	}
}

// Checkout makes another order each time it is asked.
func (s *Service) Checkout(ctx context.Context, cart string) (*Order, error) {
	order := &Order{ID: uuid.NewString(), CartID: cart}
	if err := s.db.WithContext(ctx).Create(order).Error; err != nil { // finds: post-without-idempotency-key
		return nil, err
	}
	if err := s.events.Ordered(ctx, order.ID); err != nil { // finds: dual-write
		return nil, err
	}
	s.thank(ctx, order)
	return order, nil
}

// Add is a line in a cart.
func (s *Service) Add(ctx context.Context, item *Item) error {
	return s.db.WithContext(ctx).Create(item).Error
}

// thank tells when it fails.
func (s *Service) thank(ctx context.Context, order *Order) {
	body, err := json.Marshal(order)
	if err != nil {
		s.logger.Error("mail not written", zap.Error(err))
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://mails.example.com/thanks", bytes.NewReader(body))
	if err != nil {
		s.logger.Error("mail not written", zap.Error(err))
		return
	}
	req.Header.Set("Idempotency-Key", order.ID)
	resp, err := s.mails.Do(req)
	if err != nil {
		s.logger.Error("mail not sent", zap.Error(err))
		return
	}
	resp.Body.Close()
}

// Remind asks without a key, and asks again.
func (s *Service) Remind(ctx context.Context, cart string) error {
	var last error
	for attempt := 0; attempt < 3; attempt++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://mails.example.com/reminders", bytes.NewReader([]byte(cart)))
		if err != nil {
			return err
		}
		resp, err := s.mails.Do(req) // finds: retry-without-idempotency-key
		if err != nil {
			last = err
			continue
		}
		resp.Body.Close()
		if resp.StatusCode < http.StatusInternalServerError {
			return nil
		}
		last = fmt.Errorf("mails: %s", resp.Status)
	}
	return last
}

// Export waits for as long as the other side likes.
func (s *Service) Export(cart string) (*http.Response, error) {
	return s.slow.Get("https://exports.example.com/" + cart)
}

// Abandon does not want to know how it went.
func (s *Service) Abandon(ctx context.Context, cart string) {
	_ = s.events.Ordered(ctx, cart) // finds: swallowed-remote-error
}

// Drop says why it does not.
func (s *Service) Drop(ctx context.Context, cart string) {
	// The nightly run finds what is left.
	_ = s.db.WithContext(ctx).Where("cart_id = ?", cart).Delete(&Item{}).Error
}
