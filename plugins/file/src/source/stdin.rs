//! Standard input: one thread for the process reads it, because a read of it cannot be given up.

use bytes::Bytes;
use std::{
    io::{self, Read},
    sync::LazyLock,
    thread,
};
use tokio::sync::{Mutex, mpsc};

/// How much one read may bring.
const PIECE: usize = 64 << 10;

/// How many pieces wait for a task: the thread reads ahead of it, and not much.
const PIECES_MAX: usize = 2;

/// What was read and nobody has taken yet. Tasks that read standard input at the same time share it.
static PIECES: LazyLock<Mutex<mpsc::Receiver<io::Result<Bytes>>>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    // Nobody can wait for this thread: its read ends when somebody types. It ends with the process.
    let thread = thread::Builder::new().name("stdin".into()).spawn({
        let sender = sender.clone();
        move || read_all(&sender)
    });
    if let Err(error) = thread {
        // The channel is empty: there is room.
        let _ = sender.try_send(Err(error));
    }
    Mutex::new(receiver)
});

/// Waits for the next piece; `None` at the end of the input. May be dropped while it waits.
pub(super) async fn next() -> Option<io::Result<Bytes>> {
    PIECES.lock().await.recv().await
}

fn read_all(sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut piece = vec![0; PIECE];
    loop {
        let read = match io::stdin().lock().read(&mut piece) {
            Ok(0) => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(size) => Ok(Bytes::copy_from_slice(&piece[..size])),
            Err(error) => Err(error),
        };
        let failed = read.is_err();
        if sender.blocking_send(read).is_err() || failed {
            return;
        }
    }
}
