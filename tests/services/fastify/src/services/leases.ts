import { redis } from "~/lib/redis.js";

export class Lease {
  private acquiredAt = 0;
  constructor(private readonly name: string, private readonly ttlMs: number) {}

  async acquire() {
    const ok = await redis.set(this.name, "me", { NX: true, PX: this.ttlMs });
    this.acquiredAt = Date.now();
    return ok === "OK";
  }

  stillHeld() {
    return Date.now() - this.acquiredAt < this.ttlMs; // finds: wall-clock-duration
  }
}

export class Backlog {
  private readonly waiting: string[] = [];

  push(item: string) {
    this.waiting.push(item);
  }

  async drain(send: (item: string) => Promise<void>) {
    for (const item of this.waiting.splice(0)) await send(item);
  }
}
