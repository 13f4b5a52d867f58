from rest_framework import generics, mixins, status, viewsets
from rest_framework.response import Response
from rest_framework.views import APIView

from shop.orders import services
from shop.orders.models import Order, Wallet
from shop.orders.tasks import expire_orders, settle_order, ship_order


class OrderCreate(generics.CreateAPIView):
    def create(self, request, *args, **kwargs):
        order = services.place_order_after(request.user.id, request.data["total"])
        ship_order.delay(order.id)
        return Response({"id": order.id}, status=status.HTTP_201_CREATED)


class OrderViewSet(mixins.CreateModelMixin, viewsets.GenericViewSet):
    def create(self, request):
        order = services.place_order(request.user.id, request.data["total"])
        return Response({"id": order.id}, status=status.HTTP_201_CREATED)


class PayView(APIView):
    def post(self, request, order_id):
        services.pay_order(order_id)
        services.pay_order_outside(order_id)
        services.announce(order_id)
        return Response(status=204)


class ConfirmView(APIView):
    def put(self, request, order_id):
        services.confirm(order_id)
        services.confirm_outbox(order_id)
        return Response(status=204)


class CheckoutView(APIView):
    def post(self, request):
        order = services.charge_now(request.user.id, request.data["total"])
        return Response({"id": order.id})


class CheckoutOnceView(APIView):
    def post(self, request):
        order = services.charge_with_key(request.user.id, request.data["total"], request.headers["Idempotency-Key"])
        return Response({"id": order.id})


class WithdrawView(APIView):
    def put(self, request):
        wallet = Wallet.objects.using("replica").get(customer=request.user.id)  # finds: replica-read-modify-write
        if wallet.balance < int(request.data["amount"]):
            return Response(status=409)
        Wallet.objects.filter(customer=request.user.id).update(balance=wallet.balance - int(request.data["amount"]))
        return Response(status=204)


class WalletView(APIView):
    def get(self, request):
        wallet = Wallet.objects.using("replica").get(customer=request.user.id)
        return Response({"balance": wallet.balance})
