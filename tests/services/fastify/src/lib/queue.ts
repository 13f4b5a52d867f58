import PgBoss from "pg-boss";

export const boss = new PgBoss(process.env.DATABASE_URL!);

export function enqueueLabel(shipmentId: number) {
  return boss.send("print-label", { shipmentId }, { retryLimit: 5, retryBackoff: true });
}
