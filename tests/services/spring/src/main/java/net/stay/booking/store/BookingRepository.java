package net.stay.booking.store;

import net.stay.booking.domain.Booking;
import net.stay.booking.domain.BookingStatus;
import jakarta.persistence.LockModeType;
import java.util.List;
import java.util.Optional;
import org.springframework.data.domain.Pageable;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.Lock;
import org.springframework.data.jpa.repository.Modifying;
import org.springframework.data.jpa.repository.Query;

public interface BookingRepository extends JpaRepository<Booking, Long> {
    List<Booking> findByStatus(BookingStatus status, Pageable page);

    @Lock(LockModeType.PESSIMISTIC_WRITE)
    Optional<Booking> findOneById(Long id);

    @Modifying
    @Query("update Booking b set b.status = 'PAID' where b.id = ?1 and b.status = 'OPEN'")
    int markPaid(Long id);
}
