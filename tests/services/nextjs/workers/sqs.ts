import { SQSClient, ReceiveMessageCommand, DeleteMessageCommand, type Message } from '@aws-sdk/client-sqs'
import { SESClient, SendEmailCommand } from '@aws-sdk/client-ses'
import { prisma } from '@/lib/db'
import { setStatus } from '@/lib/orders'

const sqs = new SQSClient({})
const ses = new SESClient({})
const QueueUrl = process.env.QUEUE_URL

async function mail(message: Message) {
  const body = JSON.parse(message.Body ?? '{}')
  await ses.send(new SendEmailCommand({ Source: 'a@b.c', Destination: { ToAddresses: [body.to] }, Message: body.message })) // finds: redelivery-without-dedup
}

export async function runMails() {
  while (true) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }))
    for (const message of Messages) {
      await mail(message)
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }))
    }
  }
}

export async function runStatus() {
  while (true) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }))
    for (const message of Messages) {
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle })) // finds: ack-before-processing
      const { id, status } = JSON.parse(message.Body ?? '{}')
      await setStatus(id, status)
    }
  }
}

export async function runTotals() {
  while (true) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }))
    for (const message of Messages) {
      try {
        const { id, total } = JSON.parse(message.Body ?? '{}')
        await prisma.order.update({ where: { id }, data: { total } }) // finds: cache-not-invalidated
      } catch (err) { // finds: swallowed-consumer-error
        console.error(err)
      }
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }))
    }
  }
}
