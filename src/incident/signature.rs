//! Signed checkpoints: the head of a chain, signed (Ed25519) as a C2SP signed note.
//!
//! ```text
//! stanch.incident/v1/INC-…          the origin: which record
//! 12                                how many events
//! q83v…=                            the hash of the last one, in base64
//!
//! — stanch-1f0c9a3e q83vASNF…=     the key's name; its id and the signature, in base64
//! ```
//!
//! The third line is the head of the hash chain, not the root of a Merkle tree: this is a signed note,
//! not a C2SP tlog checkpoint. A checkpoint proves that whoever held the key had seen this head. It
//! proves no time, and nothing against somebody who holds the key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Head, IncidentId};

/// What the origin of every checkpoint begins with.
const ORIGIN: &str = "stanch.incident/v1/";
/// Says Ed25519 in a C2SP key id.
const ED25519: u8 = 0x01;
/// What a written private key begins with.
const PRIVATE: &str = "PRIVATE+KEY+";

/// Signs checkpoints.
pub struct Signer {
    name: String,
    key: SigningKey,
}

/// Tells whether a signature is that of a key. It is written as C2SP verifier keys are: the name, the
/// key's id and the key, such as `stanch-1f0c9a3e+1f0c9a3e+AQ…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

/// A signed head, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// Which incident.
    pub incident: IncidentId,
    /// Its head.
    pub head: Head,
    /// The name of the key.
    pub key: String,
    /// The text that is signed.
    text: String,
    key_id: [u8; 4],
    signature: [u8; 64],
}

impl Signer {
    /// Returns the signer with that secret, which must be random.
    pub fn new(secret: &Zeroizing<[u8; 32]>) -> Self {
        let key = SigningKey::from_bytes(secret);
        let digest = Sha256::digest(key.verifying_key().as_bytes());
        let name = format!("stanch-{}", hex(&digest[..4]));
        Self { name, key }
    }

    /// Reads a signer as [`Signer::written`] wrote it.
    ///
    /// # Errors
    /// Where it is no such key. The text is never repeated.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let wrong = "it is no signing key of stanch";
        let rest = text.trim().strip_prefix(PRIVATE).ok_or(wrong)?;
        // Base64 may hold a + itself: the secret is all behind the second one.
        let secret = rest.splitn(3, '+').nth(2).ok_or(wrong)?;
        let bytes = Zeroizing::new(BASE64.decode(secret).map_err(|_| wrong)?);
        let [ED25519, secret @ ..] = bytes.as_slice() else { return Err(wrong) };
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(secret.try_into().map_err(|_| wrong)?);
        let signer = Self::new(&secret);
        match signer.written().trim() == text.trim() {
            true => Ok(signer),
            false => Err(wrong),
        }
    }

    /// Returns the private key as text: for a file that only its owner can read.
    pub fn written(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(vec![ED25519]);
        bytes.extend_from_slice(self.key.as_bytes());
        let secret = Zeroizing::new(BASE64.encode(&bytes));
        let id = hex(&self.verifier().id());
        Zeroizing::new(format!("{PRIVATE}{}+{id}+{}\n", self.name, secret.as_str()))
    }

    /// Returns what tells whether a signature is this one's.
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// Signs the head of an incident's chain.
    pub fn sign_head(&self, incident: &IncidentId, head: &Head) -> SignedHead {
        let text = text_of(incident, head);
        SignedHead {
            incident: incident.clone(),
            head: head.clone(),
            key: self.name.clone(),
            key_id: self.verifier().id(),
            signature: self.sign(text.as_bytes()),
            text,
        }
    }

    /// Signs bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.name)
    }
}

impl Verifier {
    /// Returns the name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether this is the signature of these bytes by this key.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.key.verify_strict(bytes, &signature).is_ok()
    }

    /// Tells whether a head was signed by this key, and not changed since.
    pub fn signed(&self, signed: &SignedHead) -> bool {
        signed.key_id == self.id() && self.verifies(signed.text.as_bytes(), &signed.signature)
    }

    fn id(&self) -> [u8; 4] {
        let mut digest = Sha256::new();
        digest.update(self.name.as_bytes());
        digest.update([b'\n', ED25519]);
        digest.update(self.key.as_bytes());
        let digest = digest.finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ED25519];
        bytes.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), BASE64.encode(bytes))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

impl std::str::FromStr for Verifier {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            || "a public key is its name, its id and the key, with + between them".to_owned();
        if text.starts_with(PRIVATE) {
            return Err("this is a private key; give the public one".to_owned());
        }
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let (name, id, key) =
            name.zip(id).zip(key).map(|((n, i), k)| (n, i, k)).ok_or_else(wrong)?;
        let bytes = BASE64.decode(key).map_err(|_| wrong())?;
        let [ED25519, key @ ..] = bytes.as_slice() else { return Err(wrong()) };
        let key = <&[u8; 32]>::try_from(key).map_err(|_| wrong())?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| wrong())?;
        let verifier = Self { name: name.to_owned(), key };
        match hex(&verifier.id()) == id {
            true => Ok(verifier),
            false => {
                Err("the public key doesn't have the id it is given: it was changed".to_owned())
            }
        }
    }
}

fn text_of(incident: &IncidentId, head: &Head) -> String {
    let size = head.seq.saturating_add(1);
    format!("{ORIGIN}{incident}\n{size}\n{}\n", BASE64.encode(unhex(&head.hash)))
}

impl fmt::Display for SignedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id[..], &self.signature].concat();
        write!(f, "{}\n\u{2014} {} {}\n", self.text, self.key, BASE64.encode(bytes))
    }
}

impl std::str::FromStr for SignedHead {
    type Err = String;

    fn from_str(note: &str) -> Result<Self, Self::Err> {
        let wrong = || "it is no signed checkpoint".to_owned();
        let (text, signature) = note.split_once("\n\n").ok_or_else(wrong)?;
        let mut lines = text.lines();
        let incident = lines.next().and_then(|line| line.strip_prefix(ORIGIN)).ok_or_else(wrong)?;
        let size: u64 = lines.next().and_then(|line| line.parse().ok()).ok_or_else(wrong)?;
        let hash = lines.next().and_then(|line| BASE64.decode(line).ok()).ok_or_else(wrong)?;
        let seq = size.checked_sub(1).ok_or_else(wrong)?;
        // Of several signatures the first is read: this program writes one.
        let line = signature.lines().next().and_then(|line| line.strip_prefix("\u{2014} "));
        let (key, signature) = line.and_then(|line| line.split_once(' ')).ok_or_else(wrong)?;
        let bytes = BASE64.decode(signature).map_err(|_| wrong())?;
        let (key_id, signature) = bytes.split_first_chunk::<4>().ok_or_else(wrong)?;
        Ok(Self {
            incident: incident.to_owned().into(),
            head: Head { seq, hash: hex(&hash) },
            key: key.to_owned(),
            text: format!("{text}\n"),
            key_id: *key_id,
            signature: signature.try_into().map_err(|_| wrong())?,
        })
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the bytes of hexadecimal digits; what is none becomes a zero, which matches no hash.
fn unhex(digits: &str) -> Vec<u8> {
    let byte =
        |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
    digits.as_bytes().chunks(2).map(|pair| byte(pair).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(seed: u8) -> Signer {
        Signer::new(&Zeroizing::new([seed; 32]))
    }

    fn head() -> Head {
        Head { seq: 11, hash: "ab".repeat(32) }
    }

    #[test]
    fn keys_read_back_and_say_nothing_of_the_secret() {
        for seed in 0..=255 {
            let any = signer(seed);
            assert_eq!(Signer::parse(&any.written()).unwrap().verifier(), any.verifier());
        }
        let one = signer(1);
        let written = one.written();
        assert_eq!(Signer::parse(&written).unwrap().verifier(), one.verifier());
        assert_eq!(one.verifier().to_string().parse::<Verifier>().unwrap(), one.verifier());
        assert!(written.parse::<Verifier>().unwrap_err().contains("private"));
        assert!(!format!("{one:?}").contains(&BASE64.encode([1; 32])));
        for wrong in ["", "PRIVATE+KEY+a+b+c", &written[..written.len() - 4]] {
            assert!(Signer::parse(wrong).is_err());
        }
        let other = one.verifier().to_string().replace("stanch-", "stench-");
        assert!(other.parse::<Verifier>().unwrap_err().contains("changed"));
    }

    #[test]
    fn a_note_verifies_as_it_was_signed_and_in_no_other_form() {
        let (one, other) = (signer(1), signer(2));
        let id = IncidentId::from("INC-1".to_owned());
        let note = one.sign_head(&id, &head()).to_string();
        assert!(note.starts_with("stanch.incident/v1/INC-1\n12\nq6ur"), "{note}");
        let read: SignedHead = note.parse().unwrap();
        assert_eq!((read.to_string(), &read.head, &read.incident), (note.clone(), &head(), &id));
        assert!(one.verifier().signed(&read) && !other.verifier().signed(&read));
        for (from, to) in [("INC-1", "INC-2"), ("\n12\n", "\n13\n"), ("q6ur", "q6us")] {
            let changed: SignedHead = note.replacen(from, to, 1).parse().unwrap();
            assert!(!one.verifier().signed(&changed), "{from}");
        }
        for cut in 0..note.len() - 2 {
            let Some(part) = note.get(..cut) else { continue };
            let is_valid = part.parse::<SignedHead>().is_ok_and(|n| one.verifier().signed(&n));
            assert!(!is_valid, "{part}");
        }
    }
}
