import { Injectable, OnModuleInit } from '@nestjs/common'
import { Kafka } from 'kafkajs'

@Injectable()
export class EventBus implements OnModuleInit {
  private readonly kafka = new Kafka({ brokers: [process.env.KAFKA!] })
  private readonly producer = this.kafka.producer()

  async onModuleInit() {
    await this.producer.connect()
  }

  async publish(topic: string, payload: object) {
    await this.producer.send({ topic, messages: [{ value: JSON.stringify(payload) }] })
  }
}
