package net.stay.booking.messaging;

import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.stereotype.Component;

@Component
public class BookingEvents {
    private final KafkaTemplate<String, Long> kafka;

    public BookingEvents(KafkaTemplate<String, Long> kafka) {
        this.kafka = kafka;
    }

    public void booked(Long id) {
        kafka.send("bookings.booked", id); // finds: enqueue-before-commit
    }

    public void waiting(Long id) {
        kafka.send("bookings.waiting", id);
    }
}
