use tokio::sync::mpsc::{unbounded_channel, UnboundedSender};

pub struct Buffer {
    frames: UnboundedSender<Frame>,
}

impl Buffer {
    pub fn new() -> Buffer {
        let (frames, queue) = unbounded_channel();
        tokio::spawn(crate::sink::drain(queue));
        Buffer { frames }
    }

    pub fn push(&self, frame: Frame) {
        let _ = self.frames.send(frame);
    }
}
