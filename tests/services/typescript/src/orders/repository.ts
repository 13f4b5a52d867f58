import { PoolClient } from 'pg';
import { primary, readReplica } from '@app/infra/db';

export interface Order { id: string; userId: string; total: number; state: string; version: number; updatedAt: Date }

export class OrderRepository {
  async insert(order: Partial<Order>, client: PoolClient | typeof primary = primary) {
    const { rows } = await client.query(
      'INSERT INTO orders (user_id, total, state) VALUES ($1, $2, $3) RETURNING *',
      [order.userId, order.total, 'new'],
    );
    return rows[0] as Order;
  }

  async insertOnce(order: Partial<Order>, key: string) {
    const { rows } = await primary.query(
      'INSERT INTO orders (user_id, total, state, request_key) VALUES ($1, $2, $3, $4) ON CONFLICT (request_key) DO NOTHING RETURNING *',
      [order.userId, order.total, 'new', key],
    );
    return rows[0] as Order;
  }

  async find(id: string) {
    const { rows } = await primary.query('SELECT * FROM orders WHERE id = $1', [id]);
    return rows[0] as Order;
  }

  async findFast(id: string) {
    const { rows } = await readReplica.query('SELECT * FROM orders WHERE id = $1', [id]);  // finds: write-then-replica-read
    return rows[0] as Order;
  }

  async setState(id: string, state: string, client: PoolClient | typeof primary = primary) {
    await client.query('UPDATE orders SET state = $2 WHERE id = $1', [id, state]); // finds: cache-not-invalidated
  }

  async setStateVersioned(id: string, state: string, version: number) {
    const { rowCount } = await primary.query(  // finds: cache-not-invalidated
      'UPDATE orders SET state = $2, version = version + 1 WHERE id = $1 AND version = $3',
      [id, state, version],
    );
    if (rowCount === 0) throw new Error('conflict');
  }

  async setTotal(id: string, total: number) {
    await primary.query('UPDATE orders SET total = $2 WHERE id = $1', [id, total]);  // finds: cache-not-invalidated
  }
}

export const orders = new OrderRepository();
