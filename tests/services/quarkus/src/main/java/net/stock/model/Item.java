package net.stock.model;

import io.quarkus.hibernate.orm.panache.PanacheEntity;
import jakarta.persistence.Entity;
import jakarta.persistence.Table;

@Entity
@Table(name = "items")
public class Item extends PanacheEntity {
    public String sku;
    public String name;
    public long left;
    public boolean reordered;
}
