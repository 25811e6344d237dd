//! One form for a noun in singular and plural, and for a verb in the third person: the S stemmer of Harman, "How
//! effective is suffixing?" (1991). It takes off too little rather than too much: names in code are short, and `news` and
//! `new` are two functions.

/// Shorter words stay as they are.
const LETTERS_MIN: usize = 4;

/// Takes a plural's ending off a word in lower case. Words with other letters than a to z stay as they are.
pub(crate) fn stem(word: &mut String) {
    if word.len() < LETTERS_MIN || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return;
    }
    let ends = |ending: &str| word.ends_with(ending);
    if ends("ies") {
        if !ends("eies") && !ends("aies") {
            word.truncate(word.len() - "ies".len());
            word.push('y');
        }
    } else if ends("es") {
        if !ends("aes") && !ends("ees") && !ends("oes") {
            word.truncate(word.len() - 1);
        }
    } else if ends("s") && !ends("us") && !ends("ss") {
        word.truncate(word.len() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    fn stemmed(word: &str) -> String {
        let mut word = word.to_owned();
        stem(&mut word);
        word
    }

    /// Scenario: plurals, verbs and words that only end like them. Guarantee: Harman's three rules, nothing more.
    #[test]
    fn plurals_lose_their_ending() {
        for (word, stem) in [
            ("orders", "order"),
            ("returns", "return"),
            ("entries", "entry"),
            ("indexes", "indexe"),
            ("processes", "processe"),
            ("status", "status"),
            ("access", "access"),
            ("is", "is"),
            ("ets", "ets"),
            ("utf8s", "utf8s"),
        ] {
            assert_eq!(stemmed(word), stem, "{word}");
        }
    }

    /// Scenario: a stem. Guarantee: stemming it again changes nothing that a plain word could not (an `s` is lost once).
    #[test]
    fn singular_words_stay() {
        for word in ["order", "entry", "class", "menu", "value"] {
            assert_eq!(stemmed(word), word);
        }
    }
}
