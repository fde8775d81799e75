//! Whether two addresses of repositories are surely of the same one.

/// An address of a repository on another machine.
#[derive(Debug)]
struct Address<'a> {
    scheme: &'a str,
    /// Who logs in, where the path may begin in their home folder.
    user: &'a str,
    host: &'a str,
    port: &'a str,
    path: &'a str,
}

/// Returns whether two addresses are of the same repository: they are the same text, or name the same path on
/// the same machine, be it by different protocols. Two that can't be read are told apart.
pub(super) fn is_same_place(a: &str, b: &str) -> bool {
    a == b
        || match (Address::parse(a), Address::parse(b)) {
            (Some(a), Some(b)) => a.is_same_place(&b),
            _ => false,
        }
}

impl<'a> Address<'a> {
    /// Reads `https://host/path` or, as ssh is mostly written, `user@host:path`.
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, login, path) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let slash = rest.find('/').unwrap_or(rest.len());
                (scheme, &rest[..slash], &rest[slash..])
            }
            // A colon behind a slash stands in the name of a folder, and two before the name of a program.
            None => {
                let (login, path) = text.split_once(':')?;
                let is_ssh = !login.contains('/') && !path.starts_with(':');
                is_ssh.then_some(("ssh", login, path))?
            }
        };
        let (user, host) = login.rsplit_once('@').unwrap_or(("", login));
        let (host, port) = host.split_once(':').unwrap_or((host, ""));
        let user = if scheme == "ssh" { user } else { "" };
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        (!host.is_empty()).then_some(Self { scheme, user, host, port, path })
    }

    fn is_same_place(&self, other: &Self) -> bool {
        let is_path = match self.scheme == other.scheme {
            // By the same protocol each port may have its own repositories, and each user a home folder.
            true => (self.user, self.port, self.path) == (other.user, other.port, other.path),
            false => self.path.trim_start_matches('/') == other.path.trim_start_matches('/'),
        };
        is_path && self.host.eq_ignore_ascii_case(other.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_path_on_the_same_machine_is_the_same_place() {
        let same = [
            ("../server.git", "../server.git"),
            ("https://forge.example/a/b", "https://forge.example/a/b.git/"),
            ("https://ada@Forge.example/a/b", "https://forge.example/a/b"),
            ("https://forge.example/a/b", "git@forge.example:a/b.git"),
            ("https://forge.example/a/b", "ssh://git@forge.example:2222/a/b.git"),
        ];
        for (a, b) in same {
            assert!(is_same_place(a, b) && is_same_place(b, a), "{a} {b}");
        }
    }

    #[test]
    fn what_may_be_another_place_is_one() {
        let others = [
            ("../server.git", "server.git"),
            ("https://forge.example/a/b", "https://forge.example/a/c"),
            ("https://forge.example/a/b", "https://other.example/a/b"),
            ("https://forge.example:1/a/b", "https://forge.example:2/a/b"),
            ("ada@forge.example:a", "carl@forge.example:a"),
            ("git@forge.example:a/b", "ssh://git@forge.example/a/b"),
            ("file:///a/b", "/a/b"),
            ("file:///a/b", "file:///a/b.git"),
            ("ext::a b", "ext::a b.git"),
            ("./a:b", "./a:b.git"),
            ("", "https://forge.example/a/b"),
        ];
        for (a, b) in others {
            assert!(!is_same_place(a, b) && !is_same_place(b, a), "{a} {b}");
        }
    }
}
