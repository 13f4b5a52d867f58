package net.stay.booking.domain;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;

@Entity
@Table(name = "bookings")
public class Booking {
    @Id
    @GeneratedValue(strategy = GenerationType.IDENTITY)
    private Long id;
    @Column(name = "room_id")
    private Long roomId;
    @Column(name = "guest_id")
    private Long guestId;
    @Enumerated(EnumType.STRING)
    private BookingStatus status = BookingStatus.OPEN;
    private long total;
    private boolean reminded;
    @Column(name = "updated_at")
    private Instant updatedAt;

    protected Booking() {}

    public Booking(Long roomId, Long guestId, long total) {
        this.roomId = roomId;
        this.guestId = guestId;
        this.total = total;
    }

    public Long getId() {
        return id;
    }

    public Long getRoomId() {
        return roomId;
    }

    public Long getGuestId() {
        return guestId;
    }

    public BookingStatus getStatus() {
        return status;
    }

    public void setStatus(BookingStatus status) {
        this.status = status;
    }

    public long getTotal() {
        return total;
    }

    public boolean isReminded() {
        return reminded;
    }

    public void setReminded(boolean reminded) {
        this.reminded = reminded;
    }

    public Instant getUpdatedAt() {
        return updatedAt;
    }
}
