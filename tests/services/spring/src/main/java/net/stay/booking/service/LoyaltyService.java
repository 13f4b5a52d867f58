package net.stay.booking.service;

import net.stay.booking.domain.Guest;
import net.stay.booking.store.GuestRepository;
import net.stay.booking.store.Reports;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

@Service
public class LoyaltyService {
    private static final long GOLD = 1000;

    private final GuestRepository guests;
    private final Reports reports;

    public LoyaltyService(GuestRepository guests, Reports reports) {
        this.guests = guests;
        this.reports = reports;
    }

    @Transactional
    public void earn(long guest, long points) {
        Guest found = guests.findById(guest).orElseThrow();
        found.setPoints(found.getPoints() + points); // finds: lost-update
    }

    /** The database adds. */
    @Transactional
    public void earnSafely(long guest, long points) {
        guests.addPoints(guest, points); // finds: redelivery-without-dedup
    }

    public void spend(long guest, long points) {
        if (reports.pointsOf(guest) >= points) { // finds: replica-read-modify-write
            guests.addPoints(guest, -points);
        }
    }

    public boolean isGold(long guest) {
        return reports.pointsOf(guest) > GOLD;
    }

    @Transactional
    public void rename(long guest, String name) {
        Guest found = guests.findById(guest).orElseThrow();
        found.setName(name);
    }
}
