package net.parcels.db;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import javax.sql.DataSource;

public final class Databases {
    private Databases() {}

    public static DataSource primary() {
        return open(System.getenv("DATABASE_URL"));
    }

    public static DataSource replica() {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(System.getenv("DATABASE_REPLICA_URL"));
        config.setMaximumPoolSize(10);
        return new HikariDataSource(config);
    }

    private static DataSource open(String url) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setMaximumPoolSize(20);
        return new HikariDataSource(config);
    }
}
