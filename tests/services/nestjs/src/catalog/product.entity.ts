import { Column, Entity, PrimaryGeneratedColumn, VersionColumn } from 'typeorm'

@Entity('products')
export class Product {
  @PrimaryGeneratedColumn('uuid')
  id: string

  @Column()
  name: string

  @Column()
  price: number

  @Column()
  stock: number

  @Column()
  views: number
}

@Entity('stocktakes')
export class Stocktake {
  @PrimaryGeneratedColumn('uuid')
  id: string

  @Column()
  counted: number

  @VersionColumn()
  version: number
}
