package net.stay.booking.messaging;

import net.stay.booking.domain.Booking;
import net.stay.booking.domain.Guest;
import net.stay.booking.service.BankClient;
import net.stay.booking.service.LoyaltyService;
import net.stay.booking.service.Mailer;
import net.stay.booking.store.BookingRepository;
import net.stay.booking.store.GuestRepository;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.stereotype.Component;

@Component
public class BookingListener {
    private static final Logger log = LoggerFactory.getLogger(BookingListener.class);

    private final BookingRepository bookings;
    private final GuestRepository guests;
    private final BankClient bank;
    private final LoyaltyService loyalty;
    private final Mailer mailer;

    public BookingListener(
        BookingRepository bookings, GuestRepository guests, BankClient bank, LoyaltyService loyalty, Mailer mailer) {
        this.bookings = bookings;
        this.guests = guests;
        this.bank = bank;
        this.loyalty = loyalty;
        this.mailer = mailer;
    }

    @KafkaListener(topics = "bookings.booked", groupId = "mail")
    public void booked(Long id) {
        Booking booking = bookings.findById(id).orElseThrow();
        Guest guest = guests.findById(booking.getGuestId()).orElseThrow();
        mailer.confirm(guest.getAddress());
    }

    @KafkaListener(topics = "bookings.paid", groupId = "points")
    public void paid(Long id) {
        Booking booking = bookings.findById(id).orElseThrow();
        loyalty.earnSafely(booking.getGuestId(), booking.getTotal() / 10);
    }

    @KafkaListener(topics = "bookings.stay", groupId = "reminders")
    public void stay(Long id) {
        Booking booking = bookings.findById(id).orElseThrow();
        if (booking.isReminded()) {
            return;
        }
        mailer.remind(guests.findById(booking.getGuestId()).orElseThrow().getAddress());
        booking.setReminded(true);
        bookings.save(booking);
    }

    @KafkaListener(topics = "bookings.imported", groupId = "import")
    public void imported(Long id) {
        try {
            bookings.save(new Booking(id, 0L, 0));
        } catch (Exception failure) { // finds: swallowed-consumer-error
            log.error("booking {} was not imported", id, failure);
        }
    }

    @KafkaListener(topics = "bookings.copied", groupId = "import")
    public void copied(Long id) {
        try {
            bookings.save(new Booking(id, 0L, 0));
        } catch (DataIntegrityViolationException known) {
            log.info("booking {} is there already", id);
        }
    }

    @KafkaListener(topics = "bookings.closed", groupId = "closing")
    public void closed(Long id, Acknowledgment acknowledgment) {
        acknowledgment.acknowledge(); // finds: ack-before-processing
        bookings.markPaid(id);
    }

    @KafkaListener(topics = "bookings.charge", groupId = "charges")
    public void charge(Long id, Acknowledgment acknowledgment) {
        Booking booking = bookings.findById(id).orElseThrow();
        bank.charge(id, booking.getTotal());
        bookings.markPaid(id);
        acknowledgment.acknowledge();
    }
}
