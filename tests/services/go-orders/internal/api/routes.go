package api

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"example.com/orders/internal/billing"
	"example.com/orders/internal/orders"
)

type handlers struct {
	service  *orders.Service
	payments *billing.Payments
}

// Routes are all that the service answers.
func Routes(service *orders.Service, payments *billing.Payments) http.Handler {
	h := &handlers{service: service, payments: payments}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", h.place)
	mux.HandleFunc("POST /orders/{id}/pay", h.pay)
	mux.HandleFunc("POST /payouts", h.payout)
	mux.HandleFunc("DELETE /orders/{id}", h.cancel)
	mux.HandleFunc("GET /orders/{id}", h.show)
	return logged(mux)
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slog.Info("request", "method", r.Method, "path", r.URL.Path)
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, status int, err error) {
	slog.Warn("refused", "status", status, "error", err)
	http.Error(w, http.StatusText(status), status)
}

// place stores an order under the id that the client has made.
func (h *handlers) place(w http.ResponseWriter, r *http.Request) {
	var order orders.Order
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := h.service.PlaceQuietly(r.Context(), &order); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (h *handlers) pay(w http.ResponseWriter, r *http.Request) {
	state, err := h.service.Pay(r.Context(), r.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusBadGateway, err)
		return
	}
	if err := json.NewEncoder(w).Encode(map[string]string{"state": state}); err != nil {
		slog.Warn("not answered", "error", err)
	}
}

func (h *handlers) payout(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Seller string `json:"seller"`
		Cents  int64  `json:"cents"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := h.payments.Payout(r.Context(), body.Seller, body.Cents); err != nil {
		refuse(w, http.StatusBadGateway, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (h *handlers) cancel(w http.ResponseWriter, r *http.Request) {
	if err := h.service.Cancel(r.Context(), r.PathValue("id")); err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *handlers) show(w http.ResponseWriter, r *http.Request) {
	order, err := h.service.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	if err := json.NewEncoder(w).Encode(order); err != nil {
		slog.Warn("not answered", "error", err)
	}
}
