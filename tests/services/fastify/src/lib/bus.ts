import { connect, JSONCodec, type JetStreamClient, type NatsConnection } from "nats";

let nc: NatsConnection;
let js: JetStreamClient;
const codec = JSONCodec();

export async function start() {
  nc = await connect({ servers: process.env.NATS_URL });
  js = nc.jetstream();
}

export async function publish(subject: string, payload: unknown) {
  await js.publish(subject, codec.encode(payload));
}

export function consumer(stream: string, durable: string) {
  return js.consumers.get(stream, durable);
}

export { codec };
