package net.stay.booking.config;

import java.time.Duration;
import org.springframework.boot.web.client.RestTemplateBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.client.RestTemplate;

@Configuration
public class Clients {
    @Bean
    public RestTemplate rest(RestTemplateBuilder builder) {
        return builder.setConnectTimeout(Duration.ofMillis(500)).setReadTimeout(Duration.ofSeconds(3)).build();
    }
}
