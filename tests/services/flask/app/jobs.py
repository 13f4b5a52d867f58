import smtplib

from app import gateway
from app.extensions import db
from app.models import Account, Invoice


def send_welcome(account_id):
    account = db.session.get(Account, account_id)
    with smtplib.SMTP("mail", timeout=10) as smtp:
        smtp.sendmail("shop@example.com", [account.email], f"Welcome {account.name}")


def settle(invoice_id):
    invoice = db.session.get(Invoice, invoice_id)
    if invoice.status == "paid":
        return
    gateway.charge_keyed(invoice_id, invoice.total)
    invoice.status = "paid"
    db.session.commit()
