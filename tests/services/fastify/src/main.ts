import Fastify from "fastify";
import routes from "./routes/shipments.js";
import { start } from "./lib/bus.js";
import { boss } from "./lib/queue.js";
import { workers, consumeDeliveries, consumeOnce, consumeReturns, consumeDamages, consumeCounts } from "./jobs/consumer.js";

const app = Fastify({ logger: true });
await app.register(routes, { prefix: "/api" });
await start();
await boss.start();
await workers();
void consumeDeliveries().catch((err) => app.log.error(err));
void consumeOnce().catch((err) => app.log.error(err));
void consumeReturns().catch((err) => app.log.error(err));
void consumeDamages().catch((err) => app.log.error(err));
void consumeCounts().catch((err) => app.log.error(err));
await app.listen({ port: 3000 });
