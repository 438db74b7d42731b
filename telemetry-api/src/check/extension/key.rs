//! Whether a text is a public key as PEM writes one. What kind of key it is, is asked where signatures are verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What every block begins its first and its last line with.
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// What closes those lines.
const DASHES: &str = "-----";

/// The label of a public key's block.
const PUBLIC: &str = "PUBLIC KEY";

/// The first byte of a sequence of DER, which every public key is.
const SEQUENCE: u8 = 0x30;

/// What is wrong with a public key, if anything.
pub(in crate::check) fn fault(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let label = lines.next().and_then(|line| line.strip_prefix(BEGIN)?.strip_suffix(DASHES));
    let Some(label) = label else { return Some(format!("it does not begin with `{BEGIN}{PUBLIC}{DASHES}`")) };
    if label.ends_with("PRIVATE KEY") {
        return Some(
            "it is a private one, with which whoever reads the document can sign modules".to_owned(),
        );
    }
    if label != PUBLIC {
        return Some(format!("it is a block of another kind than {PUBLIC}"));
    }
    let last = format!("{END}{PUBLIC}{DASHES}");
    let mut body = String::new();
    let mut ended = false;
    for line in lines {
        if ended {
            return Some("more follows its last line".to_owned());
        }
        match line == last {
            true => ended = true,
            false => body.push_str(line),
        }
    }
    if !ended {
        return Some(format!("it does not end with `{last}`"));
    }
    match STANDARD.decode(body) {
        Err(_) => Some("what is between its first and last line is not base64".to_owned()),
        Ok(der) if der.first() != Some(&SEQUENCE) => Some("what it holds is no key".to_owned()),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BEGIN, END, fault};
    use crate::test;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
                       MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqiLuArRcZCY1s650JgKUDpj7f+b8\n\
                       9Y9AEmZyqSvJX2FMOPLQG1pVNZiCdB7a1zFmWlrbkM0KMVKZkPNLCTYUGQ==\n\
                       -----END PUBLIC KEY-----\n";

    #[test]
    fn public_keys_are_told_from_everything_else() {
        assert_eq!(fault(KEY), None);
        assert_eq!(fault(&KEY.replace('\n', "\r\n  ")), None);
        for (text, part) in [
            (String::new(), "does not begin"),
            ("our-key".to_owned(), "does not begin"),
            (KEY.replace("PUBLIC", "PRIVATE"), "private"),
            (KEY.replace("PUBLIC", "EC PRIVATE"), "private"),
            (KEY.replace("PUBLIC KEY", "CERTIFICATE"), "another kind"),
            (KEY.replace(END, ""), "does not end"),
            (format!("{KEY}{BEGIN}"), "more follows"),
            (KEY.replace("MFkw", "M?kw"), "not base64"),
            (KEY.replace("MFkw", "AFkw"), "no key"),
        ] {
            let found = fault(&text).unwrap_or_default();
            assert!(found.contains(part), "{text}: {found}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(-----BEGIN |-----END |PUBLIC KEY|-----|\n|MFkw|=|é| ){0,20}") {
            let _ = fault(&text);
        }
    }
}
