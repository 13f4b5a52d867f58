package net.stock.model;

import io.quarkus.hibernate.orm.panache.PanacheEntity;
import jakarta.persistence.Entity;
import jakarta.persistence.Table;
import jakarta.persistence.Version;

@Entity
@Table(name = "shelves")
public class Shelf extends PanacheEntity {
    @Version
    public long version;
    public String label;
    public long used;
}
