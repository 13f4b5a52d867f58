import { Sequelize, DataTypes, Model, InferAttributes, InferCreationAttributes, CreationOptional } from 'sequelize'

export const sequelize = new Sequelize(process.env.DB_URL!, {
  replication: {
    write: { host: process.env.DB_PRIMARY },
    read: [{ host: process.env.DB_REPLICA }],
  },
})

export class Order extends Model<InferAttributes<Order>, InferCreationAttributes<Order>> {
  declare id: CreationOptional<number>
  declare reference: string
  declare total: number
  declare state: string
  declare version: CreationOptional<number>
}

Order.init(
  {
    id: { type: DataTypes.INTEGER, autoIncrement: true, primaryKey: true },
    reference: DataTypes.STRING,
    total: DataTypes.INTEGER,
    state: DataTypes.STRING,
    version: DataTypes.INTEGER,
  },
  { sequelize, modelName: 'Order' },
)

export class StockItem extends Model {
  declare sku: string
  declare quantity: number
}

StockItem.init({ sku: DataTypes.STRING, quantity: DataTypes.INTEGER }, { sequelize, modelName: 'StockItem' })

export class Invoice extends Model {
  declare number: string
  declare orderId: number
  declare amount: number
}

Invoice.init(
  { number: { type: DataTypes.STRING, unique: true }, orderId: DataTypes.INTEGER, amount: DataTypes.INTEGER },
  { sequelize, modelName: 'Invoice' },
)
