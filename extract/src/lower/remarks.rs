//! What comments at the beginning of a handler or arm say of what fails there.

/// Whether a comment in `text` says that what fails is borne, whatever the language's marker of comments: that it is best
/// effort, or that what it is a part of is not to fail for it.
pub(crate) fn says_borne(text: &str) -> bool {
    text.lines().filter_map(comment).any(|comment| {
        let comment = comment.to_ascii_lowercase();
        let comment = comment.replace(['-', '\u{2019}', '\''], " ");
        BORNE.iter().any(|says| comment.contains(says))
    })
}

/// What a line says in a comment: behind its marker, or all of one that goes on with a star.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix('*') {
        return Some(rest);
    }
    ["//", "/*", "# "].into_iter().filter_map(|marker| line.split_once(marker)).map(|(_, rest)| rest).next()
}

/// Without dashes and apostrophes.
const BORNE: &[&str] = &[
    "best effort",
    "non fatal",
    "nonfatal",
    "not fatal",
    "non critical",
    "noncritical",
    "not critical",
    "non essential",
    "not essential",
    "nice to have",
    "don t fail the",
    "do not fail the",
    "shouldn t fail the",
    "should not fail the",
    "must not fail the",
    "not fail the entire",
    "not fail the whole",
    "don t fail because",
    "but don t fail",
    "but do not fail",
    "don t block the",
    "do not block the",
    "should not block",
    "shouldn t block",
    "must not block",
];

#[cfg(test)]
mod tests {
    use super::says_borne;

    #[test]
    fn what_is_borne_says_so_in_a_comment() {
        assert!(says_borne("{\n  // Best-effort: the order is placed already\n  log(error)\n}"));
        assert!(says_borne("except Exception:\n    # Log but don't fail the import\n    log.warning(1)"));
        assert!(says_borne("{ /* non-fatal */ }"));
        assert!(!says_borne("{\n  // try again later\n  log(\"best effort\")\n}"));
        assert!(!says_borne("except Exception:\n    # keep the loop alive\n    log.warning(1)"));
    }
}
