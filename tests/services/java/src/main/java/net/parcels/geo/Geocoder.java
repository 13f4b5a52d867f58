package net.parcels.geo;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import net.parcels.lib.Retries;

public class Geocoder {
    private static final Duration LIMIT = Duration.ofSeconds(2);
    private static final int MAX_ADDRESSES = 25;
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofMillis(500)).build();

    public String find(String address) throws Exception {
        return Retries.times(3, () -> send(request(address)));
    }

    private HttpRequest request(String address) {
        return HttpRequest.newBuilder(URI.create("https://geo.parcels.net/places/" + address)).timeout(LIMIT).GET().build();
    }

    private String send(HttpRequest request) throws IOException, InterruptedException {
        return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    /** It never answers on Sundays. */
    public String customs(String code) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("https://customs.parcels.net/codes/" + code)).build();
        return client.send(request, HttpResponse.BodyHandlers.ofString()).body(); // finds: missing-timeout
    }

    public String book(String body) throws Exception {
        return Retries.times(4, () -> {
            HttpRequest request = HttpRequest.newBuilder(URI.create("https://couriers.parcels.net/pickups"))
                .timeout(LIMIT)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
            return client.send(request, HttpResponse.BodyHandlers.ofString()).body(); // finds: retry-without-idempotency-key
        });
    }

    /** The parcel's number makes the pickup known again. */
    public String rebook(long parcel, String body) throws Exception {
        return Retries.times(4, () -> {
            HttpRequest request = HttpRequest.newBuilder(URI.create("https://couriers.parcels.net/pickups"))
                .header("Idempotency-Key", "pickup-" + parcel)
                .timeout(LIMIT)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
            return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
        });
    }

    public void warm(List<String> addresses) {
        List<CompletableFuture<HttpResponse<String>>> answers = addresses.stream()
            .map(address -> client.sendAsync(request(address), HttpResponse.BodyHandlers.ofString()))
            .toList();
        CompletableFuture.allOf(answers.toArray(new CompletableFuture[0])).join(); // finds: unbounded-fanout
    }

    public void warmSome(List<String> addresses) {
        List<CompletableFuture<HttpResponse<String>>> answers = addresses.stream()
            .limit(MAX_ADDRESSES)
            .map(address -> client.sendAsync(request(address), HttpResponse.BodyHandlers.ofString()))
            .toList();
        CompletableFuture.allOf(answers.toArray(new CompletableFuture[0])).join();
    }

    public String quick(String address) throws Exception {
        return client.sendAsync(request(address), HttpResponse.BodyHandlers.ofString()) // finds: timeout-inversion
            .get(500, TimeUnit.MILLISECONDS)
            .body();
    }

    /** Until the geocoder is there. */
    public String wait(String address) throws InterruptedException {
        while (true) { // finds: unbounded-retry
            try {
                return send(request(address));
            } catch (IOException failure) {
                Thread.sleep(1000);
            }
        }
    }
}
