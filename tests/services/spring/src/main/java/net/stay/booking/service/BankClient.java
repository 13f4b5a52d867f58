package net.stay.booking.service;

import java.util.UUID;
import org.springframework.http.HttpEntity;
import org.springframework.http.HttpHeaders;
import org.springframework.retry.annotation.Backoff;
import org.springframework.retry.annotation.Retryable;
import org.springframework.stereotype.Component;
import org.springframework.web.client.ResourceAccessException;
import org.springframework.web.client.RestTemplate;

@Component
public class BankClient {
    private final RestTemplate rest;

    public BankClient(RestTemplate rest) {
        this.rest = rest;
    }

    /** The booking's number makes the charge known again. */
    @Retryable(retryFor = ResourceAccessException.class, maxAttempts = 3, backoff = @Backoff(delay = 200, multiplier = 2, random = true))
    public String charge(long booking, long amount) {
        HttpHeaders headers = new HttpHeaders();
        headers.set("Idempotency-Key", "booking-" + booking);
        return rest.postForObject("https://bank.example/charges", new HttpEntity<>(new Charge(amount), headers), String.class);
    }

    @Retryable(maxAttempts = 3)
    public String refund(String charge) {
        HttpHeaders headers = new HttpHeaders();
        headers.set("Idempotency-Key", UUID.randomUUID().toString());
        return rest.postForObject("https://bank.example/refunds", new HttpEntity<>(charge, headers), String.class); // finds: idempotency-key-per-attempt
    }

    @Retryable(maxAttempts = 5)
    public String payOut(long amount) {
        return rest.postForObject("https://bank.example/payouts", new Charge(amount), String.class); // finds: retry-without-idempotency-key
    }

    @Retryable
    public String balance() {
        return rest.getForObject("https://bank.example/balance", String.class);
    }

    record Charge(long amount) {}
}
