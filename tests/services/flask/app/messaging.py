import json

import pika

PARAMETERS = pika.ConnectionParameters("rabbit", blocked_connection_timeout=10)


def publish(topic, payload):
    connection = pika.BlockingConnection(PARAMETERS)
    channel = connection.channel()
    channel.basic_publish("events", topic, json.dumps(payload))
    connection.close()
