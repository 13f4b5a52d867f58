import amqp, { Channel } from 'amqplib'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'

const sqs = new SQSClient({})
let channel: Channel

export async function connect() {
  const connection = await amqp.connect(process.env.AMQP_URL!)
  channel = await connection.createChannel()
  return channel
}

export function emit(topic: string, payload: object) {
  return channel.publish('events', topic, Buffer.from(JSON.stringify(payload))) // finds: dual-write
}

export async function enqueue(payload: object) {
  await sqs.send(new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody: JSON.stringify(payload) }))
}
