package net.stay.booking.web;

import net.stay.booking.domain.Booking;
import net.stay.booking.service.BookingService;
import net.stay.booking.service.RoomCache;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/bookings")
public class BookingController {
    private final BookingService service;
    private final RoomCache rooms;

    public BookingController(BookingService service, RoomCache rooms) {
        this.service = service;
        this.rooms = rooms;
    }

    @PostMapping
    public Booking book(@RequestBody Wish wish) {
        return service.book(wish.room(), wish.guest(), wish.total());
    }

    @PutMapping("/{id}/paid")
    public void pay(@PathVariable long id) {
        service.pay(id);
    }

    @PutMapping("/{id}/confirmed")
    public String confirm(@PathVariable long id) {
        return service.confirm(id);
    }

    @DeleteMapping("/{id}")
    public void cancel(@PathVariable long id) {
        service.cancel(id);
    }

    @GetMapping("/{id}")
    public String overview(@PathVariable long id) {
        return service.overview(id);
    }

    @GetMapping("/rooms/{id}")
    public String room(@PathVariable long id) {
        return rooms.name(id);
    }

    public record Wish(long room, long guest, long total) {}
}
