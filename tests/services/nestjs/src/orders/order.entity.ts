import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm'

@Entity('orders')
export class Order {
  @PrimaryGeneratedColumn('uuid')
  id: string

  @Column()
  customer: string

  @Column()
  total: number

  @Column({ default: 'new' })
  status: string

  @Column({ nullable: true, unique: true })
  requestId: string
}

@Entity('outbox')
export class OutboxMessage {
  @PrimaryGeneratedColumn()
  id: number

  @Column()
  topic: string

  @Column('jsonb')
  payload: object
}

@Entity('processed_messages')
export class ProcessedMessage {
  @Column({ primary: true })
  id: string
}
