from django.urls import include, path
from rest_framework.routers import DefaultRouter

from shop.catalog import views as catalog
from shop.orders import views as orders

router = DefaultRouter()
router.register("products", catalog.ProductViewSet)
router.register("orders", orders.OrderViewSet, basename="order")

urlpatterns = [
    path("api/", include(router.urls)),
    path("products/<int:product_id>/", catalog.ProductView.as_view()),
    path("products/<int:product_id>/stock/", catalog.StockView.as_view()),
    path("products/<int:product_id>/view/", catalog.view),
    path("rates/", catalog.rates),
    path("feed/", catalog.feed),
    path("checkout/", orders.CheckoutView.as_view()),
    path("checkout-once/", orders.CheckoutOnceView.as_view()),
    path("orders/create/", orders.OrderCreate.as_view()),
    path("orders/<int:order_id>/pay/", orders.PayView.as_view()),
    path("orders/<int:order_id>/confirm/", orders.ConfirmView.as_view()),
    path("wallet/", orders.WalletView.as_view()),
    path("wallet/withdraw/", orders.WithdrawView.as_view()),
]
