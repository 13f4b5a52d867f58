package billing

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

var rateClient = &http.Client{Timeout: 2 * time.Second}

// Rates keeps the rates of the day; one caller loads them for all.
type Rates struct {
	mu    sync.Mutex
	today map[string]float64
}

func (r *Rates) Of(currency string) (float64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.today == nil {
		resp, err := rateClient.Get("https://rates.example.com/today")
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		var today map[string]float64
		if err := json.NewDecoder(resp.Body).Decode(&today); err != nil {
			return 0, err
		}
		r.today = today
	}
	return r.today[currency], nil
}

// Quotes counts what it asks for; everybody waits for the slowest answer.
type Quotes struct {
	mu    sync.Mutex
	asked int
}

func (q *Quotes) Ask(sku string) (*http.Response, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked++
	return rateClient.Get("https://quotes.example.com/" + sku) // finds: lock-held-across-await
}

func LegacyRate(currency string) (*http.Response, error) {
	return http.Get("https://legacy.example.com/rates/" + currency) // finds: missing-timeout
}
