import { pgTable, serial, text, integer, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

export const shipments = pgTable("shipments", {
  id: serial("id").primaryKey(),
  reference: text("reference").notNull(),
  status: text("status").notNull(),
  attempts: integer("attempts").notNull().default(0),
  carrier: text("carrier"),
  updatedAt: timestamp("updated_at"),
});

export const warehouses = pgTable("warehouses", {
  id: serial("id").primaryKey(),
  stock: integer("stock").notNull(),
  name: text("name").notNull(),
});

export const processedEvents = pgTable("processed_events", {
  eventId: text("event_id").notNull(),
}, (t) => ({ uniq: uniqueIndex("processed_events_event_id").on(t.eventId) }));

export const invoices = pgTable("invoices", {
  id: serial("id").primaryKey(),
  shipmentId: integer("shipment_id").notNull(),
  amount: integer("amount").notNull(),
});
