mod buffer;

use buffer::Buffer;

pub async fn read(mut socket: Socket, buffer: &Buffer) {
    while let Some(frame) = socket.next().await {
        buffer.push(frame);
    }
}
