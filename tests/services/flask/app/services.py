import json

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app import gateway, messaging
from app.extensions import ReportingSession, db, dynamodb, queue, redis_client, s3, sqs
from app.jobs import send_welcome, settle
from app.locks import CarelessLock, Lock
from app.models import Account, Invoice, SeenMessage, Versioned

QUEUE_URL = "https://sqs.example.com/invoices"


def account_key(account_id):
    return f"account:{account_id}"


def get_account(account_id):
    cached = redis_client.get(account_key(account_id))
    if cached:
        return json.loads(cached)
    account = db.session.get(Account, account_id)  # finds: cache-stampede
    data = {"id": account.id, "name": account.name, "email": account.email}
    redis_client.setex(account_key(account_id), 600, json.dumps(data))
    return data


def rename_account(account_id, name):
    account = db.session.get(Account, account_id)
    account.name = name
    db.session.commit()
    redis_client.delete(account_key(account_id))


def change_email(account_id, email):
    db.session.execute(update(Account).where(Account.id == account_id).values(email=email))  # finds: cache-not-invalidated
    db.session.commit()


def deposit(account_id, amount):
    account = Account.query.get(account_id)
    account.balance = account.balance + amount  # finds: lost-update
    db.session.commit()


def deposit_locked(account_id, amount):
    account = Account.query.filter_by(id=account_id).with_for_update().one()
    account.balance += amount
    db.session.commit()


def deposit_atomic(account_id, amount):
    db.session.execute(update(Account).where(Account.id == account_id).values(balance=Account.balance + amount))
    db.session.commit()


def bump_setting(setting_id):
    setting = db.session.get(Versioned, setting_id)
    setting.value = setting.value + 1
    db.session.commit()


def settle_under_lock(account_id, amount):
    with Lock(f"account-{account_id}", 10):
        account = db.session.get(Account, account_id)
        account.balance = account.balance - amount  # finds: lock-without-fenced-write
        db.session.commit()


def rebuild_report():
    with CarelessLock("report"):
        return db.session.execute(select(Invoice)).scalars().all()


def sign_up(email, name):
    account = Account(email=email, name=name)
    db.session.add(account)
    db.session.flush()
    queue.enqueue(send_welcome, account.id)  # finds: enqueue-before-commit
    db.session.commit()
    return account


def sign_up_after(email, name):
    account = Account(email=email, name=name)
    db.session.add(account)
    db.session.commit()
    queue.enqueue(send_welcome, account.id)
    return account


def pay_invoice(invoice_id):
    invoice = Invoice.query.with_for_update().get(invoice_id)
    charge = gateway.charge_keyed(invoice_id, invoice.total)  # finds: remote-call-in-transaction
    invoice.status = "paid"
    db.session.commit()
    return charge


def pay_invoice_after(invoice_id):
    invoice = db.session.get(Invoice, invoice_id)
    total = invoice.total
    db.session.commit()
    charge = gateway.charge_keyed(invoice_id, total)
    db.session.execute(update(Invoice).where(Invoice.id == invoice_id).values(status="paid"))
    db.session.commit()
    return charge


def close_invoice(invoice_id):
    db.session.execute(update(Invoice).where(Invoice.id == invoice_id).values(status="closed"))
    db.session.commit()
    sqs.send_message(QueueUrl=QUEUE_URL, MessageBody=json.dumps({"invoice": invoice_id}))  # finds: dual-write


def create_invoice(account_id, total):
    invoice = Invoice(account_id=account_id, total=total)
    db.session.add(invoice)  # finds: post-without-idempotency-key
    db.session.commit()
    return invoice


def create_invoice_once(account_id, total, request_id):
    statement = insert(Invoice).values(id=request_id, account_id=account_id, total=total).on_conflict_do_nothing()
    db.session.execute(statement)
    db.session.commit()


def rename_and_read(account_id, name):
    db.session.execute(update(Account).where(Account.id == account_id).values(name=name))
    db.session.commit()
    redis_client.delete(account_key(account_id))
    with ReportingSession() as session:
        return session.get(Account, account_id)  # finds: write-then-replica-read


def withdraw(account_id, amount):
    with ReportingSession() as session:
        balance = session.execute(select(Account.balance).where(Account.id == account_id)).scalar_one()  # finds: replica-read-modify-write
    if balance < amount:
        raise ValueError("too little")
    db.session.execute(update(Account).where(Account.id == account_id).values(balance=balance - amount))
    db.session.commit()


def list_accounts():
    with ReportingSession() as session:
        return session.execute(select(Account).limit(100)).scalars().all()


def merge_invoice(message):
    invoice = db.session.get(Invoice, message["id"])
    if message["updated_at"] > invoice.updated_at:
        invoice.total = message["total"]  # finds: last-write-wins
        invoice.updated_at = message["updated_at"]
        db.session.commit()


def credit(message):
    db.session.execute(update(Account).where(Account.id == message["account"]).values(balance=Account.balance + message["amount"]))  # finds: redelivery-without-dedup
    db.session.commit()


def credit_once(message):
    db.session.add(SeenMessage(id=message["id"]))
    db.session.execute(update(Account).where(Account.id == message["account"]).values(balance=Account.balance + message["amount"]))
    db.session.commit()
