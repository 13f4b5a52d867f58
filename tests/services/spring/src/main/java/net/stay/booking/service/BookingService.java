package net.stay.booking.service;

import net.stay.booking.domain.Booking;
import net.stay.booking.domain.BookingStatus;
import net.stay.booking.domain.Room;
import net.stay.booking.lib.Locks;
import net.stay.booking.messaging.BookingEvents;
import net.stay.booking.store.BookingRepository;
import net.stay.booking.store.OutboxWriter;
import net.stay.booking.store.Reports;
import net.stay.booking.store.RoomRepository;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;

@Service
public class BookingService {
    private final BookingRepository bookings;
    private final RoomRepository rooms;
    private final BookingEvents events;
    private final BankClient bank;
    private final OutboxWriter outbox;
    private final Reports reports;
    private final Locks locks;
    private final TransactionTemplate transactions;

    public BookingService(
        BookingRepository bookings,
        RoomRepository rooms,
        BookingEvents events,
        BankClient bank,
        OutboxWriter outbox,
        Reports reports,
        Locks locks,
        TransactionTemplate transactions
    ) {
        this.bookings = bookings;
        this.rooms = rooms;
        this.events = events;
        this.bank = bank;
        this.outbox = outbox;
        this.reports = reports;
        this.locks = locks;
        this.transactions = transactions;
    }

    @Transactional
    public Booking book(long room, long guest, long total) {
        Booking booking = bookings.save(new Booking(room, guest, total)); // finds: post-without-idempotency-key
        events.booked(booking.getId());
        return booking;
    }

    /** The same, told when it is there. */
    @Transactional
    public Booking waitlist(long room, long guest) {
        Booking booking = bookings.save(new Booking(room, guest, 0));
        TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
            @Override
            public void afterCommit() {
                events.waiting(booking.getId());
            }
        });
        return booking;
    }

    @Transactional
    public void pay(long id) {
        Booking booking = bookings.findOneById(id).orElseThrow();
        bank.charge(id, booking.getTotal()); // finds: remote-call-in-transaction
        booking.setStatus(BookingStatus.PAID);
        bookings.save(booking);
    }

    /** The bank is asked first, the row changes in a transaction of its own. */
    public boolean settle(long id) {
        Booking booking = bookings.findById(id).orElseThrow();
        bank.charge(id, booking.getTotal());
        return Boolean.TRUE.equals(transactions.execute(status -> bookings.markPaid(id) == 1));
    }

    @Transactional
    public void cancel(long id) {
        Booking booking = bookings.findOneById(id).orElseThrow();
        booking.setStatus(BookingStatus.CANCELLED);
        bookings.save(booking);
        outbox.add("bookings.cancelled", String.valueOf(id));
    }

    /** The row's version is compared by the mapper. */
    @Transactional
    public void take(long room) {
        Room found = rooms.findById(room).orElseThrow();
        if (found.getLeft() == 0) {
            throw new IllegalStateException("no room left");
        }
        found.setLeft(found.getLeft() - 1);
        rooms.save(found);
    }

    public String confirm(long id) {
        bookings.markPaid(id);
        return reports.statusOf(id); // finds: write-then-replica-read
    }

    public void reopen(long id) {
        locks.locked("booking:" + id, () -> {
            Booking booking = bookings.findById(id).orElseThrow();
            booking.setStatus(BookingStatus.OPEN);
            return bookings.save(booking); // finds: lock-without-fenced-write
        });
    }

    public String overview(long id) {
        return reports.statusOf(id) + " of " + reports.byRoom().size();
    }
}
