//! Several containments at the same time: so many and no more, told in the order they were asked for.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream;

/// How many keys are worked on at the same time. More would wait for the provider's rate limits anyway.
pub const AT_ONCE: usize = 16;

/// Carries out tasks at the same time, [`AT_ONCE`] at most. Each result is told as soon as those of all
/// tasks before it were: the order is that of the tasks, however fast each is. A task that fails holds up
/// no other.
pub async fn at_once<F: Future>(
    tasks: impl IntoIterator<Item = F>,
    mut tell: impl FnMut(usize, F::Output),
) {
    let numbered = tasks.into_iter().enumerate();
    let numbered = numbered.map(|(number, task)| async move { (number, task.await) });
    let mut ended = std::pin::pin!(stream::iter(numbered).buffer_unordered(AT_ONCE));
    let (mut early, mut next) = (BTreeMap::new(), 0);
    while let Some((number, result)) = ended.next().await {
        early.insert(number, result);
        while let Some(result) = early.remove(&next) {
            tell(next, result);
            next += 1;
        }
    }
}
