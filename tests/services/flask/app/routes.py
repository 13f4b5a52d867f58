from flask import Blueprint, jsonify, request

from app import gateway, services
from app.locks import RateLimiter

bp = Blueprint("api", __name__)
limiter = RateLimiter("api", 100)


@bp.get("/accounts/<int:account_id>")
def show(account_id):
    return jsonify(services.get_account(account_id))


@bp.get("/accounts")
def index():
    return jsonify([account.name for account in services.list_accounts()])


@bp.put("/accounts/<int:account_id>/name")
def rename(account_id):
    services.rename_account(account_id, request.json["name"])
    return "", 204


@bp.put("/accounts/<int:account_id>/name-shown")
def rename_shown(account_id):
    return jsonify(services.rename_and_read(account_id, request.json["name"]).name)


@bp.put("/accounts/<int:account_id>/email")
def email(account_id):
    services.change_email(account_id, request.json["email"])
    return "", 204


@bp.put("/accounts/<int:account_id>/deposit")
def deposit(account_id):
    if not limiter.allow():
        return "", 429
    services.deposit(account_id, request.json["amount"])
    return "", 204


@bp.put("/accounts/<int:account_id>/deposit-safe")
def deposit_safe(account_id):
    services.deposit_locked(account_id, request.json["amount"])
    services.deposit_atomic(account_id, request.json["amount"])
    services.bump_setting(account_id)
    return "", 204


@bp.put("/accounts/<int:account_id>/settle")
def settle(account_id):
    services.settle_under_lock(account_id, request.json["amount"])
    services.rebuild_report()
    return "", 204


@bp.put("/accounts/<int:account_id>/withdraw")
def withdraw(account_id):
    services.withdraw(account_id, request.json["amount"])
    return "", 204


@bp.put("/sign-up")
def sign_up():
    services.sign_up(request.json["email"], request.json["name"])
    services.sign_up_after(request.json["email"], request.json["name"])
    return "", 204


@bp.put("/invoices/<int:invoice_id>/pay")
def pay(invoice_id):
    services.pay_invoice(invoice_id)
    return "", 204


@bp.put("/invoices/<int:invoice_id>/pay-after")
def pay_after(invoice_id):
    services.pay_invoice_after(invoice_id)
    return "", 204


@bp.route("/invoices", methods=["POST"])
def create():
    invoice = services.create_invoice(request.json["account"], request.json["total"])
    return jsonify({"id": invoice.id}), 201


@bp.route("/invoices/once", methods=["POST"])
def create_once():
    services.create_invoice_once(request.json["account"], request.json["total"], request.headers["Idempotency-Key"])
    return "", 201


@bp.put("/charges/<charge_id>")
def charge(charge_id):
    gateway.charge(charge_id, request.json["amount"])
    gateway.refund(charge_id)
    gateway.refund_keyed(charge_id)
    gateway.send_receipt(charge_id)
    gateway.open_ticket(charge_id)
    gateway.notify_quietly(charge_id)
    return jsonify([gateway.fetch_statement(charge_id), gateway.fetch_balance(charge_id), gateway.report(charge_id)])


@bp.put("/invoices/<int:invoice_id>/close")
def close(invoice_id):
    services.close_invoice(invoice_id)
    return "", 204
