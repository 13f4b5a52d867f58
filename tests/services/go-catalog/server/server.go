package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"example.com/catalog/carts"
	"example.com/catalog/catalog"
	"example.com/catalog/stock"
)

type Server struct {
	catalog *catalog.Service
	stock   *stock.Keeper
	carts   *carts.Service
}

func New(catalog *catalog.Service, stock *stock.Keeper, carts *carts.Service) *gin.Engine {
	s := &Server{catalog: catalog, stock: stock, carts: carts}
	router := gin.Default()
	v1 := router.Group("/v1")
	{
		v1.GET("/products/:sku", s.product)
		v1.PUT("/products/:sku/price", s.reprice)
		v1.POST("/stock/:sku/take", s.take)
		v1.POST("/carts/:id/checkout", s.checkout)
		v1.POST("/carts/:id/items", s.addItem)
	}
	return router
}

func (s *Server) product(c *gin.Context) {
	product, err := s.catalog.Product(c.Request.Context(), c.Param("sku"))
	if err != nil {
		c.AbortWithStatus(http.StatusNotFound)
		return
	}
	c.JSON(http.StatusOK, product)
}

type price struct {
	Cents int64 `json:"cents"`
}

func (s *Server) reprice(c *gin.Context) {
	var body price
	if err := c.ShouldBindJSON(&body); err != nil {
		c.AbortWithStatus(http.StatusBadRequest)
		return
	}
	product, err := s.catalog.Reprice(c.Request.Context(), c.Param("sku"), body.Cents)
	if err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusOK, product)
}

func (s *Server) take(c *gin.Context) {
	if err := s.stock.Take(c.Request.Context(), c.Param("sku"), 1); err != nil {
		c.AbortWithStatus(http.StatusConflict)
		return
	}
	c.Status(http.StatusNoContent)
}

func (s *Server) checkout(c *gin.Context) {
	order, err := s.carts.Checkout(c.Request.Context(), c.Param("id"))
	if err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusCreated, order)
}

func (s *Server) addItem(c *gin.Context) {
	var item carts.Item
	if err := c.ShouldBindJSON(&item); err != nil {
		c.AbortWithStatus(http.StatusBadRequest)
		return
	}
	item.CartID = c.Param("id")
	if err := s.carts.Add(c.Request.Context(), &item); err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.Status(http.StatusCreated)
}
