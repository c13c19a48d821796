//! The end of a stream.

use std::collections::VecDeque;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

/// The last `most` items of a stream. A stream that does not end gives none.
pub fn last<T: Send + 'static>(stream: BoxStream<'static, T>, most: usize) -> BoxStream<'static, T> {
    let kept = stream.fold(VecDeque::new(), move |mut kept, item| async move {
        kept.push_back(item);
        if kept.len() > most {
            kept.pop_front();
        }
        kept
    });
    kept.map(futures::stream::iter).flatten_stream().boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_last_items() {
        let numbers = |most| last(futures::stream::iter(1..=5).boxed(), most).collect::<Vec<_>>();
        assert_eq!(numbers(2).await, [4, 5]);
        assert_eq!(numbers(9).await, [1, 2, 3, 4, 5]);
        assert_eq!(numbers(0).await, [0; 0]);
    }
}
