from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.views import View
from rest_framework import viewsets
from rest_framework.decorators import action, api_view
from rest_framework.response import Response
from rest_framework.views import APIView

from shop.catalog import services
from shop.catalog.models import Product
from shop.catalog.serializers import ProductSerializer


class ProductView(View):
    def get(self, request, product_id):
        return JsonResponse(services.get_product(product_id))


class StockView(APIView):
    def post(self, request, product_id):
        services.restock(product_id, int(request.data["amount"]))
        return Response(status=204)

    def put(self, request, product_id):
        services.restock_locked(product_id, int(request.data["amount"]))
        services.restock_expression(product_id, int(request.data["amount"]))
        services.restock_atomic(product_id, int(request.data["amount"]))
        return Response(status=204)

    def patch(self, request, product_id):
        services.reserve(product_id, int(request.data["amount"]))
        services.recount(product_id, int(request.data["counted"]))
        return Response(status=204)


class ProductViewSet(viewsets.ModelViewSet):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer

    @action(detail=True, methods=["post"])
    def rename(self, request, pk=None):
        services.rename(pk, request.data["name"])
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def reprice(self, request, pk=None):
        product = get_object_or_404(Product.objects.using("default"), pk=pk)
        services.reprice(product.pk, request.data["price"])
        fresh = Product.objects.using("replica").get(pk=pk)  # finds: write-then-replica-read
        return Response({"price": fresh.price})


@api_view(["GET"])
def rates(request):
    return Response(services.get_rate_table())


@api_view(["POST"])
def feed(request):
    for item in request.data["items"]:
        services.sync_from_feed(item)
    services.rebuild_index()
    return Response(status=202)


@api_view(["POST"])
def view(request, product_id):
    services.count_view(product_id)
    return Response(status=204)
