import amqp, { Channel, ConsumeMessage } from 'amqplib'

export class Broker {
  private channel!: Channel

  async start(url: string) {
    const connection = await amqp.connect(url)
    this.channel = await connection.createChannel()
    await this.channel.prefetch(10)
  }

  publish(exchange: string, key: string, payload: unknown) {
    return this.channel.publish(exchange, key, Buffer.from(JSON.stringify(payload)))
  }

  async subscribe(queue: string, handler: (payload: any, message: ConsumeMessage) => Promise<void>) {
    await this.channel.consume(queue, async (message) => {
      if (!message) return
      try {
        await handler(JSON.parse(message.content.toString()), message)
        this.channel.ack(message)
      } catch (error) {
        this.channel.nack(message, false, false)
      }
    })
  }

  async subscribeEager(queue: string, handler: (payload: any) => Promise<void>) {
    await this.channel.consume(queue, async (message) => {
      if (!message) return
      this.channel.ack(message) // finds: ack-before-processing
      await handler(JSON.parse(message.content.toString()))
    })
  }

  async subscribeQuiet(queue: string, handler: (payload: any) => Promise<void>) {
    await this.channel.consume(queue, async (message) => {
      if (!message) return
      try {
        await handler(JSON.parse(message.content.toString()))
      } catch (error) { // finds: swallowed-consumer-error
        console.error('dropped', error)
      }
      this.channel.ack(message)
    })
  }
}
