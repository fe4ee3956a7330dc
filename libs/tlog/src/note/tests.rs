use super::*;

/// The note that signed notes were introduced with, its keys and its signature.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const SIGNED: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn read(whole: &str) -> Result<Note, Error> {
    Note::parse(whole, Limits::default())
}

fn signer(name: &str, seed: u8) -> Signer {
    Signer::from_seed(name, &[seed; 32]).unwrap()
}

#[test]
fn the_known_note_is_signed_and_read_as_elsewhere() {
    let key: PublicKey = KEY.parse().unwrap();
    assert_eq!(key.to_string(), KEY);
    let seed = STANDARD.decode(SECRET).unwrap();
    let signer = Signer::from_seed("PeterNeumann", seed[1..].try_into().unwrap()).unwrap();
    assert_eq!(signer.public(), key);
    assert_eq!(signer.sign(TEXT), SIGNED);
    let whole = format!("{TEXT}\n{SIGNED}");
    let note = read(&whole).unwrap();
    assert_eq!((note.text.as_str(), note.to_string()), (TEXT, whole));
    assert_eq!(note.verify(&key), Ok(None));
}

#[test]
fn another_known_note_holds() {
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let whole = "This is an example message.\n\n\u{2014} example.com/foo \
                 Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert_eq!(read(whole).unwrap().verify(&key.parse().unwrap()), Ok(None));
}

#[test]
fn a_cosignature_holds_for_its_time_alone() {
    let (log, witness) = (signer("log.example", 1), signer("witness.example/w1", 2));
    let text = "log.example\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let whole = format!("{text}\n{}{}", log.sign(text), witness.cosign(text, 1_679_315_147));
    let note = read(&whole).unwrap();
    assert_eq!(note.verify(&log.public()), Ok(None));
    assert_eq!(note.verify(&witness.public_cosigner()), Ok(Some(1_679_315_147)));
    // One key pair, two kinds: neither stands for the other.
    assert_eq!(note.verify(&witness.public()), Err(Error::Unsigned));
    assert_eq!(note.verify(&log.public_cosigner()), Err(Error::Unsigned));
    assert!(witness.public_cosigner().to_string().contains("+BI"), "algorithm 4");

    let mut later = note.clone();
    later.signatures[1].signature[7] ^= 1;
    assert_eq!(later.verify(&witness.public_cosigner()), Err(Error::Signature));
    let mut short = note;
    short.signatures[1].signature.truncate(7);
    assert_eq!(short.verify(&witness.public_cosigner()), Err(Error::Signature));
    let beyond = format!("{text}\n{}", witness.cosign(text, u64::MAX));
    assert_eq!(
        read(&beyond).unwrap().verify(&witness.public_cosigner()),
        Err(Error::Signature)
    );
}

/// The example of the specification: what its cosigner's key id and time are.
#[test]
fn the_example_of_cosignatures_is_read() {
    let line: SignatureLine = "\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
        .parse()
        .unwrap();
    assert_eq!(line.key_id, [0x8d, 0x66, 0xcf, 0x3f]);
    let (time, signature) = line.signature.split_first_chunk::<8>().unwrap();
    assert_eq!((u64::from_be_bytes(*time), signature.len()), (1_679_315_147, 64));
    let message = cosigned("example.com/behind-the-sofa\n20852163\n", 1_679_315_147);
    assert!(message.starts_with("cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n"));
}

#[test]
fn strangers_count_for_nothing_and_one_bad_signature_for_all() {
    let (log, other) = (signer("log.example", 1), signer("log.example", 2));
    let text = "words\n\nand words\n";
    let note = read(&format!("{text}\n{}{}", other.sign(text), log.sign(text))).unwrap();
    assert_eq!(note.text, text);
    assert_eq!(note.verify(&log.public()), Ok(None));
    assert_eq!(note.verify(&signer("log.example", 3).public()), Err(Error::Unsigned));
    assert_eq!(note.verify(&signer("other.example", 1).public()), Err(Error::Unsigned));
    let twice = read(&format!("{text}\n{}{}", log.sign("other\n"), log.sign(text))).unwrap();
    assert_eq!(twice.verify(&log.public()), Err(Error::Signature));
}

#[test]
fn what_is_no_note_is_refused() {
    let line = signer("a", 1).sign("text\n");
    let good = format!("text\n\n{line}");
    read(&good).unwrap();
    let many = format!("text\n\n{}", line.repeat(65));
    let bad = [
        String::new(),
        "\n\n".to_owned(),
        line.clone(),
        format!("text\n{line}"),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("text\r\n\n{line}"),
        format!("te\u{0}xt\n\n{line}"),
        good.replace('\u{2014}', "-"),
        good.replace("\u{2014} a ", "\u{2014}  "),
        good.replace("\u{2014} a ", "\u{2014} a+b "),
        good.replace("\u{2014} a ", "\u{2014} a\u{a0}b "),
        "text\n\n\u{2014} a AAAAAA==\n".to_owned(),
        "text\n\n\u{2014} a ====\n".to_owned(),
        many,
        format!("{}\n\n{line}", "x".repeat(64 * 1024)),
    ];
    for whole in bad {
        assert!(read(&whole).is_err(), "{whole:?}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let good = signer("a.example", 1).public();
    assert_eq!(good.to_string().parse(), Ok(good.clone()));
    let text = good.to_string();
    let bad = [
        String::new(),
        "a".to_owned(),
        text.replacen("a.example", "b.example", 1),
        text.replacen("a.example", "", 1),
        text.replacen("+AY", "+BY", 1),
        text.replacen("+AY", "+CY", 1),
        text.trim_end_matches('=').chars().take(40).collect(),
        text.to_uppercase(),
        format!("{text}A"),
        format!("{text}\n"),
    ];
    for key in bad {
        assert!(key.parse::<PublicKey>().is_err(), "{key:?}");
    }
    assert!(Signer::from_seed("a b", &[0; 32]).is_err());
    assert!(!format!("{:?}", signer("a", 1)).contains("pair"));
}
