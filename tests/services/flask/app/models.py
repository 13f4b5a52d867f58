from datetime import datetime

from app.extensions import db


class Account(db.Model):
    __tablename__ = "accounts"
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(200), unique=True)
    name = db.Column(db.String(200))
    balance = db.Column(db.Integer, default=0)


class Invoice(db.Model):
    __tablename__ = "invoices"
    id = db.Column(db.Integer, primary_key=True)
    account_id = db.Column(db.Integer)
    total = db.Column(db.Integer)
    status = db.Column(db.String(20), default="open")
    updated_at = db.Column(db.DateTime, default=datetime.utcnow)


class Versioned(db.Model):
    __tablename__ = "settings"
    id = db.Column(db.Integer, primary_key=True)
    value = db.Column(db.Integer)
    version = db.Column(db.Integer, nullable=False)
    __mapper_args__ = {"version_id_col": version}


class SeenMessage(db.Model):
    __tablename__ = "seen_messages"
    id = db.Column(db.String(64), primary_key=True)
