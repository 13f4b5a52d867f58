package net.stay.booking.service;

import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.mail.MailException;
import org.springframework.mail.SimpleMailMessage;
import org.springframework.mail.javamail.JavaMailSender;
import org.springframework.retry.annotation.Retryable;
import org.springframework.scheduling.annotation.Async;
import org.springframework.stereotype.Service;

@Service
public class Mailer {
    private static final Logger log = LoggerFactory.getLogger(Mailer.class);
    private final JavaMailSender mail;

    public Mailer(JavaMailSender mail) {
        this.mail = mail;
    }

    @Retryable
    public void confirm(String address) {
        mail.send(message(address, "Confirmed")); // finds: redelivery-without-dedup, retry-of-side-effect
    }

    public void remind(String address) {
        mail.send(message(address, "Tomorrow"));
    }

    @Async
    public void thank(String address) {
        try {
            mail.send(message(address, "Thank you"));
        } catch (MailException failure) {
            log.warn("not thanked", failure);
        }
    }

    public void survey(String address) {
        CompletableFuture.runAsync(() -> mail.send(message(address, "How was it?"))); // finds: floating-effect
    }

    public CompletableFuture<Void> invite(String address) {
        return CompletableFuture.runAsync(() -> mail.send(message(address, "Come again")));
    }

    private static SimpleMailMessage message(String address, String subject) {
        SimpleMailMessage message = new SimpleMailMessage();
        message.setTo(address);
        message.setSubject(subject);
        return message;
    }
}
