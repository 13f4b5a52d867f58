package main

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.com/ledger/ledger"
)

type handlers struct {
	service *ledger.Service
}

func (h *handlers) transfer(c echo.Context) error {
	var wanted ledger.Transfer
	if err := c.Bind(&wanted); err != nil {
		return err
	}
	if err := h.service.Transfer(c.Request().Context(), &wanted); err != nil {
		return err
	}
	return c.NoContent(http.StatusCreated)
}

// deposit knows a request again by the key that the client sends.
func (h *handlers) deposit(c echo.Context) error {
	key := c.Request().Header.Get("Idempotency-Key")
	if key == "" {
		return c.NoContent(http.StatusBadRequest)
	}
	var wanted ledger.Deposit
	if err := c.Bind(&wanted); err != nil {
		return err
	}
	wanted.Key = key
	if err := h.service.Deposit(c.Request().Context(), &wanted); err != nil {
		return err
	}
	return c.NoContent(http.StatusCreated)
}

func (h *handlers) topUp(c echo.Context) error {
	var wanted ledger.TopUp
	if err := c.Bind(&wanted); err != nil {
		return err
	}
	if err := h.service.TopUp(c.Request().Context(), &wanted); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

func (h *handlers) limit(c echo.Context) error {
	var wanted struct {
		Cents int64 `json:"cents"`
	}
	if err := c.Bind(&wanted); err != nil {
		return err
	}
	return h.service.SetLimit(c.Request().Context(), c.Param("id"), wanted.Cents)
}

func (h *handlers) show(c echo.Context) error {
	account, err := h.service.Account(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, account)
}
