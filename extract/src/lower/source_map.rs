//! Byte offsets to lines and columns.

use distsys_facts::Position;

/// A range of byte offsets in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: u32, end: u32) -> Self {
        Span { start, end }
    }
}

/// The text of a file with the offsets of its lines.
#[derive(Debug)]
pub struct SourceMap<'s> {
    text: &'s str,
    line_starts: Vec<u32>,
    ascii: bool,
}

impl<'s> SourceMap<'s> {
    pub fn new(text: &'s str) -> Self {
        let mut line_starts = vec![0];
        line_starts.extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at as u32 + 1));
        SourceMap { text, line_starts, ascii: text.is_ascii() }
    }

    pub fn text(&self) -> &'s str {
        self.text
    }

    /// The text of a span, empty if the span is not within the file or cuts a character.
    pub fn slice(&self, span: Span) -> &'s str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The text of a span and what follows it on its last line.
    pub fn to_line_end(&self, span: Span) -> &'s str {
        let rest = self.text.get(span.end as usize..).unwrap_or("");
        let line = rest.lines().next().map_or(0, str::len) as u32;
        self.slice(Span::new(span.start, span.end + line))
    }

    /// The line above the one that an offset is in.
    pub fn line_above(&self, offset: u32) -> &'s str {
        let before = self.text.get(..offset as usize).unwrap_or("");
        let above = before.rfind('\n').map_or("", |end| &before[..end]);
        above.rsplit('\n').next().unwrap_or("")
    }

    /// The text of a span up to `most` bytes, in whole lines if it is longer.
    pub fn beginning(&self, span: Span, most: u32) -> &'s str {
        let whole = self.slice(span);
        let Some((cut, _)) = whole.char_indices().nth(most as usize) else { return whole };
        whole[..cut].rsplit_once('\n').map_or("", |(lines, _)| lines)
    }

    /// The number of lines, a last one without line feed included.
    pub fn lines(&self) -> u32 {
        let last_is_empty = self.line_starts.last().is_some_and(|start| *start as usize == self.text.len());
        self.line_starts.len() as u32 - u32::from(last_is_empty)
    }

    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        let column = if self.ascii {
            offset - start
        } else {
            self.text
                .get(start as usize..offset as usize)
                .map_or(offset - start, |before| before.chars().count() as u32)
        };
        Position::new(line as u32, column + 1)
    }
}
