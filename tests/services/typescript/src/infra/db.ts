import { Pool, PoolClient } from 'pg';
import { config } from '@app/config';

export const primary = new Pool({ connectionString: config.primaryUrl, max: 20 });
export const readReplica = new Pool({ connectionString: config.replicaUrl, max: 20 });

export async function inTransaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await primary.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (err) {
    await client.query('ROLLBACK');
    throw err;
  } finally {
    client.release();
  }
}

export async function withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await primary.connect();
  try {
    return await work(client);
  } finally {
    client.release();
  }
}
