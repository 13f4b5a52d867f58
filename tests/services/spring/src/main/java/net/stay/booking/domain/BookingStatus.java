package net.stay.booking.domain;

public enum BookingStatus {
    OPEN,
    PAID,
    CANCELLED
}
