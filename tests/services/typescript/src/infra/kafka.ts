import { Kafka } from 'kafkajs';

const kafka = new Kafka({ clientId: 'orders', brokers: ['kafka:9092'], requestTimeout: 5000 });
export const producer = kafka.producer();
export const consumer = kafka.consumer({ groupId: 'orders' });

export async function emit(topic: string, payload: object) {
  await producer.send({ topic, messages: [{ value: JSON.stringify(payload) }] });  // finds: dual-write
}

export function emitLater(topic: string, payload: object) {
  producer.send({ topic, messages: [{ value: JSON.stringify(payload) }] });  // finds: floating-effect
}
