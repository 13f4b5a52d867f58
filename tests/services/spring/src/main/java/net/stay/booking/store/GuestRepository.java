package net.stay.booking.store;

import net.stay.booking.domain.Guest;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.Modifying;
import org.springframework.data.jpa.repository.Query;

public interface GuestRepository extends JpaRepository<Guest, Long> {
    @Modifying
    @Query("update Guest g set g.points = g.points + ?2 where g.id = ?1")
    int addPoints(Long id, long points);
}
