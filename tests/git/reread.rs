//! Every place that a source names can be read again.

use std::fs;

use stanch::source::{Error, History, Kind, Place, Staged, Worktree, read_blob};

use crate::repo::{Read, Repo, read};

fn assert_readable_again(repo: &Repo, found: &Read) {
    for (bytes, places) in &found.blobs {
        for place in places {
            assert_eq!(&read_blob(repo.path(), place).unwrap(), bytes, "{place:?}");
        }
    }
}

#[test]
fn every_place_gives_the_same_bytes_again() {
    let repo = Repo::new();
    repo.commit_file("a/b", "committed");
    repo.git(["tag", "--annotate", "v1", "-m", "tagged"]);
    repo.write("a/c", "staged");
    repo.git(["add", "."]);
    let kinds = |found: &Read| -> Vec<Kind> {
        let mut kinds: Vec<_> = found.blobs.iter().map(|(_, places)| places[0].kind).collect();
        kinds.sort();
        kinds
    };
    let history = read(&History::new(repo.path()));
    assert_eq!(kinds(&history), [Kind::Blob, Kind::CommitMessage, Kind::TagMessage]);
    assert_readable_again(&repo, &history);
    let staged = read(&Staged::new(repo.path()));
    assert_eq!(kinds(&staged), [Kind::Staged]);
    assert_readable_again(&repo, &staged);
    let worktree = read(&Worktree::new(vec![repo.path().to_owned()]));
    assert_eq!(kinds(&worktree), [Kind::File, Kind::File]);
    assert_readable_again(&repo, &worktree);
}

#[test]
fn what_is_gone_is_an_error() {
    let repo = Repo::new();
    repo.commit_file("a", "content");
    let found = read(&History::new(repo.path()));
    let mut place = found.places("content")[0].clone();
    fs::remove_file(repo.loose_object(place.blob.as_ref().unwrap())).unwrap();
    let gone = |place: &Place| read_blob(repo.path(), place).unwrap_err();
    assert!(matches!(gone(&place), Error::Gone { .. }));
    place.blob = Some("no id".to_owned());
    assert!(matches!(gone(&place), Error::Gone { .. }));
    assert!(matches!(gone(&Place::new(Kind::Stdin, None)), Error::Gone { .. }));
    let missing = Place::new(Kind::File, "missing".to_owned());
    assert!(matches!(gone(&missing), Error::Read { .. }));
}
