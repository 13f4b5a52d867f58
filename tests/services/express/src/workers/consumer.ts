import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { connect } from '../lib/bus.js'
import { mutex } from '../lib/redis.js'
import * as orders from '../services/orders.js'
import { credit, creditOnce, merge } from '../services/wallets.js'

const sqs = new SQSClient({})

export async function start() {
  const channel = await connect()
  await channel.prefetch(10)
  await channel.consume('credits', async (message) => {
    if (!message) return
    const body = JSON.parse(message.content.toString())
    await credit(body.owner, body.cents)
    channel.ack(message)
  })
  await channel.consume('credits-once', async (message) => {
    if (!message) return
    const body = JSON.parse(message.content.toString())
    await creditOnce(body.owner, body.cents, message.properties.messageId)
    channel.ack(message)
  })
  await channel.consume('wallets', async (message) => {
    if (!message) return
    channel.ack(message) // finds: ack-before-processing
    await merge(JSON.parse(message.content.toString()))
  })
  await channel.consume('status', async (message) => {
    if (!message) return
    const body = JSON.parse(message.content.toString())
    try {
      await orders.setStatus(body.id, body.status)
    } catch (error) { // finds: swallowed-consumer-error
      console.error('status failed', error)
    }
    channel.ack(message)
  })
}

export async function poll() {
  for (;;) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: process.env.QUEUE_URL, WaitTimeSeconds: 10 }))
    for (const message of Messages) {
      const body = JSON.parse(message.Body!)
      await creditOnce(body.owner, body.cents, message.MessageId!)
      await sqs.send(new DeleteMessageCommand({ QueueUrl: process.env.QUEUE_URL, ReceiptHandle: message.ReceiptHandle }))
    }
  }
}

export const nightly = () => mutex('nightly', async () => {
  await orders.list()
})
