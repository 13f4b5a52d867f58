import knex from 'knex'

export const db = knex({ client: 'pg', connection: process.env.DATABASE_URL })
export const replica = knex({ client: 'pg', connection: process.env.DATABASE_REPLICA_URL })
