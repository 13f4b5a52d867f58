package net.parcels.db;

import java.time.Instant;

public record Parcel(long id, String state, long weight, long version, Instant updatedAt) {}
