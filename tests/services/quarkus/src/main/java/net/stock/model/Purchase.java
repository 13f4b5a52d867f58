package net.stock.model;

import io.quarkus.hibernate.orm.panache.PanacheEntity;
import jakarta.persistence.Entity;
import jakarta.persistence.Table;

@Entity
@Table(name = "orders")
public class Purchase extends PanacheEntity {
    public String sku;
    public long amount;

    public static Purchase of(String sku, long amount) {
        Purchase purchase = new Purchase();
        purchase.sku = sku;
        purchase.amount = amount;
        return purchase;
    }
}
