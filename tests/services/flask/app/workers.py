import json
import logging

import pika

from app import services
from app.extensions import sqs
from app.messaging import PARAMETERS

log = logging.getLogger(__name__)
QUEUE_URL = "https://sqs.example.com/credits"


def on_credit(channel, method, properties, body):
    services.credit(json.loads(body))
    channel.basic_ack(method.delivery_tag)


def on_credit_once(channel, method, properties, body):
    services.credit_once(json.loads(body))
    channel.basic_ack(method.delivery_tag)


def on_invoice(channel, method, properties, body):
    channel.basic_ack(method.delivery_tag)  # finds: ack-before-processing
    services.merge_invoice(json.loads(body))


def on_close(channel, method, properties, body):
    try:
        services.close_invoice(json.loads(body)["id"])
    except Exception:  # finds: swallowed-consumer-error
        log.exception("could not close")
    channel.basic_ack(method.delivery_tag)


def main():
    connection = pika.BlockingConnection(PARAMETERS)
    channel = connection.channel()
    channel.basic_consume(queue="credits", on_message_callback=on_credit)
    channel.basic_consume(queue="credits-once", on_message_callback=on_credit_once)
    channel.basic_consume(queue="invoices", on_message_callback=on_invoice)
    channel.basic_consume(queue="closings", on_message_callback=on_close)
    channel.start_consuming()


def poll():
    while True:
        response = sqs.receive_message(QueueUrl=QUEUE_URL, WaitTimeSeconds=10)
        for message in response.get("Messages", []):
            services.credit_once(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
