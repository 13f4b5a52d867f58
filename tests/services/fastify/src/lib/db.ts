import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import * as schema from "./schema.js";

const primary = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 });
const follower = new pg.Pool({ connectionString: process.env.DATABASE_REPLICA_URL, max: 20 });

export const db = drizzle(primary, { schema });
export const readDb = drizzle(follower, { schema });
export type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0];
