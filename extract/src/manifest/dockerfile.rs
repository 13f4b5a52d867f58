//! Dockerfiles as key paths: an instruction is a key (`CMD`), a variable stands below it (`ENV.DATABASE_URL`).

/// Calls `row` with key, value and line of each instruction.
pub(super) fn rows(text: &str, row: &mut dyn FnMut(&str, &str, u32)) {
    let mut lines = (1u32..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut instruction = line.to_owned();
        while let Some(begun) = instruction.strip_suffix('\\') {
            instruction = begun.trim_end().to_owned();
            // Comments and empty lines stand between the lines of an instruction.
            let next =
                lines.by_ref().map(|(_, line)| line.trim()).find(|line| !line.starts_with('#') && !line.is_empty());
            let Some(next) = next else { break };
            instruction.push(' ');
            instruction.push_str(next);
        }
        let Some((name, value)) = instruction.split_once(char::is_whitespace) else { continue };
        let (name, value) = (name.to_ascii_uppercase(), value.trim());
        if !name.bytes().all(|byte| byte.is_ascii_uppercase()) {
            continue;
        }
        if let Some(end) = here_document(&name, value) {
            lines.by_ref().find(|(_, line)| line.trim() == end);
        }
        match name.as_str() {
            "ENV" => variables(value, |variable, value| row(&format!("ENV.{variable}"), value, number)),
            _ => row(&name, value, number),
        }
    }
}

/// The word that ends the lines which an instruction takes as its input.
fn here_document(name: &str, value: &str) -> Option<String> {
    let (_, rest) = value.split_once("<<").filter(|_| matches!(name, "RUN" | "COPY" | "ADD"))?;
    let word: String = rest
        .trim_start_matches('-')
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// `A=1 B="two words"`, or the old form `A one`.
fn variables(text: &str, mut found: impl FnMut(&str, &str)) {
    let first = text.split_whitespace().next().unwrap_or_default();
    if !first.contains('=') {
        return found(first, text[first.len()..].trim());
    }
    let mut rest = text;
    while let Some((name, after)) = rest.trim_start().split_once('=') {
        let end = match after.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            Some(quote) => after[1..].find(quote).map_or(after.len(), |at| at + 2),
            None => after.find(char::is_whitespace).unwrap_or(after.len()),
        };
        found(name, after[..end].trim_matches(['"', '\'']));
        rest = &after[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_keys() {
        let text = "# syntax=docker/dockerfile:1\nFROM python:3.12 AS base\nENV A=1 B=\"two words\" \\\n    # why\n    C='3'\nENV OLD some value\n\
                    RUN <<EOF\nCMD not one\nEOF\ncmd [\"gunicorn\", \"-w\", \"4\"]\nSTOPSIGNAL SIGQUIT\nX";
        let mut found = Vec::new();
        rows(text, &mut |key, value, line| found.push(format!("{line} {key}={value}")));
        assert_eq!(
            found,
            [
                "2 FROM=python:3.12 AS base",
                "3 ENV.A=1",
                "3 ENV.B=two words",
                "3 ENV.C=3",
                "6 ENV.OLD=some value",
                "7 RUN=<<EOF",
                "10 CMD=[\"gunicorn\", \"-w\", \"4\"]",
                "11 STOPSIGNAL=SIGQUIT"
            ]
        );
        for hostile in ["ENV", "ENV \\", "ENV A=\"", "ENV =", "RUN <<", "\\\n\\\n\\", "ENV ü='ü", "CMD \\\n#\n#"] {
            rows(hostile, &mut |_, _, _| {});
        }
    }
}
