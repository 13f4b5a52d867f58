package net.stock.client;

import jakarta.enterprise.context.ApplicationScoped;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;

@ApplicationScoped
public class Documents {
    private final S3Client s3;

    public Documents(S3Client s3) {
        this.s3 = s3;
    }

    public void put(String name, String text) {
        PutObjectRequest request = PutObjectRequest.builder().bucket("stock-documents").key("documents/" + name).build();
        s3.putObject(request, RequestBody.fromString(text));
    }

    /** What is not there is written with the next one. */
    public void tryPut(String name, String text) {
        try {
            s3.putObject(request -> request.bucket("stock-copies").key("copies/" + name), RequestBody.fromString(text));
        } catch (RuntimeException failure) {} // finds: swallowed-remote-error
    }
}
