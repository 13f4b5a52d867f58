import boto3
import redis
from flask_sqlalchemy import SQLAlchemy
from rq import Queue
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

db = SQLAlchemy()
redis_client = redis.StrictRedis(host="redis", socket_timeout=1, decode_responses=True)
queue = Queue("default", connection=redis_client)
sqs = boto3.client("sqs")
dynamodb = boto3.resource("dynamodb")
s3 = boto3.client("s3")

reporting_engine = create_engine("postgresql://replica.internal/shop", connect_args={"connect_timeout": 3})
ReportingSession = sessionmaker(bind=reporting_engine)
